"""compose.yaml's profiles, each with what it is for; and a reverse proxy of the site."""

import html
import re
import secrets
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator

import httpx
import pytest

from certificates import Authority
from containers.product import PROJECT, ROOT, Product, until
from radiographs import dicom_file, make_radiograph
from web_context import csrf_in

pytestmark = [pytest.mark.containers, pytest.mark.timeout(3600)]


def test_tls_front_serves_page_and_dicom(product, tmp_path):
    """With certificates of the first up; DICOM is taken from who has one of them alone."""
    product.compose("--profile", "tls", "up", "--detach", "--wait", "tls")
    made = {}
    for name in ("authority", "sender"):
        made[name] = tmp_path / f"{name}.pem"
        made[name].write_text(product.within("tls", "cat", f"/secrets/tls/{name}.pem"))
    password = product.within("hilum", "cat", "/data/admin-password").strip()
    trusted = ssl.create_default_context(cafile=made["authority"])
    trusted.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python 3.13 does
    address = f"https://localhost:{product.port('TLS')}"
    with httpx.Client(base_url=address, verify=trusted) as client:
        until(lambda: client.get("/login").is_success)
        form = {"csrf": csrf_in(client.get("/login").text), "name": "admin", "password": password}
        assert 303 == client.post("/login", data=form).status_code
        assert "OHIF" in client.get("/ohif/").text
        assert 403 == client.get("/metrics").status_code
        spoofed = client.get("/users", headers={"X-Forwarded-For": "192.0.2.1"})
        assert spoofed.is_success
    (tmp_path / "x.dcm").write_bytes(dicom_file(make_radiograph()))
    sent = ["localhost", str(product.port("DICOM_TLS")), str(tmp_path / "x.dcm")]
    known = ["+tls", str(made["sender"]), str(made["sender"]), "+cf", str(made["authority"])]
    unknown = ["+tla", "+cf", str(made["authority"])]
    status = [
        subprocess.run(["storescu", *how, *sent], check=False, capture_output=True).returncode
        for how in (known, unknown, [])
    ]

    assert 0 == status[0]
    assert 0 not in status[1:]
    until(lambda: 1 == product.stored())


def test_prometheus_watches_node_and_workers(product):
    """It loads every rule, sees every process, and what fires reaches the Alertmanager."""
    profiles = ("--profile", "observability", "--profile", "scale")
    product.compose(*profiles, "up", "--detach", "--scale", "worker=2")
    rules = product.within(
        "prometheus", "promtool", "check", "config", "/etc/prometheus/prometheus.yml"
    )
    assert "13 rules found" in rules
    watch = f"http://127.0.0.1:{product.port('PROMETHEUS')}/api/v1"
    alerts = f"http://127.0.0.1:{product.port('ALERTS')}/api/v2/alerts"

    def asked(query: str) -> list[str]:
        found = httpx.get(f"{watch}/query", params={"query": query}).raise_for_status().json()
        return [each["value"][1] for each in found["data"]["result"]]

    def fired() -> set[str]:
        return {each["labels"]["alertname"] for each in httpx.get(alerts).json()}

    until(lambda: ["3"] == asked("sum(up)"))
    product.send(2)
    until(lambda: ["2"] == asked("sum(hilum_images_settled_total)"))
    assert set() == fired()
    product.compose("stop", "database")
    until(lambda: "HilumDatabaseDown" in fired())


PROVIDER_HOST = "provider.localhost"


def filled_in(answer: httpx.Response, fields: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Return where the form of a provider's page goes, and with what."""
    form = re.findall(r"<form.*?</form>", answer.text, re.DOTALL)[-1]
    action = re.search(r'action="([^"]+)"', form)
    names = re.findall(r'name="([^"]+)"', form)
    given = dict(re.findall(r'name="([^"]+)"[^>]*value="([^"]*)"', form))
    given |= {name: value for name, value in fields.items() if name in names}
    to = html.unescape(action[1]) if action else ""
    return str(answer.url.join(to)), {name: html.unescape(text) for name, text in given.items()}


def sign_in(page: str, trusted: ssl.SSLContext, name: str, password: str) -> httpx.Response:
    """Sign in at the provider as a browser does; return the page that this leads to."""
    fields = {"login": name, "password": password}
    with httpx.Client(verify=trusted, follow_redirects=True, timeout=60) as browser:
        answer = browser.get(f"{page}/login/oidc", params={"next": "/account"})
        for _page in ("name", "password"):
            assert PROVIDER_HOST == answer.url.host, answer.text
            to, given = filled_in(answer, fields)
            answer = browser.post(to, data=given, headers={"Referer": str(answer.url)})
    return answer


@pytest.mark.usefixtures("provider")
def test_people_sign_in_at_the_provider(make_product, monkeypatch):
    """Who it knows; their groups there are their roles here, and who is in none is not let in."""
    found = socket.getaddrinfo  # browsers know where localhost and all below it is
    there = {PROVIDER_HOST: "127.0.0.1"}
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *of, **so: found(there.get(host, host), *of, **so)
    )
    product = make_product(profile="oidc")
    given = {"operator": product.within("provider", "cat", "/data/operator-password").strip()}
    for name in ("ana", "bob"):
        given[name] = secrets.token_urlsafe()
        who = ("--user-name", name, "--family-name", name, "--emails", f"{name}@example.org")
        made = ("canaille", "create", "user", *who, "--password", given[name])
        product.within("provider", *made)
    members = ("--members", "operator", "--members", "ana")
    product.within("provider", "canaille", "set", "group", "readers", *members)
    authority = product.within("provider", "cat", "/secrets/oidc/authority.pem")
    trusted = ssl.create_default_context(cadata=authority)
    trusted.verify_flags |= ssl.VERIFY_X509_STRICT

    answers = {name: sign_in(product.page, trusted, name, it) for name, it in given.items()}

    assert [f"{product.page}/account"] * 2 == [str(answers[who].url) for who in ("operator", "ana")]
    assert 403 == answers["bob"].status_code
    users = product.within("hilum", "hilum", "users", "list")
    assert [("ana", "reader"), ("operator", "operator")] == re.findall(
        r"^(ana|bob|operator)\s+(\w+)", users, re.MULTILINE
    )


PROXIED = {
    "HILUM_PAGE__PUBLIC_URL": "https://hilum.example.org",
    "HILUM_PAGE__TRUSTED_PROXIES": '["127.0.0.1"]',
}


@pytest.fixture
def proxied(
    make_product: Callable[..., Product], tmp_path
) -> Iterator[tuple[Product, httpx.Client]]:
    """Return a product behind the lines of nginx of the docs, and a browser before them."""
    product = make_product(services={"hilum": {"environment": PROXIED}})
    node = f"{PROJECT}-hilum-1"
    networks = product.engine.inspect(node)["NetworkSettings"]["Networks"]
    address = networks[f"{PROJECT}_outside"]["IPAddress"]
    authority = Authority(tmp_path, "authority")
    signed = authority.sign("hilum", host=address)
    page = (ROOT / "docs" / "deployment.md").read_text()
    lines = tmp_path / "hilum.conf"
    lines.write_text(re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)[0])
    files = {
        lines: "/etc/nginx/conf.d/hilum.conf",
        signed.certificate: "/etc/ssl/hilum.crt",
        signed.key: "/etc/ssl/hilum.key",
    }
    mounts = [f"--volume={here}:{there}:ro" for here, there in files.items()]
    run = product.engine.run
    try:
        run("run", "--detach", "--name=nginx", f"--network=container:{node}", *mounts, "nginx:1.28")
        trusted = ssl.create_default_context(cafile=authority.file)
        named = {"Host": "hilum.example.org"}
        with httpx.Client(base_url=f"https://{address}", verify=trusted, headers=named) as browser:
            until(lambda: browser.get("/login").is_success)
            yield product, browser
    finally:
        run("rm", "--force", "nginx", fails=True)


def test_nginx_of_the_docs_serves_the_page(proxied):
    """Sign-in with cookies for TLS alone, the worklist as it changes, and no metrics."""
    product, browser = proxied
    password = product.within("hilum", "cat", "/data/admin-password").strip()
    form = {"csrf": csrf_in(browser.get("/login").text), "name": "admin", "password": password}
    answer = browser.post("/login", data=form)

    assert 303 == answer.status_code
    assert all("; secure" in each.lower() for each in answer.headers.get_list("set-cookie"))
    assert 403 == browser.get("/metrics").status_code
    with browser.stream("GET", "/worklist/live", timeout=60) as live:
        product.send(1)
        assert any("data:" in line for line in live.iter_lines())
