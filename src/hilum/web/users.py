"""Users and API tokens, for operators."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from hilum.language import Message
from hilum.records import access, accounts
from hilum.records.accounts import AccountError, Role
from hilum.records.limits import StudyLimits
from hilum.web.context import WebContext
from hilum.web.pages import render
from hilum.web.sessions import ConfirmedOperator, Context, Visitor, note

router: Final = APIRouter(include_in_schema=False)

SEE_OTHER: Final = 303
CONFLICT: Final = 409
HERE: Final = "/users"

DAYS: Final = (30, 90, 365)
"""Lives of a token that are offered; 0 is for ever."""

YOURSELF: Final = Message("You cannot change or remove your own account. Ask another operator.")


def page(
    request: Request, who: Visitor, context: WebContext, *, error: str = "", token: str = ""
) -> Response:
    """Return the page, with what went wrong or a token that was just made."""
    with context.database.look() as connection:
        users = accounts.users(connection)
        tokens = access.list_tokens(connection)
    return render(
        request,
        "users.html",
        who,
        status=CONFLICT if error else 200,
        users=users,
        tokens=tokens,
        now=datetime.now(UTC),
        days=DAYS,
        limited=context.settings.page.limit_studies,
        error=error,
        token=token,
    )


@router.get(HERE)
def show(request: Request, who: ConfirmedOperator, context: Context) -> Response:
    """Show users and tokens."""
    return page(request, who, context)


@router.post(HERE)
def add(  # noqa: PLR0917  FastAPI gives them by name
    request: Request,
    who: ConfirmedOperator,
    context: Context,
    name: Annotated[str, Form()] = "",
    role: Annotated[Role, Form()] = Role.VIEWER,
    password: Annotated[str, Form()] = "",
) -> Response:
    """Add a user."""
    try:
        kept = accounts.hashed(password, name)
        with context.database.transaction() as connection:
            user = accounts.add(
                connection, name.strip(), role, password_hash=kept, now=datetime.now(UTC)
            )
    except AccountError as exc:
        return page(request, who, context, error=exc.message)
    note(context, who.name, "user.added", user=user.name, role=role)
    return RedirectResponse(HERE, SEE_OTHER)


@router.post(HERE + "/role")
def change_role(
    request: Request,
    who: ConfirmedOperator,
    context: Context,
    name: Annotated[str, Form()],
    role: Annotated[Role, Form()],
) -> Response:
    """Change what a user may do."""
    if name == who.name:
        return page(request, who, context, error=YOURSELF)
    try:
        with context.database.transaction() as connection:
            accounts.set_role(connection, name, role)
    except AccountError as exc:
        return page(request, who, context, error=exc.message)
    note(context, who.name, "user.role_changed", user=name, role=role)
    return RedirectResponse(HERE, SEE_OTHER)


@router.post(HERE + "/limits")
def limit(
    request: Request,
    who: ConfirmedOperator,
    context: Context,
    name: Annotated[str, Form()],
    limits: Annotated[str, Form()] = "",
) -> Response:
    """Change to which studies a user is limited."""
    if name == who.name:
        return page(request, who, context, error=YOURSELF)
    try:
        wanted = StudyLimits.parse(text for text in limits.split(";") if text.strip()).texts
        with context.database.transaction() as connection:
            accounts.set_limits(connection, name, wanted)
    except AccountError as exc:
        return page(request, who, context, error=exc.message)
    note(context, who.name, "user.limits_changed", user=name, limits=list(wanted))
    return RedirectResponse(HERE, SEE_OTHER)


@router.post(HERE + "/sign-out")
def sign_out(who: ConfirmedOperator, context: Context, name: Annotated[str, Form()]) -> Response:
    """End all sessions of a user."""
    with context.database.transaction() as connection:
        count = access.end_sessions(connection, name, but=who.key)
    note(context, who.name, "user.sessions_ended", user=name, count=count)
    return RedirectResponse(HERE, SEE_OTHER)


@router.post(HERE + "/remove")
def remove(
    request: Request, who: ConfirmedOperator, context: Context, name: Annotated[str, Form()]
) -> Response:
    """Remove a user and end their sessions."""
    if name == who.name:
        return page(request, who, context, error=YOURSELF)
    try:
        with context.database.transaction() as connection:
            accounts.remove(connection, name)
    except AccountError as exc:
        return page(request, who, context, error=exc.message)
    note(context, who.name, "user.removed", user=name)
    return RedirectResponse(HERE, SEE_OTHER)


@router.post(HERE + "/tokens")
def add_token(  # noqa: PLR0917  FastAPI gives them by name
    request: Request,
    who: ConfirmedOperator,
    context: Context,
    name: Annotated[str, Form()] = "",
    role: Annotated[Role, Form()] = Role.VIEWER,
    days: Annotated[int, Form(ge=0, le=3650)] = 90,
) -> Response:
    """Create a token and show it once."""
    now = datetime.now(UTC)
    expires = now + timedelta(days=days) if days else None
    try:
        with context.database.transaction() as connection:
            secret = access.add_token(
                connection, name.strip(), who.name, role, expires=expires, now=now
            )
    except AccountError as exc:
        return page(request, who, context, error=exc.message)
    note(context, who.name, "token.added", token=name.strip(), role=role, days=days)
    return page(request, who, context, token=secret)


@router.post(HERE + "/tokens/remove")
def revoke_token(
    request: Request, who: ConfirmedOperator, context: Context, name: Annotated[str, Form()]
) -> Response:
    """Revoke a token."""
    try:
        with context.database.transaction() as connection:
            access.revoke_token(connection, name)
    except AccountError as exc:
        return page(request, who, context, error=exc.message)
    note(context, who.name, "token.removed", token=name)
    return RedirectResponse(HERE, SEE_OTHER)
