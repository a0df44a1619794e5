"""Tokens: asked for, renewed before their end, and once where one is refused."""

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, unquote_plus

import httpx
import pytest

from hilum.errors import PacsRefused, PacsUnavailable, SettingInvalid
from hilum.pacs.dicomweb import access
from hilum.pacs.dicomweb.access import token_auth
from hilum.pacs.dicomweb.archive import DicomWebArchive
from hilum.pacs.tokens import LIFE_S, TokenAuth, token_in
from hilum.settings import DicomWebSettings
from scripted_dicomweb import ScriptedDicomWeb

WHERE = "https://login.example/token"


class Issuer:
    """Gives one token after the other: t1, t2."""

    def __init__(self, life_s: float = 3600.0) -> None:
        self.life_s = life_s
        self.count = 0
        self.now = 0.0

    def __call__(self) -> tuple[str, float]:
        self.count += 1
        return f"t{self.count}", self.life_s

    @property
    def auth(self) -> TokenAuth:
        return TokenAuth(self, clock=lambda: self.now)


def archive_of(auth: TokenAuth, *good: str) -> DicomWebArchive:
    """Return an archive that takes some tokens only."""

    def fault(request: httpx.Request) -> httpx.Response | None:
        known = request.headers.get("Authorization", "") in {f"Bearer {each}" for each in good}
        return None if known else httpx.Response(401)

    return DicomWebArchive("http://pacs/web", auth=auth, transport=ScriptedDicomWeb(fault=fault))


def test_one_token_serves_many_requests():
    """Until shortly before its end."""
    issuer = Issuer()
    archive = archive_of(issuer.auth, "t1", "t2")
    for issuer.now in (0.0, 1800.0, 3539.0):
        archive.capabilities()
    assert 1 == issuer.count
    issuer.now = 3541.0
    archive.capabilities()

    assert 2 == issuer.count


def test_short_lived_token_is_used_for_half_its_life():
    """It would be asked for with each request otherwise."""
    issuer = Issuer(life_s=20.0)
    auth = issuer.auth
    assert ["t1", "t1"] == [auth.token() for issuer.now in (0.0, 9.0)]
    issuer.now = 11.0

    assert "t2" == auth.token()


def test_refused_token_is_renewed_once():
    """It may have been revoked; a second no is one."""
    issuer = Issuer()
    archive_of(issuer.auth, "t2").capabilities()
    assert 2 == issuer.count
    with pytest.raises(PacsRefused, match="401"):
        archive_of(issuer.auth, "none").capabilities()

    assert 4 == issuer.count


def test_renewed_token_is_read_from_its_file(tmp_path: Path):
    """As Kubernetes replaces it."""
    file = tmp_path / "token"
    file.write_text("old\n")
    auth = token_auth(DicomWebSettings(token_file=file), pytest.fail, 1)
    archive = archive_of(auth, "old", "new")
    archive.capabilities()
    file.write_text("new\n")
    archive_of(auth, "new").capabilities()
    file.unlink()
    with pytest.raises(SettingInvalid, match=r"dicomweb\.token_file cannot be read"):
        archive_of(auth, "other").capabilities()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[httpx.Request]]:
    """Return what makes a token server of some answers, the last of them for ever."""
    requests: list[httpx.Request] = []
    real = httpx.Client

    def give(*answers: httpx.Response | Exception) -> list[httpx.Request]:
        def handle(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            answer = answers[min(len(requests), len(answers)) - 1]
            if isinstance(answer, Exception):
                raise answer
            return answer

        transport = httpx.MockTransport(handle)
        monkeypatch.setattr(access.httpx, "Client", lambda **_: real(transport=transport))
        return requests

    return give


def client_credentials(tmp_path: Path) -> TokenAuth:
    """Return the auth of settings with a client's secret in a file."""
    (tmp_path / "secret").write_text("s&e=c:ret+%\n")
    settings = DicomWebSettings(
        token_url=WHERE, client_id="hilum", client_secret_file=tmp_path / "secret", scope="a/b"
    )
    auth = token_auth(settings, lambda: True, 1)
    assert auth is not None
    return auth


GIVEN = httpx.Response(200, json={"access_token": "t", "expires_in": "3599"})


def in_header(request: httpx.Request) -> tuple[str, str]:
    """Return the client and the secret of a request's header, as RFC 6749 2.3.1 encodes them."""
    user, _, secret = b64decode(request.headers["Authorization"].removeprefix("Basic ")).partition(
        b":"
    )
    return unquote_plus(user.decode()), unquote_plus(secret.decode())


def test_token_is_asked_for_with_the_clients_secret(asked, tmp_path: Path):
    """As RFC 6749 4.4 has it: in the header, and encoded before it is put together."""
    requests = asked(GIVEN)
    assert "t" == client_credentials(tmp_path).token()
    (request,) = requests

    assert ("hilum", "s&e=c:ret+%") == in_header(request)
    assert {"grant_type": ["client_credentials"], "scope": ["a/b"]} == parse_qs(
        request.content.decode()
    )


@pytest.mark.parametrize("status", [400, 401])
def test_server_that_wants_the_secret_in_the_body_gets_it_there(asked, tmp_path: Path, status):
    """Some know no other way; once that is found, the header is not tried again."""
    requests = asked(httpx.Response(status), GIVEN)
    auth = client_credentials(tmp_path)
    assert "t" == auth.token()
    auth.token(refused="t")
    first, second, third = requests

    assert "Authorization" in first.headers
    for request in (second, third):
        assert "Authorization" not in request.headers
        said = parse_qs(request.content.decode())
        assert (["hilum"], ["s&e=c:ret+%"]) == (said["client_id"], said["client_secret"])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(400, json={"error": "invalid_client"}), PacsRefused),
        (httpx.Response(401), PacsRefused),
        (httpx.Response(429), PacsUnavailable),
        (httpx.Response(503), PacsUnavailable),
        (httpx.Response(200, text="<html>"), PacsUnavailable),
        (httpx.Response(200, json=[]), PacsUnavailable),
        (httpx.Response(200, json={"expires_in": 1}), PacsUnavailable),
        (httpx.Response(200, json={"access_token": ""}), PacsUnavailable),
        (httpx.Response(200, json={"access_token": "a\r\nX: y"}), PacsUnavailable),
        (httpx.ConnectTimeout("slow"), PacsUnavailable),
    ],
)
def test_token_server_that_gives_none_is_named(asked, tmp_path: Path, answer, kind):
    """Whether asking again may help is told apart; the secret is never repeated."""
    asked(answer)
    with pytest.raises(kind, match=r"dicomweb\.token_url") as caught:
        client_credentials(tmp_path).token()

    assert "s&e=c:ret" not in str(caught.value)


def test_secret_is_never_sent_in_the_open():
    """But to this machine."""
    for url in ("http://login.example/token", "http://localhost.example/", "ftp://login.example/"):
        with pytest.raises(ValueError, match="token_url"):
            DicomWebSettings.model_validate({"token_url": url})
    DicomWebSettings.model_validate({"token_url": "http://localhost:8080/token"})


@pytest.mark.parametrize("said", [None, "soon", float("nan"), float("inf"), [], ""])
def test_life_that_is_no_number_is_a_short_one(said):
    """A token would be kept for ever otherwise."""
    answer = json.dumps({"access_token": "t", "expires_in": said}).encode()

    assert ("t", LIFE_S) == token_in(answer)
