"""compose.yaml's profiles, each with what it is for."""

import ssl
import subprocess

import httpx
import pytest

from containers.product import until
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
