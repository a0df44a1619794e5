"""Passkeys: added on one's account, used to sign in and to confirm who one is."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from hilum.language import Message
from hilum.records import access, passkeys, second_factor
from hilum.records.accounts import AccountError
from hilum.records.passkeys import Passkey
from hilum.web import account, login, webauthn
from hilum.web.context import WebContext
from hilum.web.credentials import CredentialsRefused, address_of, note_once
from hilum.web.login import own_form, safe_next, signed_in
from hilum.web.pages import render
from hilum.web.sessions import Anybody, ConfirmedViewer, Context, Viewer, Visitor, note
from hilum.web.webauthn import LONGEST_ANSWER, Challenges, Site, site_of

router: Final = APIRouter(include_in_schema=False)

HERE: Final = "/account/passkeys"

NO_SITE: Final = Message(
    "Passkeys need HTTPS and a host name, or http://localhost. "
    "Browsers do not offer them at this address."
)
UNKNOWN: Final = Message("This passkey is not registered here. It may have been removed.")
OTHER_USER: Final = Message("This passkey belongs to another user.")
COPIED: Final = Message(
    "This passkey may have been copied. Sign in with your password and remove it."
)

Given = Annotated[str, Form(max_length=LONGEST_ANSWER)]


def _site(request: Request, context: WebContext) -> Site:
    site = site_of(request, context.settings.page)
    if site is None:
        raise CredentialsRefused(NO_SITE)
    return site


def _challenges(request: Request) -> Challenges:
    made: Challenges = request.app.state.challenges
    return made


def _tie(who: Visitor, use: str) -> str:
    """Return what a challenge is tied to: a browser's form, and what for."""
    return f"{who.csrf} {use}"


@router.get("/login/passkey")
def options(request: Request, who: Anybody, context: Context) -> Response:
    """Say what a browser is to ask a device; of whoever is signed in, for their own passkeys."""
    site = site_of(request, context.settings.page)
    if site is None:
        raise HTTPException(HTTPStatus.CONFLICT, NO_SITE)
    with context.database.look() as connection:
        own = passkeys.of_user(connection, who.name) if who.name else []
    known = [webauthn.id_of(each.credential) for each in own]
    challenge = _challenges(request).new(_tie(who, "use"))
    text = webauthn.options_to_use(site, challenge, known)
    return Response(text, media_type="application/json")


def _used(request: Request, context: WebContext, who: Visitor, given: str) -> Passkey:
    """Return the passkey that has signed for this browser.

    Raises
    ------
    CredentialsRefused
        None has, or not as it should have.
    """
    site = _site(request, context)
    said = webauthn.read_answer(given)
    with context.database.look() as connection:
        found = passkeys.find(connection, passkeys.key_of(said.raw_id))
    if found is None or found.host != site.host:
        raise CredentialsRefused(UNKNOWN)
    if who.name and found.owner != who.name:
        raise CredentialsRefused(OTHER_USER)
    handle = said.response.user_handle or (found.handle.encode() if who.name else b"")
    if handle != found.handle.encode():
        raise CredentialsRefused(webauthn.NOT_RIGHT)
    tie = _tie(who, "use")
    count = webauthn.verify_used(site, said, found.credential, _challenges(request), tie)
    with context.database.transaction() as connection:
        counted = passkeys.used(connection, found.key, count, now=datetime.now(UTC))
    if not counted:
        note(context, found.owner, "user.passkey_copied", passkey=found.title)
        raise CredentialsRefused(COPIED)
    return found


def _enter(request: Request, context: WebContext, who: Visitor, given: str, after: str) -> Response:
    """Begin a session for who has used a passkey.

    Raises
    ------
    CredentialsRefused
        As by `_used`.
    """
    try:
        found = _used(request, context, who, given)
    except CredentialsRefused:
        note_once(request, context, "user.passkey_refused")
        raise
    return signed_in(request, context, found.owner, after, passkey=found.title)


@router.post("/login/passkey", dependencies=[Depends(own_form)])
def sign_in(
    request: Request,
    who: Anybody,
    context: Context,
    credential: Given = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002  the form's own name for it
) -> Response:
    """Sign in with a passkey, in place of password and code."""
    after = safe_next(next)
    try:
        return _enter(request, context, who, credential, after)
    except CredentialsRefused as exc:
        return login.form(request, who, context, after=after, error=exc.message, status=exc.status)


@router.post("/confirm/passkey")
def confirm(
    request: Request,
    who: Viewer,
    context: Context,
    credential: Given = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    """Show again who one is, and go on in a new session."""
    after = safe_next(next)
    try:
        return _enter(request, context, who, credential, after)
    except CredentialsRefused as exc:
        return account.confirmation(request, who, context, after, exc)


@router.get(HERE, dependencies=[Depends(account.kept_here)])
def ask(request: Request, who: ConfirmedViewer, context: Context) -> Response:
    """Show the form that adds one."""
    return _offer(request, who, context)


def _offer(request: Request, who: Visitor, context: WebContext, error: str = "") -> Response:
    site = site_of(request, context.settings.page)
    with context.database.look() as connection:
        own = passkeys.of_user(connection, who.name)
    handle = passkeys.handle_of(own)
    wanted = ""
    if site is not None:
        challenge = _challenges(request).new(_tie(who, f"add {handle}"))
        known = [webauthn.id_of(each.credential) for each in own]
        wanted = webauthn.options_to_add(site, challenge, who.name, handle, known)
    return render(
        request,
        "passkey.html",
        who,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else 200,
        options=wanted,
        handle=handle,
        title=account.browser_of(request.headers.get("user-agent", "")),
        longest=passkeys.LONGEST_TITLE,
        error=error if wanted else NO_SITE,
    )


@router.post(HERE, dependencies=[Depends(account.kept_here)])
def add(  # noqa: PLR0917  FastAPI gives them by name
    request: Request,
    who: ConfirmedViewer,
    context: Context,
    credential: Given = "",
    handle: Annotated[str, Form()] = "",
    title: Annotated[str, Form()] = "",
) -> Response:
    """Keep the public key of a passkey; show recovery codes to who has none."""
    try:
        site = _site(request, context)
        made = webauthn.verify_new(
            site, credential, _challenges(request), _tie(who, f"add {handle}")
        )
        new = Passkey(
            key=passkeys.key_of(webauthn.id_of(made.credential)),
            owner=who.name,
            handle=handle,
            title=title.strip(),
            host=site.host,
            credential=made.credential,
            signatures=made.signatures,
            created=datetime.now(UTC),
        )
        with context.database.transaction() as connection:
            passkeys.add(connection, new)
            left = second_factor.of_user(connection, who.name).recovery
            codes = [] if left else second_factor.new_recovery_codes(connection, who.name)
            access.end_sessions(connection, who.name, but=who.key)
    except (CredentialsRefused, AccountError) as exc:
        return _offer(request, who, context, exc.message)
    note(context, who.name, "user.passkey_added", passkey=new.title, address=address_of(request))
    if codes:
        return account.show_codes(request, who, codes)
    return RedirectResponse(account.HERE, HTTPStatus.SEE_OTHER)


@router.post(HERE + "/remove", dependencies=[Depends(account.kept_here)])
def remove(who: ConfirmedViewer, context: Context, key: Annotated[str, Form()] = "") -> Response:
    """Take it off the account: it opens nothing any more."""
    with context.database.transaction() as connection:
        removed = passkeys.remove(connection, who.name, key)
        second_factor.forget_idle_codes(connection, who.name)
    if removed:
        note(context, who.name, "user.passkey_removed")
    return RedirectResponse(account.HERE, HTTPStatus.SEE_OTHER)
