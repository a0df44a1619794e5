"""Sending over the REST API of Orthanc."""

import ssl
from collections.abc import Iterable

import httpx

from hilum.errors import PacsError, PacsRefused
from hilum.language import Message
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.pacs.send.outcome import SendOutcome, SendStatus
from hilum.pacs.send.outgoing import Outgoing
from hilum.pacs.send.target import WebTarget


class OrthancSender:
    """Keeps the promises of `Sender` with ``POST /instances``."""

    def __init__(
        self, target: WebTarget, *, timeout_s: float = 30.0, verify: ssl.SSLContext | bool = True
    ) -> None:
        self._target = target
        self._orthanc = OrthancArchive(
            target.url,
            username=target.username,
            password=target.secret,
            timeout_s=timeout_s,
            verify=verify,
            proof=target.proof,
        )

    def check(self) -> None:
        """Make sure that an Orthanc is there and accepts the credentials."""
        try:
            self._orthanc.system()
        except PacsRefused as exc:
            if isinstance(exc.__cause__, httpx.HTTPStatusError):
                raise
            raise PacsRefused(
                "The server at {url} is not an Orthanc.",
                "For DICOMweb write stow+{url}.",
                url=self._target.url,
            ) from exc

    def expect(self, kinds: Iterable[tuple[str, str]]) -> None:
        """Do nothing: over HTTP no kind of file is agreed on beforehand."""

    def send(self, file: Outgoing) -> SendOutcome:
        """Send one file; the outcome says what Orthanc did with it."""
        try:
            stored = self._orthanc.store(file.content)
        except PacsError as exc:
            said = _reason(exc)
            return file.ended(SendStatus.REFUSED, said) if said else file.lost(exc)
        sent = SendStatus.ALREADY_THERE if stored.already_there else SendStatus.STORED
        return file.ended(sent)

    def close(self) -> None:
        """End the connections."""
        self._orthanc.close()


def _reason(exc: PacsError) -> str:
    """Return Orthanc's own reason for a refusal, empty where it gives none."""
    if not isinstance(exc, PacsRefused) or not isinstance(exc.__cause__, httpx.HTTPStatusError):
        return ""
    try:
        answer = exc.__cause__.response.json()
    except ValueError:
        return ""
    said = answer.get("Details") or answer.get("Message") if isinstance(answer, dict) else None
    return Message("Orthanc said: {said}.", said=said) if said else ""
