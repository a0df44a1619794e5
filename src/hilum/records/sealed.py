"""Secrets that the database keeps encrypted, under a key that lies outside of it.

Sources
-------
NIST SP 800-38D (AES-GCM; a random nonce of 96 bits for each secret); OWASP Cryptographic Storage
Cheat Sheet (the key apart from what it protects).
"""

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hilum.files.private import write_file
from hilum.language import Message
from hilum.records.accounts import AccountError

NONCE_BYTES: Final = 12


class SecretUnreadable(AccountError):
    """A second factor cannot be looked at: its key is missing, or is another one."""


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A key of 256 bits in a file of its own, made when the first secret is encrypted."""

    file: Path

    def seal(self, secret: str, owner: str) -> str:
        """Return a secret as the database keeps it: nobody reads it as another owner's.

        Raises
        ------
        SecretUnreadable
            The key's file cannot be used.
        SettingInvalid
            It cannot be written.
        """
        if not self.file.exists():
            key = AESGCM.generate_key(bit_length=256)
            write_file(self.file, base64.b64encode(key).decode() + "\n")
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher().encrypt(nonce, secret.encode(), owner.encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, owner: str) -> str:
        """Return the secret.

        Raises
        ------
        SecretUnreadable
            The key is missing or another one, or this is no secret of that owner.
        """
        cipher = self._cipher()
        try:
            kept = base64.b64decode(sealed, validate=True)
            return cipher.decrypt(kept[:NONCE_BYTES], kept[NONCE_BYTES:], owner.encode()).decode()
        except (InvalidTag, ValueError) as exc:
            raise self._unreadable() from exc

    def _cipher(self) -> AESGCM:
        try:
            return AESGCM(base64.b64decode(self.file.read_text(encoding="ascii"), validate=False))
        except (OSError, ValueError) as exc:
            raise self._unreadable() from exc

    def _unreadable(self) -> SecretUnreadable:
        return SecretUnreadable(
            Message("Codes cannot be checked: their key is missing or is another one."),
            Message("Use a recovery code, or ask an operator: hilum users reset NAME."),
        )
