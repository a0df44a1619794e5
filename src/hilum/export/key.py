"""The site's key, and the pseudonyms that it gives: the same ones in every export.

Nothing that leaves the site tells the key; whoever has it gets the same pseudonyms again, and
so knows whose they are.

Sources
-------
PS3.15 E.1.1 (replacement of UIDs, consistent across instances); PS3.5 B.2 (UIDs under 2.25);
RFC 2104 (HMAC).
"""

import base64
import hmac
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, Self
from uuid import UUID

from hilum.errors import SettingInvalid
from hilum.files.private import OWNER_FILE, make_private, write_file
from hilum.language.system import system_error
from hilum.radiograph import ImageUIDs
from hilum.values.persons import names_somebody

KEY_FILE: Final = "export.key"
"""Name of the key's file in the data folder."""

KEY_BYTES: Final = 32

LONGEST_SHIFT: Final = 3652
"""Days by which dates are shifted at most: ten years, into the past."""

LETTERS: Final = 16
"""Of a pseudonym: 80 bits, and what Accession Number holds with its first letter."""

OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
"""Rights of others than the owner."""


@dataclass(frozen=True, slots=True)
class SiteKey:
    """The site's key."""

    secret: bytes = field(repr=False)
    """256 random bits."""

    def digest(self, kind: str, *parts: str) -> bytes:
        """Return 256 bits that belong to `parts`, which nobody without the key can make."""
        return hmac.digest(self.secret, json.dumps([kind, *parts]).encode(), "sha256")

    def word(self, kind: str, *parts: str) -> str:
        """Return a pseudonym of letters and digits."""
        return base64.b32encode(self.digest(kind, *parts)).decode()[:LETTERS]

    def uid(self, kind: str, *parts: str) -> str:
        """Return a UID."""
        return f"2.25.{UUID(bytes=self.digest(kind, *parts)[:16], version=4).int}"

    @property
    def id(self) -> str:
        """What tells this key from another one, and nothing else about it."""
        return self.digest("key").hex()[:16]

    def shift(self, person: tuple[str, ...]) -> timedelta:
        """Return what is added to all dates of a person: whole days, negative."""
        days = int.from_bytes(self.digest("shift", *person)[:8]) % LONGEST_SHIFT + 1
        return -timedelta(days=days)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the key of a file, which is made at its first use.

        Raises
        ------
        SettingInvalid
            It cannot be read or made, others can read it, or it was there and is lost.
        """
        with _named(path):
            if not path.exists():
                _make(path)
            if os.name == "posix" and path.stat().st_mode & OTHERS:
                raise SettingInvalid(
                    "The key {path} can be read by other users.",
                    "Run chmod 600 on it. If somebody may have copied it, use another key: its "
                    "exports do not join with the earlier ones.",
                    path=path,
                )
            text = path.read_text(encoding="ascii", errors="replace").strip()
        try:
            secret = bytes.fromhex(text)
        except ValueError:
            secret = b""
        if len(secret) != KEY_BYTES:
            raise SettingInvalid(
                "The file {path} is not a key of hilum export.",
                "Restore it from a backup.",
                path=path,
            )
        return cls(secret)


def _make(path: Path) -> None:
    """Make a key, once, and write beside it that there is one."""
    mark = path.with_name(f"{path.name}.id")
    if mark.exists():
        raise SettingInvalid(
            "The key {path} is gone; exports were made with it.",
            "Restore it from a backup. Without it they cannot be re-identified, and new exports do "
            "not join with them; to begin anew all the same, delete {mark}.",
            path=path,
            mark=mark,
        )
    make_private(path.parent)
    key = SiteKey(secrets.token_bytes(KEY_BYTES))
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    write_file(aside, key.secret.hex() + "\n")
    try:
        os.link(aside, path)  # unlike a rename, it replaces no key that another process made
        write_file(mark, key.id + "\n")
    except FileExistsError:
        pass
    finally:
        aside.unlink()
    path.chmod(OWNER_FILE)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise SettingInvalid(
            "The key {path} cannot be used: {why}.",
            "Check its path, its permissions and the space on its disk.",
            path=path,
            why=system_error(exc),
        ) from exc


def person(patient_id: str, issuer: str, birth_date: str, study: str) -> tuple[str, ...]:
    """Return what names a patient: Patient ID, its issuer and the birth date.

    One ID is given to two people now and then, hence the birth date. Where the ID is none
    (empty, ANONYMOUS), each study is a patient's of its own.
    """
    patient_id = patient_id.strip(" \0")
    if not names_somebody(patient_id):
        return "study", study
    born = "".join(digit for digit in birth_date if digit.isdigit())
    return "patient", patient_id, issuer.strip(" \0"), born


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """What one image is called in an export."""

    patient: str
    """Patient ID and Patient's Name."""
    accession: str
    """Accession Number; empty where the image has none."""
    uids: ImageUIDs
    """Its UIDs."""
    image: str
    """What its files are called."""
    shift: timedelta
    """What is added to its dates."""

    @classmethod
    def of(cls, key: SiteKey, uids: ImageUIDs, whose: tuple[str, ...], accession: str) -> Self:
        """Return what an image of `person` is called."""
        study, series, instance = uids
        accession = accession.strip(" \0")
        return cls(
            f"P{key.word('patient', *whose)}",
            accession and accession_word(key, accession),
            ImageUIDs(
                key.uid("study", study),
                key.uid("series", study, series),
                key.uid("image", study, series, instance),
            ),
            image_word(key, uids),
            key.shift(whose),
        )


def image_word(key: SiteKey, uids: ImageUIDs) -> str:
    """Return what the files of an image are called."""
    return f"I{key.word('image', *uids)}"


def accession_word(key: SiteKey, accession: str) -> str:
    """Return what stands for an Accession Number; SH holds 16 letters."""
    return f"A{key.word('accession', accession)[:-1]}"


def reader_word(key: SiteKey, name: str) -> str:
    """Return what stands for a reader's name."""
    return f"R{key.word('reader', name)}"
