"""What every answer says to the browser, and who may go where."""

import re
import socket
import ssl
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from markupsafe import Markup

from certificates import Authority
from hilum.errors import PortTaken, SettingInvalid
from hilum.language import ENGLISH
from hilum.records.accounts import Role
from hilum.settings import PageSettings, Settings
from hilum.web.app import ROUTERS, address, create_app, serving
from hilum.web.pages import environment
from hilum.web.security import OHIF_POLICY, PAGE_POLICY, is_our_name
from hilum.web.sessions import SESSION_COOKIE, cookie_name
from messages import SHOW
from orthanc_server import free_ports
from web_context import Page, begin_session, csrf_in, open_page, open_web_context

OPEN = {"/login", "/login/passkey", "/login/oidc", "/login/oidc/callback", "/look"}
"""Addresses for people who have not signed in."""

ROUTES = [
    (method, route.path)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods)
]


@pytest.mark.parametrize("path", ["/login", "/account", "/missing", "/api/v1/status", "/ohif/"])
def test_every_answer_carries_the_headers(page: Page, path: str):
    """Pages, errors, the API: none is kept, framed, sniffed or talked about."""
    headers = page.signed_in(Role.VIEWER).get(path).headers

    assert "nosniff" == headers["x-content-type-options"]
    assert "no-referrer" == headers["referrer-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "camera=()" in headers["permissions-policy"]
    assert "no-store" == headers["cache-control"]
    assert "server" not in headers
    assert "strict-transport-security" not in headers


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "127.0.0.1:8000", "10.2.3.4", "[::1]:8000", "radiology-1", "hilum.local"),
        *("HILUM.Hospital.internal:8000", "x.org", "name.example.org", socket.gethostname(), ""),
    ],
)
def test_the_page_answers_to_its_names(tmp_path: Path, host: str):
    """A first start by address, by a short name or a private one needs no setting."""
    names = {"public_url": "https://x.org", "allowed_hosts": ["name.example.org"]}
    settings = Settings(data_folder=tmp_path).changed("page", **names)

    assert is_our_name(host.casefold(), settings.page)


@pytest.mark.parametrize(
    "host",
    ["evil.example.org", "x.org.evil.org", "local.evil.org", "127.0.0.1.evil.org", "[::1"],
)
def test_another_sites_name_is_turned_away(page: Page, host: str):
    """And not said again; probes are answered all the same."""
    answer = page.browser().get("/login", headers={"host": host})

    assert 421 == answer.status_code
    assert host not in answer.text
    assert "page.allowed_hosts" in answer.text
    assert "nosniff" == answer.headers["x-content-type-options"]


@pytest.mark.parametrize("path", ["/ohif/%00", "/study/%1b", "/%E2%80%AE", "/login%7f"])
def test_an_address_that_nobody_types_is_not_there(page: Page, path: str):
    """With the headers of every answer."""
    answer = page.signed_in(Role.VIEWER).get(path)

    assert 404 == answer.status_code
    assert "nosniff" == answer.headers["x-content-type-options"]


def test_a_fault_carries_the_headers(page: Page, monkeypatch: pytest.MonkeyPatch):
    """Also where the answer to it is made outside of everything else."""
    monkeypatch.setattr("hilum.web.login.safe_next", lambda _: 1 / 0)
    answer = page.browser().get("/login")

    assert 500 == answer.status_code
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "no-store" == answer.headers["cache-control"]


def test_a_name_from_a_file_does_nothing_to_the_page():
    """Neither escape sequences nor marks of direction; nothing else is touched."""
    template = environment(ENGLISH).from_string("{{ name }}|{{ n }}|{{ m }}|{{ plain }}")
    filled = template.render(
        name="<a\x1b[2J\u202egpj\u2066>", n=1, m=Markup("<b>\u202e</b>"), plain="חולה é\tß"
    )

    assert "&lt;a\ufffd[2J\ufffdgpj\ufffd&gt;|1|<b>\ufffd</b>|חולה é\tß" == filled


@pytest.mark.parametrize("policy", [PAGE_POLICY, OHIF_POLICY], ids=["page", "ohif"])
def test_nobody_else_is_asked_for_anything(policy: str):
    """No source but our own, in any directive."""
    words = {word for part in policy.split(";") for word in part.split()[1:]}

    assert all(word.startswith("'") or word in {"blob:", "data:"} for word in words)
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]


def test_no_template_has_inline_script_or_style():
    """The browser would not run it."""
    for path in (SHOW / "templates").glob("*"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=\"|javascript:", text), path.name
        assert not re.search(r"<script(?![^>]*\ssrc=)(?![^>]*type=\"application/json\")", text)


def test_no_static_file_calls_elsewhere():
    """Nor any template: everything comes from here."""
    for path in [*(SHOW / "static").rglob("*"), *(SHOW / "templates").rglob("*")]:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(https?:)?//[a-z0-9-]+\.[a-z]", text), path.name


def test_our_own_files_are_small():
    """All of them together, unpacked."""
    sizes = {path.name: path.stat().st_size for path in (SHOW / "static").rglob("*")}

    assert sum(sizes.values()) <= 300_000, sizes


def test_static_files_are_kept_until_they_change(anybody: httpx.Client):
    """Their address has the digest of all of them."""
    style = re.search(r'href="(/static/[0-9a-f]{12}/base.css)"', anybody.get("/login").text)
    assert style
    answer = anybody.get(style[1])

    assert "public, max-age=31536000, immutable" == answer.headers["cache-control"]
    assert 404 == anybody.get("/static/000000000000/base.css").status_code
    assert 404 == anybody.get(style[1].replace("base.css", "../app.py")).status_code


def test_nothing_but_the_sign_in_is_open(page: Page):
    """Every address of every page and of the API, asked by nobody."""
    client = page.browser()
    let_in = []
    for method, path in ROUTES:
        answer = client.request(method, re.sub(r"\{[^}]*\}", "1", path))
        to_login = answer.headers.get("location", "").startswith("/login")
        if path not in OPEN and not to_login and answer.status_code != httpx.codes.UNAUTHORIZED:
            let_in.append((method, path, answer.status_code))

    assert [] == let_in
    assert len(ROUTES) > 30


@pytest.mark.parametrize("role", list(Role))
def test_roles_open_what_they_should(page: Page, role: Role):
    """The pages for people and for files, and the buttons behind them."""
    client = page.signed_in(role)
    csrf = csrf_in(client.get("/operations").text)
    statuses = [
        client.get("/operations").status_code,
        client.get("/files").status_code,
        client.get("/users").status_code,
        client.post("/operations/retry", data={"csrf": csrf, "uid": "1.2"}).status_code,
        client.post("/users", data={"csrf": csrf, "name": "x", "password": "short"}).status_code,
    ]

    assert (
        statuses
        == {
            Role.VIEWER: [200, 403, 403, 403, 403],
            Role.READER: [200, 200, 403, 403, 403],
            Role.OPERATOR: [200, 200, 200, 303, 409],
        }[role]
    )


def test_over_tls_cookies_go_over_nothing_else(tmp_path: Path):
    """The session's name says so, too, and browsers remember the scheme."""
    authority = Authority(tmp_path, "authority")
    signed = authority.sign("page")
    files = {"certificate": signed.certificate, "certificate_key": signed.key}
    trusted = ssl.create_default_context(cafile=authority.file)
    with open_web_context(tmp_path, page=files) as web, open_page(web) as page:
        answer = httpx.get(f"{page.url}/login", verify=trusted)

    assert page.url.startswith("https://127.0.0.1:")
    assert "max-age=31536000" == answer.headers["strict-transport-security"]
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["set-cookie"].startswith("__Host-hilum_form=")
    assert "__Host-hilum_session" == cookie_name(SESSION_COOKIE, web.settings.page)


def test_over_tls_a_browser_forgets_the_session(tmp_path: Path):
    """It takes a cookie with that prefix with Secure alone, also one that ends it."""
    files = {"public_url": "https://hilum.example.org", "port": free_ports(1)[0]}
    with open_web_context(tmp_path, page=files) as web, open_page(web):
        cookie = f"__Host-hilum_session={begin_session(web, 'ana', Role.VIEWER)}"
        headers = {"cookie": cookie, "host": "hilum.example.org"}
        with httpx.Client(base_url=f"http://127.0.0.1:{files['port']}", headers=headers) as client:
            form = {"csrf": csrf_in(client.get("/account").text)}
            ended = client.post("/logout", data=form).headers["set-cookie"]

    assert ended.startswith("__Host-hilum_session=")
    assert {"Max-Age=0", "Secure", "Path=/"} <= set(ended.split("; "))


def test_a_certificate_that_is_none_is_said_at_the_start(tmp_path: Path):
    """In one line, with the setting's name."""
    broken = tmp_path / "broken.pem"
    broken.write_text("none")
    files = {"certificate": broken, "certificate_key": broken}
    with (
        open_web_context(tmp_path, page=files) as web,
        pytest.raises(SettingInvalid, match=r"page\.certificate"),
        open_page(web),
    ):
        pass


def test_a_port_in_use_is_said_at_the_start(page: Page):
    """With the setting that changes it."""
    taken = page.web.settings.page.model_copy(update={"port": httpx.URL(page.url).port})

    with pytest.raises(PortTaken, match=r"page\.port"), serving(create_app(page.web), taken):
        pass


def test_addresses_are_said_as_people_type_them():
    """Whatever the page listens on."""
    settings = Settings().page.model_dump()

    def said(**values: object) -> str:
        return address(PageSettings(**settings | values), 8000)

    assert "http://127.0.0.1:8000" == said(host="0.0.0.0")  # noqa: S104
    assert "https://host:8000" == said(host="host", certificate="x.pem")
    assert "https://x.org" == said(public_url="https://x.org")
