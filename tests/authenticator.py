"""A device with passkeys, in software: what a browser hands on from one, right or wrong.

Sources
-------
W3C Web Authentication Level 3: 5.8.1 (client data), 6.1 (authenticator data), 6.5.4 (attestation).
"""

import base64
import json
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor
from fido2.cose import ES256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(data: bytes) -> str:
    """Return bytes as WebAuthn's JSON writes them."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    """Return what was written so."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Device:
    """One passkey, and the browser between it and a page; fields may be set to what is wrong."""

    origin: str
    """Where the browser is."""
    host: str = "localhost"
    """The RP ID that it asks for."""
    flags: int = PRESENT | VERIFIED
    counts: bool = True
    signatures: int = 0
    handle: str = ""
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    more: dict[str, Any] = field(default_factory=dict)
    """What the browser adds to what is signed."""

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | self.more).encode()

    def _data(self, flags: int, attested: bytes = b"") -> bytes:
        count = self.signatures.to_bytes(4, "big")
        return sha256(self.host.encode()).digest() + bytes([flags]) + count + attested

    def make(self, options: dict[str, Any], key: dict[int, Any] | None = None) -> str:
        """Answer to ``navigator.credentials.create``."""
        self.handle = options["user"]["id"]
        public = ES256.from_cryptography_key(self.key.public_key()) if key is None else key
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor.encode(public)
        data = self._data(self.flags | ATTESTED, attested)
        made = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        response = {"attestationObject": b64(made)}
        return self._answer(self._client("webauthn.create", options["challenge"]), response)

    def use(self, options: dict[str, Any], kind: str = "webauthn.get") -> str:
        """Answer to ``navigator.credentials.get``."""
        self.signatures += self.counts
        client, data = self._client(kind, options["challenge"]), self._data(self.flags)
        signed = self.key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        response = {"authenticatorData": b64(data), "signature": b64(signed)}
        return self._answer(client, response | {"userHandle": self.handle})

    def _answer(self, client: bytes, response: dict[str, Any]) -> str:
        known = {"id": b64(self.id), "rawId": b64(self.id), "type": "public-key"}
        response = response | {"clientDataJSON": b64(client)}
        return json.dumps(known | {"response": response, "clientExtensionResults": {}})
