"""Users and API tokens, for operators."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from hilum.language import Message
from hilum.records import Connection, access, accounts
from hilum.records.accounts import AccountError, Role
from hilum.records.limits import StudyLimits
from hilum.web.pages import render
from hilum.web.sessions import ConfirmedOperator, Context, note

router: Final = APIRouter(include_in_schema=False)

HERE: Final = "/users"

DAYS: Final = (30, 90, 365)
"""Lives of a token that are offered; 0 is for ever."""

YOURSELF: Final = Message("You cannot change or remove your own account. Ask another operator.")

Name = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class UsersPage:
    """The page, as an operator asks for it."""

    request: Request
    who: ConfirmedOperator
    context: Context

    def shown(self, *, error: str = "", token: str = "") -> Response:
        """Return the page, with what went wrong or a token that was just made."""
        with self.context.database.look() as connection:
            users = accounts.users(connection)
            tokens = access.list_tokens(connection)
        return render(
            self.request,
            "users.html",
            self.who,
            status=HTTPStatus.CONFLICT if error else HTTPStatus.OK,
            users=users,
            tokens=tokens,
            now=datetime.now(UTC),
            days=DAYS,
            limited=self.context.settings.page.limit_studies,
            error=error,
            token=token,
        )

    def changed(
        self, change: Callable[[Connection], object], action: str, **detail: Any
    ) -> Response:
        """Change something, write down who did, and show the page again or what went wrong.

        Operators change no account of their own: ``user`` in the detail is somebody else.
        """
        if detail.get("user") == self.who.name:
            return self.shown(error=YOURSELF)
        try:
            with self.context.database.transaction() as connection:
                change(connection)
        except AccountError as exc:
            return self.shown(error=exc.message)
        note(self.context, self.who.name, action, **detail)
        return RedirectResponse(HERE, HTTPStatus.SEE_OTHER)


Page = Annotated[UsersPage, Depends()]


@router.get(HERE)
def show(page: Page) -> Response:
    """Show users and tokens."""
    return page.shown()


@router.post(HERE)
def add(
    page: Page,
    name: Name = "",
    role: Annotated[Role, Form()] = Role.VIEWER,
    password: Annotated[str, Form()] = "",
) -> Response:
    """Add a user."""
    try:
        kept = accounts.hashed(password, name)
        with page.context.database.transaction() as connection:
            user = accounts.add(
                connection, name.strip(), role, password_hash=kept, now=datetime.now(UTC)
            )
    except AccountError as exc:
        return page.shown(error=exc.message)
    note(page.context, page.who.name, "user.added", user=user.name, role=role)
    return RedirectResponse(HERE, HTTPStatus.SEE_OTHER)


@router.post(HERE + "/role")
def change_role(page: Page, name: Name, role: Annotated[Role, Form()]) -> Response:
    """Change what a user may do."""
    change = partial(accounts.set_role, name=name, role=role)
    return page.changed(change, "user.role_changed", user=name, role=role)


@router.post(HERE + "/limits")
def limit(page: Page, name: Name, limits: Annotated[str, Form()] = "") -> Response:
    """Change to which studies a user is limited."""
    try:
        wanted = StudyLimits.parse(text for text in limits.split(";") if text.strip()).texts
    except AccountError as exc:
        return page.shown(error=exc.message)
    change = partial(accounts.set_limits, name=name, limits=wanted)
    return page.changed(change, "user.limits_changed", user=name, limits=list(wanted))


@router.post(HERE + "/sign-out")
def sign_out(page: Page, name: Name) -> Response:
    """End all sessions of a user."""
    with page.context.database.transaction() as connection:
        count = access.end_sessions(connection, name, but=page.who.key)
    note(page.context, page.who.name, "user.sessions_ended", user=name, count=count)
    return RedirectResponse(HERE, HTTPStatus.SEE_OTHER)


@router.post(HERE + "/remove")
def remove(page: Page, name: Name) -> Response:
    """Remove a user and end their sessions."""
    return page.changed(partial(accounts.remove, name=name), "user.removed", user=name)


@router.post(HERE + "/tokens")
def add_token(
    page: Page,
    name: Name = "",
    role: Annotated[Role, Form()] = Role.VIEWER,
    days: Annotated[int, Form(ge=0, le=3650)] = 90,
) -> Response:
    """Create a token and show it once."""
    name, now, owner = name.strip(), datetime.now(UTC), page.who.name
    expires = now + timedelta(days=days) if days else None
    try:
        with page.context.database.transaction() as connection:
            secret = access.add_token(connection, name, owner, role, expires=expires, now=now)
    except AccountError as exc:
        return page.shown(error=exc.message)
    note(page.context, owner, "token.added", token=name, role=role, days=days)
    return page.shown(token=secret)


@router.post(HERE + "/tokens/remove")
def revoke_token(page: Page, name: Name) -> Response:
    """Revoke a token."""
    return page.changed(partial(access.revoke_token, name=name), "token.removed", token=name)
