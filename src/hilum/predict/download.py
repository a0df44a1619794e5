"""Fetch a file over HTTP: aside, resumable, and never under its name before it is whole."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from hilum.errors import WeightsMissing, WeightsUntrusted
from hilum.files.private import make_private
from hilum.language.message import filled_in
from hilum.language.system import system_error

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and the bytes there will be, None when unknown."""

CHUNK: Final = 1 << 18
"""Bytes between two calls of the progress."""

MAX_BYTES: Final = 1 << 30
"""Where a file of unknown size is given up."""

TRIES: Final = 5
"""How often a transfer that broke off goes on by itself, each time from where it stopped."""

TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)
"""Seconds to wait for the next bytes, and for a connection."""

PARTIAL_CONTENT: Final = httpx.codes.PARTIAL_CONTENT
RANGE_NOT_SATISFIABLE: Final = httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE


@dataclass(frozen=True, slots=True)
class Expected:
    """What a file must be to be accepted."""

    size: int | None = None
    """Length in bytes, None when unknown."""
    sha256: str | None = None
    """Lower-case hexadecimal, None when unknown."""

    def check(self, path: Path) -> str:
        """Return the file's SHA-256.

        Raises
        ------
        WeightsUntrusted
            The file is not what is expected.
        """
        size = path.stat().st_size
        if self.size not in {None, size}:
            raise WeightsUntrusted(
                "The weights file has {size:,} bytes; its card says {size_2:,}.",
                "It is not used. Ask whoever gave it for the published file.",
                size=size,
                size_2=self.size,
            )
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if self.sha256 not in {None, found}:
            raise WeightsUntrusted(
                "The weights file has the SHA-256 {found}; its card says {sha256}.",
                "It is not used. Ask whoever gave it for the published file.",
                found=found,
                sha256=self.sha256,
            )
        return found


class DownloadInterrupted(Exception):
    """The connection ended before the file did; what is here is kept."""


@dataclass(frozen=True, slots=True)
class Download:
    """One download."""

    url: str
    """Where the file is; redirects are followed."""
    destination: Path
    """Where it goes. Until it is whole and checked, it is ``destination.part``."""
    expected: Expected
    """What it must be."""
    progress: Progress
    """Told how far it is."""

    @property
    def _part(self) -> Path:
        return self.destination.with_name(self.destination.name + ".part")

    @property
    def _note(self) -> Path:
        return self.destination.with_name(self.destination.name + ".json.part")

    def run(self) -> str:
        """Fetch the file, check it and give it its name.

        Returns
        -------
        str
            Its SHA-256.

        Raises
        ------
        WeightsMissing
            It can't be had now. What has arrived is kept for the next time.
        WeightsUntrusted
            It arrived, and is another file than expected. It is removed.
        """
        try:
            make_private(self.destination.parent)
            with httpx.Client(timeout=TIMEOUT, follow_redirects=True) as http:
                self._fetch(http)
            sha256 = self._check()
            self._part.replace(self.destination)
            self._note.unlink(missing_ok=True)
        except OSError as exc:
            raise WeightsMissing(
                "The download cannot be written to {parent}: {strerror}.",
                "Free space there, or set data_folder to another place.",
                parent=self.destination.parent,
                strerror=system_error(exc),
            ) from exc
        return sha256

    def _check(self) -> str:
        try:
            return self.expected.check(self._part)
        except WeightsUntrusted:
            self._part.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)
            raise

    def _fetch(self, http: httpx.Client) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                self._transfer(http)
            except DownloadInterrupted as exc:
                if attempt == TRIES:
                    raise self._unavailable("broke off repeatedly") from exc
            except httpx.HTTPStatusError as exc:
                raise self._unavailable(
                    "answered HTTP {status_code}", status_code=exc.response.status_code
                ) from exc
            except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
                raise self._unavailable("is not an address that begins with http") from exc
            except httpx.HTTPError as exc:  # time-outs, connections, protocol
                raise self._unavailable("did not answer ({kind})", kind=type(exc).__name__) from exc
            else:
                return

    def _unavailable(self, what: str, **values: object) -> WeightsMissing:
        return WeightsMissing(
            "The download is not possible: {url} {what}.",
            "Check the network and run the same command again, which goes on where this "
            "stopped; or set model.mirror or model.offline_folder.",
            url=self.url,
            what=filled_in(what, values),
        )

    def _transfer(self, http: httpx.Client) -> None:
        offset, validator = self._resume_point()
        if self.expected.size is not None and offset == self.expected.size:
            return  # it was whole, and only its check is missing
        headers = {"Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if validator:
                headers["If-Range"] = validator
        with http.stream("GET", self.url, headers=headers) as response:
            if response.status_code == RANGE_NOT_SATISFIABLE and offset:
                self._part.unlink()  # it is longer than what the server has
                raise DownloadInterrupted
            response.raise_for_status()
            if response.status_code != PARTIAL_CONTENT or not starts_at(response, offset):
                offset = 0  # the server sends the whole file
            self._note_source(response)
            self._receive(response, offset)

    def _resume_point(self) -> tuple[int, str]:
        """Return how many bytes are here already, and what tells that they still hold.

        Without a hash to check in the end, bytes of two versions of a file must not meet:
        then only what the same address gave under the same validator is gone on with.
        """
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            same = note["url"] == self.url
            validator = str(note["validator"]) if same else ""
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            validator = ""
        if not self._part.exists() or not (validator or self.expected.sha256):
            return 0, ""
        return self._part.stat().st_size, validator

    def _note_source(self, response: httpx.Response) -> None:
        tag = response.headers.get("ETag", "")
        strong = tag if tag.startswith('"') else ""  # RFC 9110 13.1.5: no weak tags
        validator = strong or response.headers.get("Last-Modified", "")
        self._note.write_text(json.dumps({"url": self.url, "validator": validator}), "ascii")

    def _receive(self, response: httpx.Response, offset: int) -> None:
        length = response.headers.get("Content-Length", "")
        total = offset + int(length) if length.isdecimal() else self.expected.size
        here = offset
        try:
            with self._part.open("r+b" if offset else "wb") as file:
                file.seek(offset)
                file.truncate()
                for chunk in response.iter_raw(CHUNK):
                    here += len(chunk)
                    self._refuse_longer(here)
                    file.write(chunk)
                    self.progress(here, total)
        except httpx.TransportError as exc:
            if here == offset and isinstance(exc, httpx.TimeoutException):
                raise
            raise DownloadInterrupted from exc
        except WeightsUntrusted:
            self._part.unlink(missing_ok=True)
            raise
        if total is not None and here < total:
            raise DownloadInterrupted

    def _refuse_longer(self, length: int) -> None:
        limit = self.expected.size or MAX_BYTES
        if length > limit:
            raise WeightsUntrusted(
                "The file at {url} is longer than the {limit:,} bytes it should have.",
                "It is not used. Check the address.",
                url=self.url,
                limit=limit,
            )


def starts_at(response: httpx.Response, offset: int) -> bool:
    """Whether a partial answer begins at the byte that was asked for."""
    return bool(response.headers.get("Content-Range", "").startswith(f"bytes {offset}-"))
