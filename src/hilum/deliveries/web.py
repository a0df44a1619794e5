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
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

import httpx

from hilum.deliveries.trust import context_of, unreachable
from hilum.errors import DeliveryRefused, ReceiverUnavailable, SettingInvalid
from hilum.language import Message
from hilum.pacs.tokens import ClientCredentials, TokenAuth, token_in
from hilum.settings.deliveries import FhirReceiver, Receiver, WebhookReceiver
from hilum.settings.secret_files import secret_text

MOST_ANSWERED: Final = 1 << 16
"""Bytes of an answer that are read at most."""

FINAL: Final = frozenset({400, 405, 406, 409, 410, 411, 412, 413, 414, 415, 422})
"""Statuses that no further attempt changes; all else may be mended at the receiver."""

CONFLICT: Final = 409
"""Said by FHIR servers while somebody else creates the same, e.g. the study (HAPI FHIR)."""

NO_TOKEN: Final = Message("There is none in its answer.")


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
        self._client = ClientCredentials(receiver.client_id, self._secret, receiver.scope)
        self._auth = None if receiver.token_url is None else TokenAuth(self._obtain)

    def send(self, bundle: bytes) -> None:
        """Post one transaction; raises as `post`."""
        given = self._receiver
        headers = {"content-type": "application/fhir+json; charset=utf-8"}
        if given.token_file is not None:
            token = secret_text(None, given.token_file, f"{given.target}.token_file")
            headers["authorization"] = f"Bearer {token}"
        post(given, given.url, bundle, headers, self._auth, final=FINAL - {CONFLICT})

    def sign_in(self) -> None:
        """Get a token where one is needed; raises `ReceiverUnavailable` where there is none."""
        if self._auth is not None:
            self._auth.token()

    def _secret(self) -> str:
        given = self._receiver
        setting = f"{given.target}.client_secret_file"
        return secret_text(given.client_secret, given.client_secret_file, setting)

    def _obtain(self) -> tuple[str, float]:
        given = self._receiver
        status, answer = self._client.ask(
            lambda body, headers: exchange(given, str(given.token_url), body, headers)
        )
        why = Message("It answered {why}.", why=status)
        if httpx.codes.is_success(status):
            with suppress(ValueError):
                return token_in(answer)
            why = NO_TOKEN
        raise ReceiverUnavailable("It gives no token: {why:clause}.", why=why)


def post(
    receiver: Receiver,
    url: str,
    content: bytes,
    headers: Mapping[str, str],
    auth: httpx.Auth | None = None,
    *,
    final: frozenset[int] = FINAL,
) -> None:
    """Post to an address of the settings; return once it accepted.

    Parameters
    ----------
    final
        Statuses that no further attempt changes.

    Raises
    ------
    ReceiverUnavailable
        It did not, or not now; what was sent may be there all the same.
    DeliveryRefused
        It refused what was sent for good.
    SettingInvalid
        A file for TLS cannot be used.
    """
    status, _ = exchange(receiver, url, content, headers, auth)
    if status in final:
        raise DeliveryRefused("It answered {why}.", why=status)
    if not httpx.codes.is_success(status):
        raise ReceiverUnavailable("It answered {why}.", why=status)


def exchange(
    receiver: Receiver,
    url: str,
    content: bytes,
    headers: Mapping[str, str],
    auth: httpx.Auth | None = None,
) -> tuple[int, bytes]:
    """Post; return the status and the beginning of the answer.

    Raises
    ------
    ReceiverUnavailable
        There was no answer; what was sent may be there all the same.
    SettingInvalid
        A file for TLS cannot be used.
    """
    verify = context_of(receiver) if url.startswith("https:") else None
    try:
        # the whole has one end, however slowly a receiver answers
        return asyncio.run(
            asyncio.wait_for(_exchange(url, content, headers, verify, auth), receiver.timeout_s)
        )
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
        raise unreachable(exc) from exc


async def _exchange(
    url: str,
    content: bytes,
    headers: Mapping[str, str],
    verify: ssl.SSLContext | None,
    auth: httpx.Auth | None,
) -> tuple[int, bytes]:
    async with (
        httpx.AsyncClient(verify=verify or True, timeout=None, follow_redirects=False) as client,  # noqa: S113  the caller ends it
        client.stream("POST", url, content=content, headers=headers, auth=auth) as response,
    ):
        answer = b""
        async for piece in response.aiter_raw():
            answer += piece
            if len(answer) > MOST_ANSWERED:
                break
        return response.status_code, answer
