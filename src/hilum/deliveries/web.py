"""Messages over HTTP: webhooks, signed, and FHIR servers, with a token.

Only the addresses of the settings are asked: no redirect is followed. Nothing of an answer is
kept but its status, and each exchange has an end.

Sources
-------
CloudEvents 1.0, HTTP protocol binding 3.2 (structured mode); Standard Webhooks 1.0 (headers and
signature); RFC 6749 4.4 (client credentials), RFC 6750; FHIR R4 3.1.0.11 (transaction).
"""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import Mapping
from datetime import datetime
from time import monotonic
from typing import Final

import httpx

from hilum.deliveries.trust import context_of, unreachable
from hilum.errors import DeliveryRefused, ReceiverUnavailable, SettingInvalid
from hilum.language import Message
from hilum.settings.deliveries import FhirReceiver, Receiver, WebhookReceiver
from hilum.settings.secret_files import secret_text

MOST_ANSWERED: Final = 1 << 16
"""Bytes of an answer that are read at most."""

FINAL: Final = frozenset({400, 405, 406, 409, 410, 411, 412, 413, 414, 415, 422})
"""Statuses that no further attempt changes; all else may be mended at the receiver."""

NO_TOKEN: Final = Message("There is none in its answer.")

MARGIN_S: Final = 30.0
"""Seconds before its end at which a token is asked for anew."""


def send_event(receiver: WebhookReceiver, event: bytes, event_id: str, now: datetime) -> None:
    """Post one event; raises as `post`."""
    headers = {"content-type": "application/cloudevents+json; charset=utf-8"}
    if key := _key(receiver):
        stamp = str(int(now.timestamp()))
        signed = hmac.digest(key, f"{event_id}.{stamp}.".encode() + event, hashlib.sha256)
        headers |= {
            "webhook-id": event_id,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        }
    post(receiver, receiver.url, event, headers)


def _key(receiver: WebhookReceiver) -> bytes:
    try:
        return receiver.key
    except ValueError as exc:
        raise SettingInvalid(
            "{setting} holds no secret that can be used.",
            "See docs/deliveries.md for how to make one.",
            setting=f"{receiver.target}.secret_file",
        ) from exc


class FhirSender:
    """Posts transactions to one FHIR server; keeps its token for as long as that is good."""

    def __init__(self, receiver: FhirReceiver) -> None:
        self._receiver = receiver
        self._token, self._until = "", 0.0

    def send(self, bundle: bytes) -> None:
        """Post one transaction; raises as `post`."""
        headers = {"content-type": "application/fhir+json; charset=utf-8"}
        if token := self._bearer():
            headers["authorization"] = f"Bearer {token}"
        try:
            post(self._receiver, self._receiver.url, bundle, headers)
        except ReceiverUnavailable:
            self._token = ""  # it may be this that it did not like
            raise

    def _bearer(self) -> str:
        given = self._receiver
        if given.token_file is not None:
            return secret_text(None, given.token_file, f"{given.target}.token_file")
        if given.token_url is not None and (not self._token or monotonic() > self._until):
            self._ask_token(given.token_url)
        return self._token

    def _ask_token(self, url: str) -> None:
        given = self._receiver
        setting = f"{given.target}.client_secret_file"
        secret = secret_text(given.client_secret, given.client_secret_file, setting)
        request = httpx.Request(
            "POST", url, data={"grant_type": "client_credentials", "scope": given.scope}
        )
        signed = next(httpx.BasicAuth(given.client_id, secret).sync_auth_flow(request))
        try:
            answer = json.loads(post(given, url, signed.read(), dict(signed.headers)))
            self._token = str(answer["access_token"])
            self._until = monotonic() + float(answer.get("expires_in", 60)) - MARGIN_S
        except DeliveryRefused as exc:  # its settings are wrong, not the message
            raise ReceiverUnavailable("It gives no token: {why:clause}.", why=exc.problem) from exc
        except (ValueError, KeyError, TypeError) as exc:
            raise ReceiverUnavailable("It gives no token: {why:clause}.", why=NO_TOKEN) from exc


def post(receiver: Receiver, url: str, content: bytes, headers: Mapping[str, str]) -> bytes:
    """Post to an address of the settings; return the beginning of the answer once it accepted.

    Raises
    ------
    ReceiverUnavailable
        It did not, or not now; what was sent may be there all the same.
    DeliveryRefused
        It refused what was sent for good.
    SettingInvalid
        A file for TLS cannot be used.
    """
    verify = context_of(receiver) if url.startswith("https:") else None
    try:
        # the whole has one end, however slowly a receiver answers
        status, answer = asyncio.run(
            asyncio.wait_for(_exchange(url, content, headers, verify), receiver.timeout_s)
        )
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
        raise unreachable(exc) from exc
    if httpx.codes.is_success(status):
        return answer
    if status in FINAL:
        raise DeliveryRefused("It answered {why}.", why=status)
    raise ReceiverUnavailable("It answered {why}.", why=status)


async def _exchange(
    url: str, content: bytes, headers: Mapping[str, str], verify: ssl.SSLContext | None
) -> tuple[int, bytes]:
    async with (
        httpx.AsyncClient(verify=verify or True, timeout=None, follow_redirects=False) as client,  # noqa: S113  the caller ends it
        client.stream("POST", url, content=content, headers=headers) as response,
    ):
        answer = b""
        async for piece in response.aiter_raw():
            answer += piece
            if len(answer) > MOST_ANSWERED:
                break
        return response.status_code, answer
