"""From an older hilum to this one and back, with the data of a busy site in place."""

from pathlib import Path

import httpx
import pytest
import yaml

from containers.product import NODE, ONCE, PROJECT, ROOT, Engine, Product, until
from web_context import csrf_in

pytestmark = [pytest.mark.containers, pytest.mark.timeout(3600)]

STUDIES = 20_000
OLDER = "hilum:older"
STORED = "SELECT count(*) FROM image WHERE state = 'stored' AND archive <> 'own'"
"""Images that were really analyzed; those that were only written down are of another archive."""
TWICE = tuple((number, 2) for number, _ in ONCE)
OURS = ("secrets", "hilum", "worker")


@pytest.fixture
def older(engine: Engine, older_tree: Path) -> Path:
    """Return the source tree before the latest change of the tables, its image built."""
    engine.build(OLDER, "--target=node", str(older_tree))
    return older_tree


def with_image(product: Product, root: Path, image: str) -> Product:
    """Return the product of a source tree, run from an image."""
    path = product.folder / "changes.yaml"
    changes = yaml.safe_load(path.read_text())
    for name in OURS:
        changes["services"].setdefault(name, {})["image"] = image
    path.write_text(yaml.safe_dump(changes))
    return Product(Engine(product.engine.environment, root), product.folder)


def shown(product: Product) -> tuple[str, str]:
    """Return how many studies there are, and the password that signs in to the page."""
    password = product.within("hilum", "cat", "/data/admin-password").strip()
    with httpx.Client(base_url=product.page) as client:
        form = {"csrf": csrf_in(client.get("/login").text), "name": "admin", "password": password}
        assert 303 == client.post("/login", data=form).status_code
    return query(product, "SELECT count(*) FROM study"), password


def encoding(product: Product) -> str:
    """Return the version in which a product writes results down."""
    said = "from hilum.encode.identity import ENCODING_VERSION as version; print(version)"
    return product.within("hilum", "python", "-c", said)


def query(product: Product, statement: str) -> str:
    """Return what the database says."""
    options = ("--tuples-only", "--no-align", "--command", statement, "hilum")
    return in_database(product, "psql", *options).decode().strip()


def in_database(product: Product, program: str, *options: str, given: bytes | None = None) -> bytes:
    """Run a program of PostgreSQL's, with the password that Compose made."""
    login = 'PGPASSWORD=$(cat /secrets/database/password) exec "$@"'
    command = (program, "--host=/var/run/postgresql", "--username=hilum", *options)
    within = ("exec", "--interactive", f"{PROJECT}-database-1", "sh", "-c", login, "sh")
    return product.engine.done(*within, *command, given=given).stdout


def test_backup_upgrade_and_downgrade(older, make_product):
    """All is there after the upgrade; the older one refuses it; the backup brings that back."""
    services = {name: {"image": OLDER} for name in OURS}
    before = make_product(root=older, services=services)
    fill = (ROOT / "bench" / "many_studies.py").read_bytes()
    before.within("hilum", "python", "-", str(STUDIES), given=fill)
    before.send(5)
    until(lambda: "5" == query(before, STORED))
    there = shown(before)
    assert str(STUDIES + 5) == there[0]
    before.compose("stop", "hilum")
    dump = in_database(before, "pg_dump", "--format=custom", "hilum")

    now = with_image(before, ROOT, NODE)
    now.compose("up", "--detach")
    now.until_ready()
    assert there == shown(now)
    now.send(5)
    until(lambda: "10" == query(now, STORED))
    assert {ONCE: 10} == now.results()
    version = encoding(now)
    assert now.within("hilum", "hilum", "doctor")

    again = with_image(now, older, OLDER)
    again.compose("up", "--detach")
    until(lambda: "a newer hilum" in again.engine.logs(f"{PROJECT}-hilum-1"))
    again.compose("stop", "hilum")
    in_database(again, "dropdb", "hilum")
    in_database(again, "createdb", "hilum")
    in_database(again, "pg_restore", "--dbname=hilum", "--exit-on-error", given=dump)
    again.compose("start", "hilum")
    again.until_ready()
    # what came after the backup is followed once more: the same results, or this version's beside
    # the newer one's where they write them down otherwise
    until(lambda: "10" == query(again, STORED))
    assert again.results() == ({ONCE: 10} if version == encoding(again) else {ONCE: 5, TWICE: 5})
    assert again.within("hilum", "hilum", "doctor")
