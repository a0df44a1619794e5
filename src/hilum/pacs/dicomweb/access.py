"""Who we are to a DICOMweb server: a token of a file, or one that is asked for."""

import ssl
from collections.abc import Callable

import httpx

from hilum.errors import PacsRefused, PacsUnavailable
from hilum.language import Message
from hilum.pacs.http import BUSY, SERVER_ERROR
from hilum.pacs.tokens import LIFE_S, ClientCredentials, TokenAuth, token_in
from hilum.settings.dicomweb import DicomWebSettings
from hilum.settings.secret_files import secret_text


def token_auth(
    settings: DicomWebSettings, context: Callable[[], ssl.SSLContext], timeout_s: float
) -> TokenAuth | None:
    """Return how the settings have us show who we are, None where not by a token.

    Parameters
    ----------
    context
        Returns how certificates are checked.
    """
    if (file := settings.token_file) is not None:
        return TokenAuth(lambda: (secret_text(None, file, "dicomweb.token_file"), LIFE_S))
    if (url := settings.token_url) is None:
        return None
    client = ClientCredentials(
        settings.client_id,
        lambda: secret_text(
            settings.client_secret, settings.client_secret_file, "dicomweb.client_secret_file"
        ),
        settings.scope,
    )

    def obtain() -> tuple[str, float]:
        verify = context() if url.startswith("https:") else True
        with httpx.Client(verify=verify, timeout=timeout_s) as http:
            return _asked(http, url, client)

    return TokenAuth(obtain)


def _asked(http: httpx.Client, url: str, client: ClientCredentials) -> tuple[str, float]:
    """Ask for a token; the answer is never repeated in an error."""

    def exchange(body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        answer = http.post(url, content=body, headers=headers)
        return answer.status_code, answer.content

    try:
        status, answer = client.ask(exchange)
    except httpx.HTTPError:
        raise _no_token(Message("it did not answer")) from None
    if status not in BUSY and httpx.codes.BAD_REQUEST <= status < SERVER_ERROR:
        raise PacsRefused(
            "The server of dicomweb.token_url gave no token (HTTP {status}).",
            "Correct dicomweb.client_id, dicomweb.client_secret and dicomweb.scope.",
            status=status,
        )
    if not httpx.codes.is_success(status):
        raise _no_token(Message("it answered HTTP {status}", status=status))
    try:
        return token_in(answer)
    except ValueError:
        raise _no_token(Message("its answer has no token")) from None


def _no_token(why: Message) -> PacsUnavailable:
    return PacsUnavailable(
        "The server of dicomweb.token_url gave no token ({why}).",
        "Check that address; hilum retries where it can.",
        why=why,
    )
