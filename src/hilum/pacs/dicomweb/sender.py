"""Sending over DICOMweb: STOW-RS, to any server that speaks it."""

import ssl
from collections.abc import Iterable

import httpx

from hilum.errors import PacsError
from hilum.pacs.dicomweb import multipart
from hilum.pacs.dicomweb.client import TOO_MANY, DicomWeb
from hilum.pacs.dicomweb.stow import judged
from hilum.pacs.send.outcome import SendOutcome
from hilum.pacs.send.outgoing import Outgoing
from hilum.pacs.send.target import WebTarget


class StowSender:
    """Keeps the promises of `Sender` with STOW-RS."""

    def __init__(
        self, target: WebTarget, *, timeout_s: float = 30.0, verify: ssl.SSLContext | bool = True
    ) -> None:
        self._web = DicomWeb(target.url, auth=target.auth, timeout_s=timeout_s, verify=verify)

    def check(self) -> None:
        """Make sure that a DICOMweb server is there and accepts the credentials."""
        # the one query that QIDO-RS and STOW-RS servers share with no study named
        answer = self._web.ask("GET", "studies", params=[("limit", "1")])
        if not answer.is_success and answer.status_code != TOO_MANY:
            raise self._web.refused(answer)

    def expect(self, kinds: Iterable[tuple[str, str]]) -> None:
        """Do nothing: over HTTP no kind of file is agreed on beforehand."""

    def send(self, file: Outgoing) -> SendOutcome:
        """Send one file; the outcome says what the server did with it."""
        try:
            answer = self._web.ask("POST", "studies", body=multipart.body_of(file.content))
            # a conflict has its reasons in the body
            if not answer.is_success and answer.status_code != httpx.codes.CONFLICT:
                raise self._web.refused(answer)
        except PacsError as exc:
            return file.lost(exc)
        return file.ended(*judged(answer))

    def close(self) -> None:
        """End the connections."""
        self._web.close()
