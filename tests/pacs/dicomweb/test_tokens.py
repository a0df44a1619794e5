"""Tokens: asked for, renewed before their end, and once where one is refused."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest

from hilum.errors import PacsRefused, PacsUnavailable, SettingInvalid
from hilum.pacs.dicomweb import access
from hilum.pacs.dicomweb.access import TokenAuth, token_auth
from hilum.pacs.dicomweb.archive import DicomWebArchive
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
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[httpx.Response | Exception], list]:
    """Return what makes a token server of one answer."""
    bodies: list[dict] = []
    real = httpx.Client

    def give(answer: httpx.Response | Exception) -> list[dict]:
        def handle(request: httpx.Request) -> httpx.Response:
            bodies.append(parse_qs(request.read().decode()))
            if isinstance(answer, Exception):
                raise answer
            return answer

        transport = httpx.MockTransport(handle)
        monkeypatch.setattr(access.httpx, "Client", lambda **_: real(transport=transport))
        return bodies

    return give


def client_credentials(tmp_path: Path) -> TokenAuth:
    """Return the auth of settings with a client's secret in a file."""
    (tmp_path / "secret").write_text("s&e=cret\n")
    settings = DicomWebSettings(
        token_url=WHERE, client_id="hilum", client_secret_file=tmp_path / "secret", scope="a/b"
    )
    auth = token_auth(settings, lambda: True, 1)
    assert auth is not None
    return auth


def test_token_is_asked_for_with_the_clients_secret(asked, tmp_path: Path):
    """As RFC 6749 4.4 has it."""
    bodies = asked(httpx.Response(200, json={"access_token": "t", "expires_in": "3599"}))

    assert "t" == client_credentials(tmp_path).token()
    assert {
        "grant_type": ["client_credentials"],
        "client_id": ["hilum"],
        "client_secret": ["s&e=cret"],
        "scope": ["a/b"],
    } == bodies[0]


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
        (httpx.ConnectTimeout("slow"), PacsUnavailable),
    ],
)
def test_token_server_that_gives_none_is_named(asked, tmp_path: Path, answer, kind):
    """Whether asking again may help is told apart; the secret is never repeated."""
    asked(answer)
    with pytest.raises(kind, match=r"dicomweb\.token_url") as caught:
        client_credentials(tmp_path).token()

    assert "s&e=cret" not in str(caught.value)


def test_secret_is_never_sent_in_the_open():
    """But to this machine."""
    for url in ("http://login.example/token", "http://localhost.example/", "ftp://login.example/"):
        with pytest.raises(ValueError, match="token_url"):
            DicomWebSettings.model_validate({"token_url": url})
    DicomWebSettings.model_validate({"token_url": "http://localhost:8080/token"})
