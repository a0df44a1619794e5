"""One's own account: a new password."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from hilum.language import Message
from hilum.records import accounts, attempts
from hilum.records.accounts import AccountError, PasswordWeak
from hilum.web.login import TOO_MANY, TOO_MANY_REQUESTS, address_of, signed_in, try_password
from hilum.web.pages import render
from hilum.web.sessions import Context, NotAllowed, Viewer, Visitor, note

router: Final = APIRouter(include_in_schema=False)

UNPROCESSABLE: Final = 422

WRONG_NOW: Final = Message("The current password is wrong.")
NOT_THE_SAME: Final = Message("The two new passwords are not the same.")
BAD_LENGTH: Final = Message(
    "A password has 12 to 1024 characters. Take a longer one, e.g. four words."
)
WEAK: Final = Message(
    "This password is easy to guess. Take another one, e.g. four unrelated words."
)
NOT_LOCAL: Final = Message("Your password is kept by the provider that you signed in with.")


def _shown(request: Request, who: Visitor, error: str, status: int = UNPROCESSABLE) -> Response:
    return render(request, "account.html", who, status=status, error=error)


@router.get("/account")
def show(request: Request, who: Viewer) -> Response:
    """Show the form."""
    return _shown(request, who, "", 200)


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
    try:  # counted at the session: who has stolen one guesses no faster than anybody
        attempt = try_password(request, context, who.name, f"{attempts.KNOWN}session {who.key}")
    except attempts.TooManyFailures as exc:
        return _shown(request, who, TOO_MANY.with_values(seconds=exc.wait_s), TOO_MANY_REQUESTS)
    with context.database.look() as connection:
        kept = accounts.password_hash(connection, who.name)
    if not accounts.is_password(kept, present):
        note(context, who.name, "user.password_refused", address=address_of(request))
        return _shown(request, who, WRONG_NOW)
    with context.database.transaction() as connection:
        attempts.succeeded(connection, attempt)
    if new != again:
        return _shown(request, who, NOT_THE_SAME)
    try:
        made = accounts.hashed(new, who.name)
    except AccountError as exc:
        return _shown(request, who, WEAK if isinstance(exc, PasswordWeak) else BAD_LENGTH)
    with context.database.transaction() as connection:
        accounts.set_password(connection, who.name, made)
    note(context, who.name, "user.password_changed")
    return signed_in(request, context, who.name, "/")
