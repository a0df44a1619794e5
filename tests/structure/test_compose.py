"""compose.yaml, Dockerfile and what they mount: what holds without an engine.

With one, tests/containers run them.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from hilum import __version__
from hilum.node.health import HEARTBEAT
from hilum.pacs.credentials import PacsAddress
from hilum.pacs.orthanc.configuration import configuration
from hilum.settings import Settings

ROOT = Path(__file__).parents[2]
SERVICES = (
    "secrets",
    "hilum",
    "worker",
    "orthanc",
    "dicom",
    "database",
    "tls",
    "provider",
    "prometheus",
    "alertmanager",
)
OURS = ("hilum", "worker")
PROFILES = {"worker": "scale", "tls": "tls", "provider": "oidc", "prometheus": "observability"}

OF_THE_MACHINE = {
    "StorageDirectory",
    "IndexDirectory",
    "TemporaryDirectory",
    "Plugins",
    "Worklists",
    "HttpPort",
    "DicomPort",
    "HttpBindAddresses",
    "RegisteredUsers",
}
"""Options that the image or the secrets decide in a container."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_locked_down_and_limited(compose, name):
    """No capabilities, a read-only system, a limit of memory; it starts again when it ends."""
    service = compose[name]

    assert ["ALL"] == service["cap_drop"]
    assert ["no-new-privileges:true"] == service["security_opt"]
    assert service["read_only"] is (name != "orthanc")  # its image writes its configuration
    assert {"mem_limit", "pids_limit"} <= service.keys()
    assert ("no" if name == "secrets" else "unless-stopped") == service["restart"]


def test_who_is_root_has_no_network(compose, dockerfile):
    """That is the service which makes the passwords and ends."""
    assert re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE)[-1] != "root"
    assert "none" == compose["secrets"]["network_mode"]
    others = {name: each["user"] for name, each in compose.items() if "user" in each}
    assert {
        "secrets": "0:0",
        "orthanc": "999:999",
        "dicom": "99:99",
        "database": "999:999",
        "tls": "99:99",
        "provider": "99:99",
        "prometheus": "65534:65534",
        "alertmanager": "65534:65534",
    } == others


def test_health_is_asked_of_what_works(compose, dockerfile):
    """Hilum's by the file that its loop touches; the others have time for a slow first start."""
    waits = compose["hilum"]["depends_on"]
    waited = {name: each["condition"] for name, each in waits.items()}

    assert ["provider"] == [name for name, each in waits.items() if not each.get("required", True)]
    assert f"/data/{HEARTBEAT}" in dockerfile.partition("HEALTHCHECK")[2]
    assert "service_completed_successfully" == waited.pop("secrets")
    assert {"orthanc", "database", "provider"} == waited.keys()
    assert {"service_healthy"} == set(waited.values())
    checks = [compose[name].get("healthcheck", {}) for name in ("orthanc", "database")]
    assert ["5m", "5m"] == [check.get("start_period") for check in checks]


def test_files_of_the_repository_are_labelled_for_selinux(compose):
    """Each is mounted to read, and so that hosts with SELinux let a container read it."""
    mounts = [mount for each in compose.values() for mount in each.get("volumes", ())]
    files = [mount for mount in mounts if mount.startswith("./")]

    assert files
    assert not [mount for mount in files if not mount.endswith(":ro,z")]


def test_ports_are_on_loopback_unless_opened(compose):
    """Published ports listen on this machine alone; DICOM and TLS can be opened, by a variable."""
    ports = [
        (name, *re.match(r"(.*?):\$\{\w+:-(\d+)\}:(?:\d+|\$\{\w+:-\2\})$", port).groups())
        for name, each in compose.items()
        for port in each.get("ports", ())
    ]

    assert [
        ("hilum", "127.0.0.1", "8000"),
        ("orthanc", "127.0.0.1", "8042"),
        ("dicom", "${HILUM_DICOM_ADDRESS:-127.0.0.1}", "4242"),
        ("tls", "${HILUM_TLS_ADDRESS:-127.0.0.1}", "8443"),
        ("tls", "${HILUM_TLS_ADDRESS:-127.0.0.1}", "2762"),
        ("provider", "${HILUM_PROVIDER_ADDRESS:-127.0.0.1}", "8444"),
        ("prometheus", "127.0.0.1", "9090"),
        ("alertmanager", "127.0.0.1", "9093"),
    ] == ports
    assert ["inside"] == compose["database"]["networks"] == compose["worker"]["networks"]


def test_passwords_are_secrets_only(compose):
    """In no variable and no address; each service mounts those that it needs, to read."""
    variables = [key for name in SERVICES for key in compose[name].get("environment", {})]
    mounts = {
        name: {
            mount.removesuffix(":ro")
            for mount in compose[name]["volumes"]
            if "_secret" in mount and mount.endswith(":ro")
        }
        for name in SERVICES
    }
    pacs, database = "pacs_secret:/secrets/pacs", "database_secret:/secrets/database"
    metrics, tls = "metrics_secret:/secrets/metrics", "${HILUM_TLS_FOLDER:-tls_secret}:/secrets/tls"

    assert not [key for key in variables if key.endswith("PASSWORD")]
    assert "postgresql://hilum@" in compose["hilum"]["environment"]["HILUM_NODE__DATABASE"]
    assert {
        "secrets": set(),
        "hilum": {pacs, database, metrics, "oidc_secret:/secrets/oidc"},
        "worker": {pacs, database, metrics},
        "orthanc": {"pacs_secret:/run/secrets"},
        "dicom": set(),
        "database": {database},
        "tls": {tls},
        "provider": {tls},
        "prometheus": {metrics},
        "alertmanager": set(),
    } == mounts


@pytest.mark.parametrize(("name", "profile"), PROFILES.items())
def test_profiles_are_asked_for(compose, name, profile):
    """Nothing more than node, PACS and database starts by itself."""
    assert [profile] == compose[name]["profiles"]


def test_page_believes_the_front_alone(compose):
    """Which has an address of its own: what it says of who asks is taken."""
    front = compose["tls"]["networks"]["front"]["ipv4_address"]

    assert f'["{front}"]' == compose["hilum"]["environment"]["HILUM_PAGE__TRUSTED_PROXIES"]
    assert "front" not in compose["worker"]["networks"]


def test_workers_can_be_many(compose):
    """Nothing in the service is there only once: no name, no port, no named volume to write."""
    worker = compose["worker"]

    assert ["scale"] == worker["profiles"]
    assert "container_name" not in worker
    assert ["/data", "node:/node:ro"] == worker["volumes"][:2]
    assert worker["environment"] == compose["hilum"]["environment"]


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_of_hilum(compose, dockerfile, name):
    """A misspelt one would be ignored in silence."""
    of_the_image = re.findall(r"HILUM_([A-Z]+__[A-Z_]+)=", dockerfile)
    for variable in (*compose[name]["environment"], *of_the_image):
        section, _, field = variable.removeprefix("HILUM_").lower().partition("__")

        assert field in type(getattr(Settings.load(), section)).model_fields


def test_images_are_pinned(compose, dockerfile):
    """No image is "latest", and hilum's own carry the version of the package."""
    stages = set(re.findall(r"^FROM .*\S AS (\S+)$", dockerfile, re.MULTILINE))
    used = {each["image"] for each in compose.values()}
    bases = set(re.findall(r"^FROM (?:--platform=\S+ )?(\S+)", dockerfile, re.MULTILINE)) - stages

    assert all(re.search(r":[\w.-]*\d", image) for image in used | bases)
    assert {f"hilum:{__version__}", f"hilum-provider:{__version__}"} <= used
    assert f'image.version="{__version__}"' in dockerfile


def test_image_is_built_in_stages_from_locked_packages(dockerfile):
    """Build tools stay behind, and every package has a hash."""
    provider = ROOT / "deploy" / "provider"
    installs = re.findall(r"pip install (.*)", dockerfile + (provider / "Dockerfile").read_text())
    assert all("--require-hashes" in each or "/wheel/*.whl" in each for each in installs)
    for used in re.findall(r"--requirement (requirements/\S+)", dockerfile):
        assert "--hash=sha256:" in (ROOT / used).read_text()
    assert "--hash=sha256:" in (provider / "requirements.txt").read_text()


def test_orthanc_in_the_container_is_the_orthanc_of_hilum_up():
    """Both ways have one configuration, but for what containers make different."""
    settings = Settings.load()
    address = PacsAddress("http://x", "hilum", SecretStr("x"), "HILUM", "x", 4242)
    expected = configuration(settings.pacs, address, Path("/x"))
    actual = json.loads((ROOT / "deploy" / "orthanc.json").read_text())
    # address translation hides who calls, and the service is behind the network "inside"
    expected |= {"RemoteAccessAllowed": True, "DicomCheckModalityHost": False}

    assert {k: v for k, v in expected.items() if k not in OF_THE_MACHINE} == actual


def test_images_are_built_from_what_git_has():
    """Nothing that lies about in a working tree gets into an image."""
    assert "*" == (ROOT / ".dockerignore").read_text().split()[0]
