"""compose.yaml, Dockerfile and what they mount: no engine is needed to hold these promises."""

import json
import re
import subprocess
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
SERVICES = ("hilum", "orthanc", "dicom")

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
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_locked_down(compose, name):
    """No service keeps capabilities, may gain any, or starts for ever in silence."""
    service = compose["services"][name]

    assert ["ALL"] == service["cap_drop"]
    assert ["no-new-privileges:true"] == service["security_opt"]
    assert "unless-stopped" == service["restart"]
    assert {"mem_limit", "pids_limit"} <= set(service)


def test_no_service_is_root(compose, dockerfile):
    """Hilum's image and Orthanc's service name a numeric user that is not root."""
    user = re.findall(r"^USER (\d+):(\d+)$", dockerfile, re.MULTILINE)[-1]
    orthanc = compose["services"]["orthanc"]["user"].split(":")

    assert all(int(number) > 0 for number in (*user, *orthanc))


def test_every_service_has_a_health_check(compose, dockerfile):
    """Orthanc is asked by its image's probe; hilum by the file that its loop touches."""
    assert "test-aliveness.py" in " ".join(compose["services"]["orthanc"]["healthcheck"]["test"])
    assert f"/data/{HEARTBEAT}" in dockerfile.partition("HEALTHCHECK")[2]
    assert "service_healthy" == compose["services"]["hilum"]["depends_on"]["orthanc"]["condition"]


def test_ports_are_on_loopback_unless_opened(compose):
    """Published ports listen on this machine alone; only DICOM can be opened, by a variable."""
    ports = [*compose["services"]["dicom"]["ports"], *compose["services"]["orthanc"]["ports"]]

    assert ["127.0.0.1:${HILUM_PAGE_PORT:-8000}:8000"] == compose["services"]["hilum"]["ports"]
    assert ["${HILUM_DICOM_ADDRESS:-127.0.0.1}", "127.0.0.1"] == [
        port.rpartition(":")[0].rpartition(":${")[0] for port in ports
    ]


def test_passwords_are_secrets_only(compose):
    """No password is in the file; both services get theirs as a mounted secret."""
    environments = [compose["services"][name]["environment"] for name in SERVICES]
    plain = [key for each in environments for key in each if key.endswith("PASSWORD")]

    assert [] == plain
    assert "/run/secrets/pacs_password" == environments[0]["HILUM_PACS__PASSWORD_FILE"]
    assert {"pacs_password", "orthanc_users"} == set(compose["secrets"])
    assert all(each["file"].startswith("./deploy/secrets/") for each in compose["secrets"].values())


def test_secrets_are_not_in_the_repository():
    """Git and the image's build leave the generated passwords out."""
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text().split()
    assert "*" == (ROOT / ".dockerignore").read_text().split()[0]


def test_what_is_kept_is_in_volumes(compose, dockerfile):
    """Images, weights and jobs outlive their containers."""
    mounts = {name: compose["services"][name]["volumes"] for name in SERVICES}

    assert "archive:/var/lib/orthanc" in mounts["orthanc"]
    assert ["node:/data"] == mounts["hilum"]
    assert {"archive", "node"} == set(compose["volumes"])
    assert "HILUM_DATA_FOLDER=/data" in dockerfile


def test_every_variable_is_a_setting_of_hilum(compose):
    """A misspelt HILUM_ variable in the file would be ignored in silence."""
    for name in compose["services"]["hilum"]["environment"]:
        section, _, field = name.removeprefix("HILUM_").lower().partition("__")

        assert field in type(getattr(Settings.load(), section)).model_fields


def test_images_are_pinned(compose, dockerfile):
    """No image is "latest", and hilum's own carries the version of the package."""
    used = [each["image"] for each in compose["services"].values()]
    used += re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)

    assert all(re.search(r":[\w.-]*\d", image) for image in used)
    assert f"hilum:{__version__}" == compose["services"]["hilum"]["image"]


def test_image_is_built_in_stages_from_locked_packages(dockerfile):
    """Build tools stay behind, and every package has a hash."""
    assert 2 == len(re.findall(r"^FROM ", dockerfile, re.MULTILINE))
    installs = re.findall(r"pip install (.*)", dockerfile)
    assert all("--require-hashes" in each or "--no-deps" in each for each in installs)
    for copied in re.findall(r"COPY (requirements/\S+)", dockerfile):
        assert "--hash=sha256:" in (ROOT / copied).read_text()


def test_mounted_files_are_there(compose):
    """Every file of the repository that a service mounts exists."""
    binds = [
        mount.split(":")[0]
        for service in compose["services"].values()
        for mount in service["volumes"]
        if mount.startswith("./")
    ]

    assert ["./deploy/orthanc.json", "./deploy/haproxy.cfg"] == binds
    assert all((ROOT / bind).is_file() for bind in binds)


def test_orthanc_in_the_container_is_the_orthanc_of_hilum_up():
    """Both ways have one configuration, but for what containers make different."""
    settings = Settings.load()
    address = PacsAddress("http://x", "hilum", SecretStr("x"), "HILUM", "x", 4242)
    expected = configuration(settings.pacs, address, Path("/x"))
    actual = json.loads((ROOT / "deploy" / "orthanc.json").read_text())
    # address translation hides who calls, and the service is behind the network "inside"
    expected |= {"RemoteAccessAllowed": True, "DicomCheckModalityHost": False}

    assert {k: v for k, v in expected.items() if k not in OF_THE_MACHINE} == actual


def test_secrets_are_generated_once(tmp_path):
    """The script makes both files from one password, closes the folder, and never again."""
    script = tmp_path / "make-secrets.sh"
    script.write_text((ROOT / "deploy" / "make-secrets.sh").read_text())
    for _ in range(2):
        subprocess.run(["sh", str(script)], check=True, capture_output=True)
        made = (tmp_path / "secrets" / "pacs_password").read_text()
    users = json.loads((tmp_path / "secrets" / "orthanc_users.json").read_text())

    database = (tmp_path / "secrets" / "database_password").read_text()
    assert {"RegisteredUsers": {"hilum": made.strip()}} == users
    assert 43 == len(database.strip())
    assert made != database
    assert 43 == len(made.strip())
    assert 0o700 == (tmp_path / "secrets").stat().st_mode & 0o777
    assert {"secrets", "make-secrets.sh"} == {each.name for each in tmp_path.iterdir()}
