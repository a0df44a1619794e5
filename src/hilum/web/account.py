"""One's own account: a new password."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from hilum.language import Message
from hilum.records import accounts
from hilum.records.accounts import AccountError
from hilum.web.login import signed_in
from hilum.web.pages import render
from hilum.web.sessions import Context, NotAllowed, Viewer, note

router: Final = APIRouter(include_in_schema=False)

UNPROCESSABLE: Final = 422

WRONG_NOW: Final = Message("The current password is wrong.")
NOT_THE_SAME: Final = Message("The two new passwords are not the same.")
BAD_LENGTH: Final = Message(
    "A password has 12 to 1024 characters. Take a longer one, e.g. four words."
)
NOT_LOCAL: Final = Message("Your password is kept by the provider that you signed in with.")


@router.get("/account")
def show(request: Request, who: Viewer) -> Response:
    """Show the form."""
    return render(request, "account.html", who, error="")


@router.post("/account")
def change_password(  # noqa: PLR0917  FastAPI gives them by name
    request: Request,
    who: Viewer,
    context: Context,
    present: Annotated[str, Form()] = "",
    new: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Change it, end all sessions of this user, and begin a new one here."""
    if not who.local:
        raise NotAllowed(NOT_LOCAL)
    with context.database.look() as connection:
        kept = accounts.password_hash(connection, who.name)
    error = WRONG_NOW if not accounts.is_password(kept, present) else ""
    error = error or (NOT_THE_SAME if new != again else "")
    if not error:
        try:
            made = accounts.hashed(new)
        except AccountError:
            error = BAD_LENGTH
    if error:
        return render(request, "account.html", who, status=UNPROCESSABLE, error=error)
    with context.database.transaction() as connection:
        accounts.set_password(connection, who.name, made)
    note(context, who.name, "user.password_changed")
    return signed_in(request, context, who.name, "/")
