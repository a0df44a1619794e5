"""What probes and Prometheus are answered, and who is."""

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from hilum.telemetry import metrics
from hilum.web.context import HealthSource, NodeCheck
from hilum.web.health import BEAT_WITHIN_S, KEEP_S, health_app, health_routes
from own_loop import in_own_loop

TOKEN = "a-token-of-more-than-16-characters"  # noqa: S105  of this test alone
HERE = ("127.0.0.1", 50000)
ELSEWHERE = ("192.0.2.7", 50000)


class Client:
    """Asks an application as a peer of some address."""

    def __init__(self, app: FastAPI, peer: tuple[str, int]) -> None:
        self._transport = httpx.ASGITransport(app=app, client=peer)

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=self._transport, base_url="http://node"
            ) as client:
                return await client.get(path, headers=headers)

        return in_own_loop(ask())


class Node:
    """A node whose vitals a test sets."""

    def __init__(self) -> None:
        self.age: float | None = 1.0
        self.checks = [
            NodeCheck("model", ok=True, text="densenet 1.0"),
            NodeCheck("disk", True, "9 GB"),
        ]
        self.asked = 0
        self.seconds = 0.0

    def look(self) -> list[NodeCheck]:
        self.asked += 1
        return self.checks

    def client(self, peer: tuple[str, int] = HERE, token: str | None = None) -> Client:
        vitals = HealthSource(lambda: self.age, self.look, metrics.exposition)
        secret = None if token is None else SecretStr(token)
        app = FastAPI()
        app.include_router(health_routes(vitals, metrics_token=secret, clock=lambda: self.seconds))
        return Client(app, peer)


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.mark.parametrize(
    ("age", "status"), [(0.0, 200), (BEAT_WITHIN_S, 200), (BEAT_WITHIN_S + 1, 503), (None, 503)]
)
def test_healthz_goes_by_the_heartbeat(node, age, status):
    """A process whose heart stopped is to be restarted, whatever else works."""
    node.age = age
    answer = node.client(ELSEWHERE).get("/healthz")

    assert status == answer.status_code
    assert age == answer.json()["heartbeat_age_s"]
    assert "no-store" == answer.headers["cache-control"]


def test_readyz_says_each_check_in_words(node):
    """Ready is 200; one failed check makes it 503, with what to do."""
    client = node.client()
    ready = client.get("/readyz")
    node.checks[1] = NodeCheck("disk", ok=False, text="12 MB free", remedy="Free space.")
    node.seconds = KEEP_S
    paused = client.get("/readyz")

    assert (200, "ready") == (ready.status_code, ready.json()["status"])
    assert (503, "not ready") == (paused.status_code, paused.json()["status"])
    assert {
        "name": "disk",
        "ok": False,
        "text": "12 MB free",
        "remedy": "Free space.",
    } == paused.json()["checks"][1]


def test_others_are_told_what_fails_and_no_more(node):
    """Versions and paths are for this machine, and for whoever has the metrics' token."""
    client = node.client(ELSEWHERE, TOKEN)
    said = client.get("/readyz").json()["checks"]
    known = client.get("/readyz", headers={"authorization": f"Bearer {TOKEN}"}).json()["checks"]

    assert [{"name": "model", "ok": True}, {"name": "disk", "ok": True}] == said
    assert "densenet 1.0" == known[0]["text"]


def test_asking_often_costs_the_pacs_nothing(node):
    """Within two seconds the checks are made once; afterwards anew."""
    client = node.client()
    for _ in range(5):
        client.get("/readyz")
    once = node.asked
    node.seconds = KEEP_S
    client.get("/readyz")

    assert (1, 2) == (once, node.asked)


def test_metrics_are_prometheus_text(node):
    """Its own parser reads them; the type of the content is its own."""
    answer = node.client().get("/metrics")
    names = {family.name for family in text_string_to_metric_families(answer.text)}

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "hilum_images_settled" in names


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("peer", "token", "headers", "status"),
    [
        (HERE, None, {}, 200),
        (("::1", 1), None, {}, 200),
        (HERE, TOKEN, {}, 200),
        (ELSEWHERE, None, {}, 403),
        (ELSEWHERE, None, bearer(""), 403),
        (ELSEWHERE, TOKEN, {}, 401),
        (ELSEWHERE, TOKEN, bearer("wrong"), 401),
        (ELSEWHERE, TOKEN, {"Authorization": f"Basic {TOKEN}"}, 401),
        (ELSEWHERE, TOKEN, bearer(TOKEN), 200),
        (HERE, None, {"X-Forwarded-For": "192.0.2.7"}, 403),
        (HERE, None, {"Forwarded": "for=192.0.2.7"}, 403),
        (HERE, TOKEN, {"X-Real-IP": "192.0.2.7", **bearer(TOKEN)}, 200),
        (("/run/hilum.sock", 0), None, {}, 403),
    ],
)
def test_metrics_are_for_this_machine_or_the_token(node, peer, token, headers, status):
    """A proxy of this machine is not this machine."""
    answer = node.client(peer, token).get("/metrics", headers=headers)

    assert status == answer.status_code
    assert ("hilum_" in answer.text) == (status == 200)
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_open(node, path):
    """A probe has no password."""
    assert 200 == node.client(ELSEWHERE, TOKEN).get(path).status_code


def test_routes_are_not_part_of_the_api(node):
    """The description of the API does not list them."""
    assert {} == node.client().get("/openapi.json").json()["paths"]


def test_worker_has_the_same_without_a_page(node):
    """An application of its own, with the three addresses and no other."""
    vitals = HealthSource(lambda: node.age, node.look, metrics.exposition)
    client = Client(health_app(vitals, metrics_token=SecretStr(TOKEN)), ELSEWHERE)

    assert [200, 200, 401, 404, 404] == [
        client.get(path).status_code
        for path in ("/healthz", "/readyz", "/metrics", "/", "/openapi.json")
    ]
