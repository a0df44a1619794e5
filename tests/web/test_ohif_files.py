"""OHIF below ``/ohif/``: rewritten as it is sent, behind the login, and not everywhere there."""

import base64
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hilum.records.accounts import Role
from hilum.settings import Settings
from hilum.web.context import WebContext
from hilum.web.ohif_files import folder
from web_context import Page, open_web_context

INDEX = """<html><head><link href="/app.css"><script>window.PUBLIC_URL = '/';</script>
<script type="module" src="/init-service-worker.js"></script>
<script src="/app.bundle.0a.js"></script></head>
<body><img src="//elsewhere.example/x.png"></body></html>"""


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Return a folder like OHIF's build."""
    path = tmp_path / "dist"
    path.mkdir()
    (path / "index.html").write_text(INDEX)
    (path / "app.bundle.0a.js").write_text('__webpack_require__.p = "/";')
    (path / "app.css").write_text("@font-face { src: url(/font.woff2); }")
    (path / "font.woff2").write_bytes(b"font")
    (tmp_path / "secret.txt").write_text("secret")
    return path


@pytest.fixture
def web(tmp_path: Path, dist: Path) -> Iterator[WebContext]:
    """Return a web with that OHIF."""
    with open_web_context(tmp_path, page={"ohif_folder": dist}) as made:
        yield made


def test_its_page_is_sent_for_its_own_files(page: Page):
    """Addresses lie below /ohif/; the service worker, which calls elsewhere, is left out."""
    answer = page.signed_in(Role.VIEWER).get("/ohif/viewer?StudyInstanceUIDs=1.2")

    assert 'href="/ohif/app.css"' in answer.text
    assert 'src="/ohif/app.bundle.0a.js"' in answer.text
    assert "window.PUBLIC_URL = '/ohif/';" in answer.text
    assert "service-worker" not in answer.text


def test_another_build_in_its_place_is_sent(page: Page, dist: Path):
    """`hilum viewer install` replaces the build while the node runs."""
    client = page.signed_in(Role.VIEWER)
    assert "another build" not in client.get("/ohif/").text
    file = dist / "index.html"
    file.write_text("<p>another build</p>", "utf-8")
    os.utime(file, (1, 1))

    assert "another build" in client.get("/ohif/").text


def test_its_inline_scripts_are_named_by_their_hash(page: Page):
    """Any other inline script is refused by the browser."""
    answer = page.signed_in(Role.VIEWER).get("/ohif/")
    scripts = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    policy = answer.headers["content-security-policy"]
    allowed = next(part for part in policy.split(";") if "script-src" in part)

    assert 1 == len(scripts)
    for script in scripts:
        name = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{name}'" in allowed
    assert "unsafe-inline" not in allowed


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app.bundle.0a.js", '__webpack_require__.p = "/ohif/";'),
        ("app.css", "@font-face { src: url(/ohif/font.woff2); }"),
        ("font.woff2", "font"),
    ],
)
def test_its_files_look_for_others_where_they_are(page: Page, path: str, text: str):
    """Scripts and styles are rewritten, anything else is sent as it lies there."""
    assert text == page.signed_in(Role.VIEWER).get(f"/ohif/{path}").text


@pytest.mark.parametrize(
    "path",
    [
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%ff%fe",
        "a" * 5000,
    ],
)
def test_no_other_file_is_sent(page: Page, path: str):
    """A path that leads out of the folder is one of OHIF's pages."""
    answer = page.signed_in(Role.VIEWER).get(f"/ohif/{path}")

    assert 200 == answer.status_code
    assert "window.PUBLIC_URL" in answer.text


def test_it_is_behind_the_login(page: Page):
    """And leads back to the study."""
    answer = page.browser().get("/ohif/viewer?StudyInstanceUIDs=1.2")

    assert "/login?next=/ohif/viewer%3FStudyInstanceUIDs%3D1.2" == answer.headers["location"]


def test_a_missing_ohif_says_how_to_get_it(tmp_path: Path, page: Page):
    """And pages know it before they offer a link."""
    page.web.settings.page.ohif_folder.joinpath("index.html").unlink()
    absent = Settings(data_folder=tmp_path).changed("page", ohif_folder=tmp_path / "nothing")

    answer = page.signed_in(Role.VIEWER).get("/ohif/")

    assert 404 == answer.status_code
    assert "hilum viewer install" in answer.text
    assert folder(absent) is None
    assert folder(absent.changed("page", ohif_folder=tmp_path / "dist")) is None
