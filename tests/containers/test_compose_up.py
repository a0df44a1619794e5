"""compose.yaml, run by an engine: what a person does with it, and what happens to it."""

import httpx
import pytest

from containers.product import ONCE, until
from web_context import csrf_in

pytestmark = [pytest.mark.containers, pytest.mark.timeout(3600)]

SERVICES = ("hilum", "orthanc", "dicom", "database")


def test_password_that_one_command_shows_signs_in(product):
    """On the page, which OHIF lies behind; and the doctor finds nothing."""
    password = product.within("hilum", "cat", "/data/admin-password").strip()
    with httpx.Client(base_url=product.page) as client:
        form = {"csrf": csrf_in(client.get("/login").text), "name": "admin", "password": password}
        assert 303 == client.post("/login", data=form).status_code
        assert "OHIF" in client.get("/ohif/").text

    assert product.within("hilum", "hilum", "doctor")  # it fails when there is a problem


@pytest.mark.parametrize("service", SERVICES)
def test_no_process_is_root_or_may_write_its_system(product, service):
    """As the kernel sees it: the user, the capabilities, the root folder."""
    looked = "grep -E ^(Uid|CapEff|NoNewPrivs) /proc/1/status"
    status = product.within(service, *looked.split()).split()

    assert "0" not in status[1:5]
    assert ["CapEff:", "0" * 16, "NoNewPrivs:", "1"] == status[5:]
    container = product.engine.inspect(product.compose("ps", "--quiet", service).strip())
    assert container["HostConfig"]["ReadonlyRootfs"] is (service != "orthanc")
    assert container["HostConfig"]["Memory"] > 0


def test_down_and_up_loses_nothing(product):
    """What was analyzed stays, what was in work is finished, each once."""
    product.send(5)
    until(lambda: 5 == product.stored())
    product.send(5)
    product.compose("down")
    product.compose("up", "--detach")
    until(lambda: 10 == product.stored())

    assert {ONCE: 10} == product.results()


@pytest.mark.parametrize("service", SERVICES)
def test_killed_service_comes_back(product, service):
    """All its processes die at once under load; afterwards each image is analyzed, once."""
    product.send(5)
    product.kill(service)
    until(lambda: product.send(1) is None)
    until(lambda: 6 <= product.stored())
    until(lambda: {ONCE} == product.results().keys())


def test_workers_share_the_work(product):
    """Two of them; one is killed and gone for good, its images are the other's."""
    product.compose("--profile", "scale", "up", "--detach", "--scale", "worker=2")
    until(lambda: "workers: 3 alive" in product.within("hilum", "hilum", "doctor"))
    product.send(20)
    first, _ = product.compose("--profile", "scale", "ps", "--quiet", "worker").split()
    product.engine.run("kill", first)
    until(lambda: 20 == product.stored())

    assert {ONCE: 20} == product.results()
