"""Sign-in by OpenID Connect: authorization code with PKCE, state, nonce and a signed ID token.

Sources
-------
OpenID Connect Core 1.0, 3.1 (code flow) and 3.1.3.7 (what of an ID token is looked at);
RFC 7636 (PKCE); RFC 9207 (issuer in the answer); RFC 9700 (best current practice).
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlencode, urlsplit

import httpx
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from hilum.errors import SettingInvalid
from hilum.language import Message
from hilum.pacs.tls import TlsFiles
from hilum.records import accounts
from hilum.records.accounts import AccountError, Role
from hilum.records.limits import StudyLimits
from hilum.runtime.caches import TtlCache
from hilum.settings import OidcSettings
from hilum.settings.page import LIMIT
from hilum.settings.secret_files import secret_of
from hilum.telemetry.logs import get_log
from hilum.web.context import WebContext
from hilum.web.credentials import note_once
from hilum.web.login import form, safe_next, signed_in
from hilum.web.sessions import Anybody, Context, Visitor, cookie, drop_cookie, set_cookie

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

router: Final = APIRouter(include_in_schema=False)

START: Final = "/login/oidc"
CALLBACK: Final = "/login/oidc/callback"

FLOW_S: Final = 600
"""Seconds that somebody may take at the provider."""

FLOW_COOKIE: Final = "hilum_oidc"
"""Holds the flow that a browser began."""

FLOW: Final = re.compile(r"([\w-]{64})\.([\w-]{64})\.([\w-]{64})\.([\w.%~-]*)", re.ASCII)
"""A flow as its cookie holds it: three times 48 random bytes (RFC 4648, base64url), a path."""

KEEP_S: Final = 300.0
"""Seconds for which a provider's addresses are taken as known."""

WAIT_S: Final = 10.0
LEEWAY_S: Final = 60
"""Seconds by which the provider's clock may differ."""

ALGORITHMS: Final = ["RS256", "PS256", "ES256", "RS384", "ES384", "RS512", "ES512", "EdDSA"]
"""Signatures by the provider's key; none, and none by a shared secret."""

BROKEN: Final = Message(
    "The provider did not confirm your identity. Try again, or ask an operator."
)
AWAY: Final = Message("The provider does not respond. Try again in a minute.")
NO_ROLE: Final = Message("You have no role here. Ask your administrator.")
NAME_TAKEN: Final = Message("Your user name belongs to someone else here. Ask an operator.")

log = get_log(__name__)


@dataclass(eq=False)
class IdentityNotConfirmed(Exception):
    """The provider's answer does not say who this is."""

    message: str
    """For the person, in English, marked for translation."""
    why: str
    """For the log, without anything that the provider or the browser said."""
    status: int = HTTPStatus.UNAUTHORIZED


@dataclass(frozen=True, slots=True)
class Provider:
    """What a provider says of itself (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization: str
    token: str
    keys: str
    """Its name and its addresses."""
    by_post: bool
    """Whether it takes the client's secret in the body alone."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One sign-in under way, kept in a cookie of the browser that began it."""

    state: str
    nonce: str
    verifier: str
    """256 random bits each: for the answer, for the ID token, for the code."""
    after: str
    """Where to go then."""

    @classmethod
    def begin(cls, after: str) -> "Flow":
        """Return a new one."""
        state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(3))
        return cls(state, nonce, verifier, after)

    def __str__(self) -> str:
        return ".".join((self.state, self.nonce, self.verifier, quote(self.after, safe="")))

    @classmethod
    def parse(cls, kept: str) -> "Flow":
        """Read what `str` gave.

        Raises
        ------
        ValueError
            It is something else.
        """
        found = FLOW.fullmatch(kept)
        if found is None:
            raise ValueError("no flow")
        state, nonce, verifier, after = found.groups()
        return cls(state, nonce, verifier, safe_next(unquote(after)))


def challenge(verifier: str) -> str:
    """Return what the provider is told of the verifier beforehand (RFC 7636, S256)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def redirect_uri(request: Request, context: WebContext) -> str:
    """Return where the provider sends the browser back to."""
    ours = context.settings.page.public_url or f"{request.url.scheme}://{request.url.netloc}"
    return f"{ours}{CALLBACK}"


@router.get(START)
def begin(request: Request, who: Anybody, context: Context, next: str = "/") -> Response:  # noqa: A002
    """Send the browser to the provider."""
    after = safe_next(next)
    oidc = context.settings.oidc
    try:
        provider = provider_of(request, context)
    except IdentityNotConfirmed as exc:
        return _failed(request, who, context, exc, after)
    flow = Flow.begin(after)
    asked = {
        "response_type": "code",
        "client_id": oidc.client_id,
        "redirect_uri": redirect_uri(request, context),
        "scope": " ".join(oidc.scopes),
        "state": flow.state,
        "nonce": flow.nonce,
        "code_challenge": challenge(flow.verifier),
        "code_challenge_method": "S256",
    }
    answer = RedirectResponse(f"{provider.authorization}?{urlencode(asked)}", HTTPStatus.SEE_OTHER)
    set_cookie(answer, FLOW_COOKIE, str(flow), context.settings.page, max_age=FLOW_S)
    return answer


@router.get(CALLBACK)
def end(  # noqa: PLR0917  FastAPI gives them by name
    request: Request,
    who: Anybody,
    context: Context,
    state: str = "",
    code: str = "",
    iss: str | None = None,
) -> Response:
    """Take the provider's answer and sign in whom it confirms."""
    after = "/"
    try:
        flow = _flow(request, context, state)
        after = flow.after
        name = _confirmed_user(request, context, flow, code, iss)
    except IdentityNotConfirmed as exc:
        answer = _failed(request, who, context, exc, after)
    else:
        answer = signed_in(request, context, name, after)
    drop_cookie(answer, FLOW_COOKIE, context.settings.page)
    return answer


def _confirmed_user(
    request: Request, context: WebContext, flow: Flow, code: str, iss: str | None
) -> str:
    """Return the name of the user whom the provider confirms, written down here."""
    oidc = context.settings.oidc
    provider = provider_of(request, context)
    if not code or iss not in {None, provider.issuer}:
        raise IdentityNotConfirmed(BROKEN, "no code, or another issuer's")
    claims = redeem(code, flow, provider, oidc, redirect_uri(request, context))
    name, role = who_is(claims, oidc)
    subject = f"{provider.issuer}|{claims['sub']}"
    limits = limits_in(claims, oidc) if oidc.limits else None
    now = datetime.now(UTC)
    try:
        with context.database.transaction() as connection:
            user = accounts.provider_user(connection, subject, name, role, limits=limits, now=now)
    except AccountError as exc:
        raise IdentityNotConfirmed(
            NAME_TAKEN, "the name is taken, or is none", HTTPStatus.FORBIDDEN
        ) from exc
    return user.name


def _flow(request: Request, context: WebContext, state: str) -> Flow:
    try:
        flow = Flow.parse(cookie(request, FLOW_COOKIE, context.settings.page))
    except ValueError as exc:
        raise IdentityNotConfirmed(BROKEN, "no flow was begun in this browser") from exc
    if not hmac.compare_digest(flow.state.encode(), state.encode(errors="replace")):
        raise IdentityNotConfirmed(BROKEN, "the state is another one")
    return flow


def _failed(
    request: Request, who: Visitor, context: WebContext, error: IdentityNotConfirmed, after: str
) -> Response:
    log.warning("oidc.refused", why=error.why)
    note_once(request, context, "user.sign_in_failed", by="oidc")
    return form(request, who, context, after=after, error=error.message, status=error.status)


@contextmanager
def _asking(what: str, oidc: OidcSettings) -> Iterator[httpx.Client]:
    """Yield a client; what goes wrong with the provider ends as `IdentityNotConfirmed`."""
    tls = TlsFiles(oidc.ca_file, section="oidc").context()
    try:
        with httpx.Client(timeout=WAIT_S, follow_redirects=False, verify=tls) as client:
            yield client
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        kind = type(exc).__name__
        raise IdentityNotConfirmed(
            AWAY, f"no good answer to {what} ({kind})", HTTPStatus.BAD_GATEWAY
        ) from exc
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as exc:
        raise IdentityNotConfirmed(
            BROKEN, f"the answer to {what} is not understood", HTTPStatus.BAD_GATEWAY
        ) from exc


def provider_of(request: Request, context: WebContext) -> Provider:
    """Return the provider, asked at most once in `KEEP_S` however many people sign in.

    Raises
    ------
    IdentityNotConfirmed, SettingInvalid
        As by `discover`.
    """
    state = request.app.state
    if not hasattr(state, "provider"):
        oidc = context.settings.oidc
        state.provider = TtlCache(lambda: discover(oidc), KEEP_S, stale=False)
    found: Provider = state.provider()
    return found


def discover(oidc: OidcSettings) -> Provider:
    """Ask the provider for its addresses.

    Raises
    ------
    IdentityNotConfirmed
        No answer, or another provider's.
    SettingInvalid
        The provider is not asked over HTTPS, or its authorities' file cannot be used.
    """
    issuer = (oidc.issuer or "").rstrip("/")
    if not issuer:
        raise IdentityNotConfirmed(BROKEN, "oidc.issuer is not set", HTTPStatus.FORBIDDEN)
    _require_https(issuer)
    with _asking("discovery", oidc) as client:
        answer = client.get(f"{issuer}/.well-known/openid-configuration")
        said = answer.raise_for_status().json()
        if said["issuer"].rstrip("/") != issuer:
            raise IdentityNotConfirmed(
                BROKEN, "the provider calls itself otherwise", HTTPStatus.BAD_GATEWAY
            )
        methods = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return Provider(
            said["issuer"],
            said["authorization_endpoint"],
            said["token_endpoint"],
            said["jwks_uri"],
            "client_secret_basic" not in methods,
        )


def _require_https(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise SettingInvalid(
            "oidc.issuer is not an https address.",
            "Use https: anyone who intercepts the connection could sign in as any user.",
        )


def redeem(
    code: str, flow: Flow, provider: Provider, oidc: OidcSettings, redirect: str
) -> Mapping[str, Any]:
    """Exchange the code for an ID token; return what it says, once it is found good.

    Raises
    ------
    IdentityNotConfirmed
        The provider does not take the code, or its token is not good.
    """
    from joserfc.jwk import KeySet  # noqa: PLC0415  only who signs in so waits for it

    body = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect,
        "code_verifier": flow.verifier,
        "client_id": oidc.client_id,
    }
    auth: tuple[str, str] | None = None
    secret = secret_of(oidc.client_secret, oidc.client_secret_file, "oidc.client_secret_file")
    if secret is not None and provider.by_post:
        body["client_secret"] = secret.get_secret_value()
    elif secret is not None:
        auth = (oidc.client_id, secret.get_secret_value())
    with _asking("token", oidc) as client:
        answer = client.post(provider.token, data=body, auth=auth or httpx.USE_CLIENT_DEFAULT)
        if answer.is_client_error:
            raise IdentityNotConfirmed(BROKEN, f"the code is not taken (HTTP {answer.status_code})")
        token = answer.raise_for_status().json()["id_token"]
        keys = KeySet.import_key_set(client.get(provider.keys).raise_for_status().json())
    return checked(token, keys, provider, oidc.client_id, flow.nonce)


def checked(
    token: str, keys: "KeySet", provider: Provider, client_id: str, nonce: str
) -> Mapping[str, Any]:
    """Return what an ID token says; Core 3.1.3.7.

    Raises
    ------
    IdentityNotConfirmed
        Signature, issuer, audience, time or nonce is not right.
    """
    from joserfc import jwt  # noqa: PLC0415  as above
    from joserfc.errors import JoseError  # noqa: PLC0415

    rules = jwt.JWTClaimsRegistry(
        leeway=LEEWAY_S,
        iss={"essential": True, "value": provider.issuer},
        sub={"essential": True},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        rules.validate(claims)
    except (JoseError, ValueError, TypeError, RecursionError) as exc:
        raise IdentityNotConfirmed(
            BROKEN, f"the ID token is not good ({type(exc).__name__})"
        ) from exc
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise IdentityNotConfirmed(BROKEN, "the ID token is for another party")
    return claims


def who_is(claims: Mapping[str, Any], oidc: OidcSettings) -> tuple[str, Role]:
    """Return name and role of whom an ID token is about.

    Raises
    ------
    IdentityNotConfirmed
        The settings give them no role, or they have no name that can be used.
    """
    given = _groups(claims, oidc)
    pairs = (pair.rpartition("=") for pair in oidc.roles)
    roles = [Role(role) for value, _, role in pairs if value in given]
    if not roles:
        raise IdentityNotConfirmed(NO_ROLE, "no role of the settings", HTTPStatus.FORBIDDEN)
    name = next(
        (claims[each] for each in (oidc.name_claim, "email", "sub") if claims.get(each)), ""
    )
    return str(name), max(roles, key=list(Role).index)


def limits_in(claims: Mapping[str, Any], oidc: OidcSettings) -> tuple[str, ...]:
    """Return to which studies the settings limit whom an ID token is about."""
    given = _groups(claims, oidc)
    pairs = (found.groups() for text in oidc.limits if (found := LIMIT.fullmatch(text)))
    return StudyLimits.parse(limit for value, limit in pairs if value in given).texts


def _groups(claims: Mapping[str, Any], oidc: OidcSettings) -> set[str]:
    """Return the values of the claim by which the settings know somebody."""
    values: Any = claims
    for part in oidc.role_claim.split("."):  # e.g. realm_access.roles
        values = values.get(part) if isinstance(values, Mapping) else None
    given = values if isinstance(values, list) else [values]
    return {each for each in given if isinstance(each, str)}
