"""systemd units and the Kubernetes manifest: what holds without an engine."""

import configparser
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from hilum import __version__
from hilum.cli.main import COMMANDS
from hilum.settings import Settings
from kubernetes_manifest import objects, of_kind, pods

ROOT = Path(__file__).parents[2]
UNITS = ("hilum.service", "hilum-worker@.service")
KUBERNETES = ("1.37", "1.34", "1.31")
PROGRAM = "/opt/hilum/bin/hilum"


@pytest.fixture
def manifest() -> list[dict[str, Any]]:
    return objects()


def is_setting(section: str, name: str) -> bool:
    """Return whether hilum has this setting."""
    return name in type(getattr(Settings.load(), section)).model_fields


def unit(name: str) -> configparser.ConfigParser:
    """Return a unit, which may give an option once."""
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read_string((ROOT / "deploy" / "systemd" / name).read_text())
    return parsed


@pytest.mark.parametrize("name", UNITS)
def test_unit_runs_a_command_of_hilum_unprivileged(name):
    """An account of its own, no new privileges, a read-only system, and time to finish."""
    service = unit(name)["Service"]
    program, command = service["ExecStart"].split()

    assert PROGRAM == program
    assert command in COMMANDS
    assert ("hilum", "yes", "strict") == (
        service["User"],
        service["NoNewPrivileges"],
        service["ProtectSystem"],
    )
    assert "" == service["CapabilityBoundingSet"]
    assert int(service["TimeoutStopSec"]) > Settings.load().node.inference_timeout_s
    assert f"/var/lib/{service['StateDirectory']}" in service["Environment"]


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_unit(name, tmp_path):
    """Every option is known, and its own judgement of the exposure is good."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    text = (ROOT / "deploy" / "systemd" / name).read_text().replace(PROGRAM, "/bin/true")
    path = tmp_path / name.replace("@", "@1")
    path.write_text(text)
    verified = subprocess.run(
        ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False
    )
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (verified.returncode, verified.stderr)
    assert 0 == judged.returncode, judged.stdout


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_takes_the_manifest(manifest, version):
    """By the schemas of the newest, of one in the middle, and of the oldest that is kept."""
    for each in manifest:
        kubernetes_validate.validate(each, version, strict=True)


def test_schema_refuses_what_is_misspelt(manifest):
    """The test above is about something."""
    pods(manifest)["Deployment"]["securityContext"]["runAsNonroot"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(of_kind(manifest, "Deployment"), KUBERNETES[0], strict=True)


def test_settings_of_the_manifest_are_hilums(manifest):
    """A misspelt one would stop every pod; one that the image sets would have no effect."""
    given = tomllib.loads(of_kind(manifest, "ConfigMap")["data"]["hilum.toml"])
    image = set(re.findall(r"HILUM_\w+(?==)", (ROOT / "Dockerfile").read_text()))
    for section, names in given.items():
        assert all(is_setting(section, name) for name in names), section
        assert not image & {f"HILUM_{section}__{name}".upper() for name in names}


def test_data_folder_is_below_the_volume(manifest):
    """The volume is root's and open to a group; what hilum makes in it is hilum's alone."""
    for pod in pods(manifest).values():
        for container in (*pod["initContainers"], *pod["containers"]):
            folder = Path({e["name"]: e["value"] for e in container["env"]}["HILUM_DATA_FOLDER"])
            mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
            assert "data" == mounts[str(folder.parent)]


def test_pods_are_restricted(manifest):
    """They keep Kubernetes' Pod Security Standard "restricted", which the namespace enforces."""
    labels = of_kind(manifest, "Namespace")["metadata"]["labels"]
    assert "restricted" == labels["pod-security.kubernetes.io/enforce"]
    for pod in pods(manifest).values():
        context = pod["securityContext"]
        assert (True, {"type": "RuntimeDefault"}) == (
            context["runAsNonRoot"],
            context["seccompProfile"],
        )
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        for container in (*pod["initContainers"], *pod["containers"]):
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False
            assert own["readOnlyRootFilesystem"] is True
            assert {"drop": ["ALL"]} == own["capabilities"]
            assert f"hilum:{__version__}" == container["image"]
            assert container["args"][0] in COMMANDS
            assert "memory" in container["resources"]["limits"]


def test_user_of_the_pods_is_the_images(manifest):
    """The folders of the image belong to it."""
    (user,) = set(re.findall(r"^USER (\d+):\d+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))

    assert {int(user)} == {p["securityContext"]["runAsUser"] for p in pods(manifest).values()}


def test_every_volume_that_is_mounted_is_there(manifest):
    """Of the pod, or claimed for it."""
    for kind, pod in pods(manifest).items():
        claims = of_kind(manifest, kind)["spec"].get("volumeClaimTemplates", [])
        there = {v["name"] for v in pod["volumes"]} | {c["metadata"]["name"] for c in claims}
        for container in (*pod["initContainers"], *pod["containers"]):
            assert {mount["name"] for mount in container["volumeMounts"]} == there


def test_one_node_and_several_workers(manifest):
    """One follows the feed; whoever scales scales the others."""
    assert 1 == of_kind(manifest, "StatefulSet")["spec"]["replicas"]
    scaled = of_kind(manifest, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert of_kind(manifest, "Deployment")["metadata"]["name"] == scaled["name"]


def test_probes_ask_what_hilum_answers(manifest):
    """Alive and ready are different questions; a worker is asked by its heartbeat."""
    (node,) = pods(manifest)["StatefulSet"]["containers"]
    (worker,) = pods(manifest)["Deployment"]["containers"]

    assert "/healthz" == node["livenessProbe"]["httpGet"]["path"]
    assert "/readyz" == node["readinessProbe"]["httpGet"]["path"]
    data = {each["name"]: each["value"] for each in worker["env"]}["HILUM_DATA_FOLDER"]
    assert f"{data}/heartbeat" in worker["livenessProbe"]["exec"]["command"][-1]


def test_selectors_find_their_pods(manifest):
    """Service, workloads and network policy name labels that the pods have."""
    for kind in ("StatefulSet", "Deployment"):
        spec = of_kind(manifest, kind)["spec"]
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    node = of_kind(manifest, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    assert of_kind(manifest, "Service")["spec"]["selector"] == node
    policy = of_kind(manifest, "NetworkPolicy")["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= node.items()
    assert ["Ingress", "Egress"] == policy["policyTypes"]


def test_no_secret_is_in_the_manifest(manifest):
    """Passwords come from a Secret that is made by hand, and are read as files."""
    assert "Secret" not in {each["kind"] for each in manifest}
    given = tomllib.loads(of_kind(manifest, "ConfigMap")["data"]["hilum.toml"])
    assert "password" not in given["pacs"]
    assert "hilum@" in given["node"]["database"]
