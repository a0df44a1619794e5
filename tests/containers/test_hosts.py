"""Node, workers, PACS and database as on hosts of their own, with a network between them."""

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from containers.fleet import CONTAINERS, INSIDE, full
from containers.product import ONCE, Product, until

pytestmark = [pytest.mark.containers, pytest.mark.timeout(3600)]

log = logging.getLogger(__name__)

DISTANCE = Path(__file__).with_name("distance.py")

DELAY_S, LOST = 0.02, 0.01
"""Of each packet from one host to another."""

IMAGES = 40


@contextmanager
def far_away(product: Product, container: str) -> Iterator[None]:
    """Put a distance between a container and all the others."""
    inspect = product.engine.inspect
    network = inspect(INSIDE)["IPAM"]["Config"][0]["Subnet"]
    there = inspect(full(container))
    address = there["NetworkSettings"]["Networks"][INSIDE]["IPAddress"]
    within = ["nsenter", "--target", str(there["State"]["Pid"]), "--net", sys.executable]
    command = [*within, str(DISTANCE), network, address, str(DELAY_S), str(LOST)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as carrier:
        try:
            assert carrier.stdout is not None
            assert "ready" == carrier.stdout.readline().strip()
            yield
        finally:
            carrier.terminate()


def rate(product: Product) -> float:
    """Return the images that are analyzed a second, from the first one's sending on."""
    there, began = product.stored(), time.monotonic()
    product.send(IMAGES)
    until(lambda: there + IMAGES == product.stored(), 600)
    return IMAGES / (time.monotonic() - began)


def test_hosts_far_apart_share_the_work(product):
    """Across 20 ms and 1 % loss each way, each image is analyzed once; the rate is in the docs."""
    product.compose("--profile", "scale", "up", "--detach", "--scale", "worker=2")
    until(lambda: "workers: 3 alive" in product.within("hilum", "hilum", "doctor"))
    near = rate(product)
    with ExitStack() as stack:
        for container in CONTAINERS:
            stack.enter_context(far_away(product, container))
        far = rate(product)
        log.info("%.2f images a second on one host, %.2f across hosts", near, far)
        assert {ONCE: 2 * IMAGES} == product.results()
        assert product.within("hilum", "hilum", "doctor")
