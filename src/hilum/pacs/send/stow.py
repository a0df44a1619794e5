"""Sending over DICOMweb: STOW-RS, to any server that speaks it.

Sources
-------
PS3.18 10.5 (Store transaction), 8.6.1.2 (multipart/related), F.2 (JSON model).
"""

import ssl
import uuid
from collections.abc import Iterable
from typing import Any, Final

import httpx

from hilum.errors import PacsError
from hilum.language import Message
from hilum.pacs.http import AS_IT_IS, pacs_errors
from hilum.pacs.send.outcome import SendOutcome, SendStatus, meaning
from hilum.pacs.send.outgoing import Outgoing
from hilum.pacs.send.target import WebTarget

DICOM_JSON: Final = "application/dicom+json"
FAILED_SOP_SEQUENCE: Final = "00081198"
REFERENCED_SOP_SEQUENCE: Final = "00081199"
FAILURE_REASON: Final = "00081197"


class StowSender:
    """Keeps the promises of `Sender` with STOW-RS."""

    def __init__(
        self, target: WebTarget, *, timeout_s: float = 30.0, verify: ssl.SSLContext | bool = True
    ) -> None:
        self._url = target.url
        auth = None if target.username is None else (target.username, target.secret or "")
        with pacs_errors(self._url):
            self._http = httpx.Client(auth=auth, headers=AS_IT_IS, timeout=timeout_s, verify=verify)

    def check(self) -> None:
        """Make sure that a DICOMweb server is there and accepts the credentials."""
        with pacs_errors(self._url):
            # the one query that QIDO-RS and STOW-RS servers share with no study named
            self._http.get(
                f"{self._url}/studies", params={"limit": 1}, headers={"Accept": DICOM_JSON}
            ).raise_for_status()

    def expect(self, kinds: Iterable[tuple[str, str]]) -> None:
        """Do nothing: over HTTP no kind of file is agreed on beforehand."""

    def send(self, file: Outgoing) -> SendOutcome:
        """Send one file; the outcome says what the server did with it."""
        boundary = uuid.uuid4().hex
        try:
            with pacs_errors(self._url):
                response = self._http.post(
                    f"{self._url}/studies",
                    content=_multipart(file.content, boundary),
                    headers={
                        "Accept": DICOM_JSON,
                        "Content-Type": 'multipart/related; type="application/dicom"; '
                        f"boundary={boundary}",
                    },
                )
                if (
                    response.status_code != httpx.codes.CONFLICT
                ):  # which has its reasons in the body
                    response.raise_for_status()
        except PacsError as exc:
            return file.lost(exc)
        return file.ended(*_judged(response))

    def close(self) -> None:
        """End the connections."""
        self._http.close()


def _multipart(content: bytes, boundary: str) -> bytes:
    """Return a multipart/related body with one DICOM file (PS3.18 8.6.1.2)."""
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join((head, content, f"\r\n--{boundary}--\r\n".encode()))


def _judged(response: httpx.Response) -> tuple[SendStatus, str]:
    """Return what the Store response says about the one file in the request (PS3.18 10.5.3)."""
    try:
        answer: Any = response.json()
        failed = answer.get(FAILED_SOP_SEQUENCE, {}).get("Value", [])
        referenced = answer.get(REFERENCED_SOP_SEQUENCE, {}).get("Value", [])
        if failed:
            reason = int(failed[0][FAILURE_REASON]["Value"][0])
            sent, why = meaning(reason)
            if sent is SendStatus.STORED:  # no reason for a failure, but it is not there
                return SendStatus.REFUSED, Message(
                    "The server did not store it ({reason:04X}H).", reason=reason
                )
            return sent, why
    except (ValueError, LookupError, AttributeError, TypeError):
        return (
            SendStatus.FAILED,
            Message("The server's answer is not a STOW-RS response. Check the address."),
        )
    if referenced:
        return SendStatus.STORED, ""
    return (
        SendStatus.REFUSED,
        Message(
            "The server answered HTTP {status_code} and stored nothing.",
            status_code=response.status_code,
        ),
    )
