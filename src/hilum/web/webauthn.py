"""What browsers and devices say of passkeys, checked; knows no page and no database.

A challenge needs no memory before it is answered: it holds its own end and a keyed digest that ties
it to one browser and one use. Only those that were answered rightly are remembered.

Sources
-------
W3C Web Authentication Level 3: 7.1 and 7.2 (what to verify), 13.4.3 (challenges), 5.1.3 (RP ID).
"""

import hmac
import json
import secrets
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Final, TypeVar
from urllib.parse import urlsplit

from fastapi import Request
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorData,
    CollectedClientData,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from hilum import PRODUCT
from hilum.language import Message
from hilum.runtime.caches import LruSet
from hilum.settings import PageSettings
from hilum.web.credentials import CredentialsRefused
from hilum.web.security import is_address, is_secure

VALID_S: Final = 300
"""Seconds for which a challenge may be answered: WebAuthn's own advice for a person's answer."""

USED_MOST: Final = 10_000
"""Answered challenges that are remembered; each takes a passkey and a person."""

LONGEST_ANSWER: Final = 16 * 1024
"""Characters of what a browser hands on: the library's CBOR copies what it has not read yet."""

Response = TypeVar("Response", AuthenticationResponse, RegistrationResponse)

LONGEST_ID: Final = 1023
"""Bytes of a credential ID (7.1, step 25)."""

REQUIRED: Final = UserVerificationRequirement.REQUIRED

UNREADABLE: Final = (
    *(ValueError, LookupError, TypeError, AttributeError, AssertionError),
    *(RuntimeError, struct.error),  # nested too deeply; an algorithm that is not known
)
"""What the library makes of an answer that is none."""

NOT_RIGHT: Final = Message("The passkey could not be verified. Try again.")
TOO_LATE: Final = Message("The request expired. Try again.")
USED_BEFORE: Final = Message("This response was already used. Try again.")
NOT_THIS_BROWSER: Final = Message(
    "This response does not belong to this page. Reload the page and try again."
)
ELSEWHERE: Final = Message("The passkey was requested by a site other than {origin}.")
NOT_CHECKED: Final = Message(
    "The device did not verify your identity. Set up a PIN, fingerprint or face recognition on it."
)


@dataclass(frozen=True)
class Site:
    """The page as browsers name it."""

    host: str
    """The RP ID: passkeys work under this name alone."""
    origin: str
    """With scheme and port, as browsers write it."""

    @cached_property
    def server(self) -> Fido2Server:
        """The library's checks, for this site alone."""
        return Fido2Server(
            PublicKeyCredentialRpEntity(id=self.host, name=PRODUCT),
            attestation=AttestationConveyancePreference.NONE,
            verify_origin=self.origin.__eq__,
        )


def site_of(request: Request, settings: PageSettings) -> Site | None:
    """Return the page as browsers name it; None where they have no passkeys.

    Browsers want a name, not an address, and TLS, but on ``localhost``. `RequestGate` has let
    only our names through.
    """
    scheme = "https" if is_secure(settings) else request.url.scheme
    said = settings.public_url or f"{scheme}://{request.headers.get('host', '')}"
    address = urlsplit(said.casefold())
    host = address.hostname or ""
    safe = address.scheme == "https" or host == "localhost" or host.endswith(".localhost")
    if not safe or not host or is_address(host):
        return None
    usual = ":443" if address.scheme == "https" else ":80"
    return Site(host, f"{address.scheme}://{address.netloc.removesuffix(usual)}")


@dataclass(frozen=True, slots=True, eq=False)
class Challenges:
    """Makes challenges and takes each answer once.

    Parameters
    ----------
    clock
        Seconds that never go back.
    """

    clock: Callable[[], float] = time.monotonic
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32), init=False)
    _used: LruSet[bytes] = field(default_factory=lambda: LruSet(USED_MOST), init=False)

    def new(self, tie: str) -> bytes:
        """Return a challenge for whoever and whatever `tie` says."""
        ends = struct.pack(">Q", int(self.clock()) + VALID_S)
        head = ends + secrets.token_bytes(16)
        return head + self._seal(head, tie)

    def check(self, challenge: bytes, tie: str) -> None:
        """Look at a challenge that comes back.

        Raises
        ------
        CredentialsRefused
            It is none of ours, for another browser or use, or too old.
        """
        head = challenge[:24]
        if not hmac.compare_digest(challenge[24:], self._seal(head, tie)):
            raise CredentialsRefused(NOT_THIS_BROWSER)
        if struct.unpack(">Q", head[:8])[0] < self.clock():
            raise CredentialsRefused(TOO_LATE)

    def take(self, challenge: bytes) -> None:
        """Take the right answer to a challenge, once.

        Raises
        ------
        CredentialsRefused
            It was taken before.
        """
        if not self._used.add(challenge):
            raise CredentialsRefused(USED_BEFORE)

    def _seal(self, head: bytes, tie: str) -> bytes:
        return hmac.digest(self._key, head + tie.encode(), sha256)


def _descriptors(ids: Sequence[bytes]) -> list[PublicKeyCredentialDescriptor] | None:
    kind = PublicKeyCredentialType.PUBLIC_KEY
    return [PublicKeyCredentialDescriptor(type=kind, id=each) for each in ids] or None


def options_to_add(
    site: Site, challenge: bytes, name: str, handle: str, known: Sequence[bytes]
) -> str:
    """Return what a browser is asked to make a passkey with, as JSON.

    Parameters
    ----------
    name, handle
        Whose it is, for people and for devices.
    known
        Credential IDs that this user has already.
    """
    options, _ = site.server.register_begin(
        PublicKeyCredentialUserEntity(id=handle.encode(), name=name, display_name=name),
        credentials=_descriptors(known),
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=REQUIRED,
        challenge=challenge,
    )
    return json.dumps(options.public_key, default=dict)


def options_to_use(site: Site, challenge: bytes, known: Sequence[bytes] = ()) -> str:
    """Return what a browser is asked to use a passkey with, as JSON; any, where none is known."""
    options, _ = site.server.authenticate_begin(
        _descriptors(known), user_verification=REQUIRED, challenge=challenge
    )
    return json.dumps(options.public_key, default=dict)


def read_answer(text: str) -> AuthenticationResponse:
    """Read what a browser hands on from a device asked to use a passkey; not verified yet.

    Raises
    ------
    CredentialsRefused
        It is no such answer.
    """
    return _read(AuthenticationResponse, text)


def verify_used(
    site: Site, said: AuthenticationResponse, credential: bytes, challenges: Challenges, tie: str
) -> int:
    """Verify the signature and what was signed; return how many the device has counted.

    Parameters
    ----------
    credential
        What is kept of that passkey.

    Raises
    ------
    CredentialsRefused
        Something is not as it should be.
    """
    client, data = said.response.client_data, said.response.authenticator_data
    state = _state(site, client, data, challenges, tie)
    try:
        site.server.authenticate_complete(state, [AttestedCredentialData(credential)], said)
    except UNREADABLE as exc:
        raise CredentialsRefused(NOT_RIGHT) from exc
    challenges.take(client.challenge)
    return data.counter


@dataclass(frozen=True, slots=True)
class NewCredential:
    """What is kept of a passkey."""

    credential: bytes
    """ID and public key (attested credential data, 6.5.1)."""
    signatures: int
    """How many it has counted."""


def id_of(credential: bytes) -> bytes:
    """Return the credential ID of what is kept of a passkey."""
    return AttestedCredentialData(credential).credential_id


def verify_new(site: Site, text: str, challenges: Challenges, tie: str) -> NewCredential:
    """Verify what a device says that has made a passkey.

    Raises
    ------
    CredentialsRefused
        Something is not as it should be.
    """
    said = _read(RegistrationResponse, text)
    client = said.response.client_data
    state = _state(site, client, said.response.attestation_object.auth_data, challenges, tie)
    try:
        made = site.server.register_complete(state, said)
    except UNREADABLE as exc:
        raise CredentialsRefused(NOT_RIGHT) from exc
    new = made.credential_data
    known = new is not None and new.public_key.ALGORITHM in CoseKey.supported_algorithms()
    if new is None or not known or not 0 < len(new.credential_id) <= LONGEST_ID:
        raise CredentialsRefused(NOT_RIGHT)
    challenges.take(client.challenge)
    return NewCredential(bytes(new), made.counter)


def _read(kind: type[Response], text: str) -> Response:
    try:
        said = kind.from_dict(json.loads(text))
    except UNREADABLE as exc:
        raise CredentialsRefused(NOT_RIGHT) from exc
    if not isinstance(said, kind):
        raise CredentialsRefused(NOT_RIGHT)
    return said


def _state(
    site: Site,
    client: CollectedClientData,
    data: AuthenticatorData,
    challenges: Challenges,
    tie: str,
) -> dict[str, str]:
    """Say clearly what people can do something about; return what the library checks the rest by.

    Raises
    ------
    CredentialsRefused
        Another site asked, it is not the answer to our question, or nobody showed who they are.
    """
    if client.origin != site.origin or client.cross_origin:
        raise CredentialsRefused(ELSEWHERE.with_values(origin=site.origin))
    challenges.check(client.challenge, tie)
    if not data.is_user_verified():
        raise CredentialsRefused(NOT_CHECKED)
    return {"challenge": websafe_encode(client.challenge), "user_verification": REQUIRED}
