"""Every fault on every container, under load: afterwards each image was analyzed, once.

``HILUM_FAULTS_SEED`` repeats a run, as near as machine and network allow.
"""

import logging
import os
import random
import re
import subprocess
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from containers.fleet import CONTAINERS, INSIDE, Fault, Fleet, faults_of, full, small_disks
from containers.product import ONCE, PROJECT, Product, until
from radiographs import dicom_file, make_radiograph

pytestmark = [pytest.mark.containers, pytest.mark.timeout(3600)]

log = logging.getLogger(__name__)

SEED = int(os.environ.get("HILUM_FAULTS_SEED", "20"))

EVERY_S = 2.0
"""Seconds between two radiographs."""

BUGS = r"process\.bug|thread\.bug|reasons=bug|Traceback"
"""In a log: something broke in hilum itself."""

CALM_S = 900.0
"""Longer than all that waits takes once nothing happens any more."""


class Sender:
    """Sends radiographs one after the other, each again until it is taken, as a modality does."""

    def __init__(self, product: Product, folder: Path) -> None:
        self.port, self.path = product.port("DICOM"), folder / "sent.dcm"
        self.sent = 0

    def send(self) -> bool:
        """Send the radiograph that is next; return whether it was taken."""
        command = ["storescu", "-to", "5", "-ta", "10", "-td", "20", "127.0.0.1", str(self.port)]
        return (
            0 == subprocess.run([*command, self.path], check=False, capture_output=True).returncode
        )

    def one(self, ended: threading.Event) -> None:
        """Send a new radiograph."""
        self.path.write_bytes(dicom_file(make_radiograph()))
        while not self.send():
            if ended.wait(EVERY_S / 2):
                return
        self.sent += 1

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send all the time meanwhile; the last one goes out afterwards."""
        ended = threading.Event()

        def always() -> None:
            while not ended.wait(EVERY_S):
                self.one(threading.Event())

        thread = threading.Thread(target=always)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(120)
            assert not thread.is_alive(), "the last radiograph is not taken"


@pytest.fixture
def fleet(make_product, tmp_path) -> Iterator[Fleet]:
    """Return a product with two workers, small disks, and clocks that can be moved."""
    with small_disks(tmp_path / "disks") as changes:
        product = make_product(**changes)
        product.compose("--profile", "scale", "up", "--detach", "--scale", "worker=2")
        fleet = Fleet(product, tmp_path / "disks")
        try:
            yield fleet
        finally:
            product.compose("--profile", "*", "down", "--volumes", "--timeout", "20", fails=True)


def check_afterwards(fleet: Fleet, sent: int) -> None:
    """Every image has one set of results, nothing failed, nothing broke in hilum itself."""
    product = fleet.product
    until(lambda: sent == product.stored(), CALM_S)
    until(lambda: {ONCE: sent} == product.results())
    until(lambda: product.within("hilum", "hilum", "doctor"))
    logs = "".join(product.engine.logs(full(name)) for name in CONTAINERS[:3])
    (product.folder / "logs.txt").write_text(logs)  # pytest keeps it
    broken = re.findall(rf"(?:.*\n){{,3}}.*(?:{BUGS}).*\n(?:.*\n){{,20}}", logs)
    assert not broken, "\n\n".join(broken)


def endure(fleet: Fleet, folder: Path, faults: Collection[Fault]) -> None:
    """Let faults happen one after the other without a break, while images arrive."""
    sender = Sender(fleet.product, folder)
    log.info("seed %d", SEED)
    began = time.monotonic()
    with sender.sending():
        for fault in faults:
            log.info("%.0f s, %d sent: %s", time.monotonic() - began, sender.sent, fault)
            fleet.happen(fault)
    log.info("%d faults, %.0f s, %d sent", len(faults), time.monotonic() - began, sender.sent)

    check_afterwards(fleet, sender.sent)


@pytest.mark.thin
def test_one_fault_of_each_kind_loses_nothing(fleet, tmp_path):
    """From `docker compose up` on, the shortest of each kind."""
    faults = sorted(faults_of(random.Random(SEED)), key=lambda fault: -fault.seconds)
    endure(fleet, tmp_path, {fault.kind: fault for fault in faults}.values())


def test_faults_on_every_container_lose_nothing(fleet, tmp_path):
    """More than 60 of them."""
    faults = faults_of(random.Random(SEED))
    assert 60 <= len(faults)
    endure(fleet, tmp_path, faults)


@pytest.fixture
def standby(product) -> Iterator[str]:
    """Return the name of a PostgreSQL that follows the product's database."""
    allow = "echo 'host replication hilum all scram-sha-256' >>$PGDATA/pg_hba.conf && pg_ctl reload"
    product.within("database", "sh", "-c", allow)
    begin = (
        "chmod 0700 $PGDATA; export PGPASSWORD=$(cat /secrets/database/password);"
        " pg_basebackup --host database --username hilum --pgdata $PGDATA --write-recovery-conf;"
        " exec postgres -c listen_addresses='*'"
    )
    image = product.engine.inspect(f"{PROJECT}-database-1")["Config"]["Image"]
    volumes = (
        f"{PROJECT}_database_secret:/secrets/database:ro",
        "standby:/var/lib/postgresql/data",
    )
    mounts = [f"--volume={each}" for each in volumes]
    options = ["--name=standby", f"--network={INSIDE}", "--user=999:999", *mounts]
    run = product.engine.run
    try:
        run("run", "--detach", *options, "--entrypoint=sh", image, "-ec", begin)
        until(lambda: run("exec", "standby", "pg_isready"))
        yield "standby"
    finally:
        run("rm", "--force", "standby", fails=True)
        run("volume", "rm", "--force", "standby", fails=True)


def test_promoted_standby_takes_over(product, standby, tmp_path):
    """The database dies for good under load; its standby is promoted and gets its name."""
    sender, run = Sender(product, tmp_path), product.engine.run
    with sender.sending():
        until(lambda: sender.sent > 5)
        run("kill", f"{PROJECT}-database-1")
        run("network", "disconnect", INSIDE, f"{PROJECT}-database-1", fails=True)
        run("exec", standby, "pg_ctl", "promote", "--wait")
        run("network", "disconnect", INSIDE, standby)
        run("network", "connect", "--alias", "database", INSIDE, standby)
        until(lambda: sender.sent > 10)
    until(lambda: sender.sent == product.stored(), CALM_S)

    assert {ONCE: sender.sent} == product.results()
