"""The units, run by a systemd: installed as docs/deployment.md says, stopped, killed, upgraded."""

import json
import secrets
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest

from containers.product import ONCE, ROOT, Engine, packed_model, results_of, until
from radiographs import dicom_file, make_radiograph
from stand_in import STAND_IN

pytestmark = [
    pytest.mark.containers,
    pytest.mark.timeout(3600),
    pytest.mark.usefixtures("all_in_one"),
]

IMAGE: Final = "hilum-test-systemd"
NAME: Final = "machine"

PRIVILEGED: Final = (
    *("--cap-add=ALL", "--cap-drop=SYS_RESOURCE"),  # which a root of virtual machines may lack
    *(f"--security-opt={each}=unconfined" for each in ("seccomp", "apparmor", "systempaths")),
    *("--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup"),
    *("--tmpfs=/run", "--tmpfs=/run/lock", "--tmpfs=/tmp:exec"),
)
"""What systemd needs of the engine."""

LEGACY: Final = ("systemd.unified_cgroup_hierarchy=0", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1")
"""Words with which systemd 257 still starts on control groups of version 1."""

PATIENT: Final = {"PatientName": "Conceição^Prova", "PatientID": "ID-47110815"}

ARCHIVE: Final = """
import json, sys, httpx
text = open(sys.argv[1]).read()
password = json.loads(text)["password"] if text.startswith("{") else text
with httpx.Client(base_url="http://127.0.0.1:8042", auth=("hilum", password)) as pacs:
    print(json.dumps([pacs.get(path).json() for path in ("/studies", "/series?expand")]))
"""
"""Prints what lies in Orthanc, whose password is in the file of the first argument."""

SETTINGS: Final = f'[model]\nname = "{STAND_IN}"\n'
"""Of the node, in /etc/hilum/hilum.toml."""

SEVERAL: Final = """
[pacs]
url = "http://127.0.0.1:8042"
username = "hilum"
password_file = "/etc/hilum/pacs-password"
[node]
database = "postgresql://hilum@127.0.0.1/hilum"
database_password_file = "/etc/hilum/database-password"
"""
"""What the workers beside it need, too, as docs/deployment.md asks."""

DEBIAN_ORTHANC: Final = {
    "StorageDirectory": "/var/lib/orthanc/db-v6",
    "IndexDirectory": "/var/lib/orthanc/db-v6",
    "Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"],
}
"""Where Debian's service keeps its data."""

READY: Final = "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz')"


def documented(heading: str) -> list[str]:
    """Return the commands of the first block below a heading of docs/deployment.md."""
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    block = text.split(f"\n## {heading}\n")[1].split("```")[1]
    return [line.split("  #")[0].strip() for line in block.strip().splitlines()]


class Machine:
    """A machine that systemd booted."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder, self.sent = engine, folder, 0

    def boot(self) -> None:
        """Start it; wait until everything of Debian's has started."""
        words = (
            LEGACY if "1" == self.engine.run("info", "--format={{.CgroupVersion}}").strip() else ()
        )
        name = ("--detach", f"--name={NAME}", "--hostname=radiology")
        self.engine.run("run", *name, *PRIVILEGED, IMAGE, "/sbin/init", *words)
        running = ("systemctl", "is-system-running")
        until(lambda: self.run(*running, fails=True).strip() in {"running", "degraded"})

    def run(self, *command: str, given: bytes | None = None, fails: bool = False) -> str:
        """Run a command as root."""
        return self.engine.run("exec", "--interactive", NAME, *command, given=given, fails=fails)

    def shell(self, line: str) -> str:
        """Run a line of a shell in the folder of the source, where the network has no index."""
        return self.run("env", "-C", "/source", "PIP_NO_INDEX=1", "sh", "-ec", line)

    def hilum(self, *arguments: str) -> str:
        """Run hilum's command as the docs say."""
        (line,) = [each for each in documented("One machine, with systemd") if "doctor" in each]
        words = line.split()
        return self.run(*words[: words.index("doctor")], *arguments)

    def write(self, path: str, contents: str | bytes) -> None:
        """Write a file as root."""
        given = contents if isinstance(contents, bytes) else contents.encode()
        self.run("sh", "-c", 'cat >"$0"', path, given=given)  # cp would copy the pipe's mode

    def unpack(self, folder: str, archive: bytes) -> None:
        """Unpack a tar archive into a folder."""
        self.run("mkdir", "-p", folder)
        self.run("tar", "-x", "--no-same-owner", "-C", folder, given=archive)

    def install_model(self, root: Path) -> None:
        """Put a model where the node looks for it, as the version of a source tree wants it."""
        self.unpack("/var/lib/hilum", packed_model(self.folder, root))
        self.run("chown", "-R", "hilum:hilum", "/var/lib/hilum/models")

    def shows(self, name: str, unit: str = "hilum") -> str:
        """Return a property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).strip()

    def until_ready(self) -> None:
        """Wait until the node could read."""
        until(lambda: self.run("/opt/hilum/bin/python", "-c", READY) or True)

    def send(self, count: int) -> None:
        """Send new radiographs, each a study of its own, over DICOM."""
        self.sent += count
        made = BytesIO()
        with tarfile.open(fileobj=made, mode="w") as archive:
            for number in range(count):
                contents = dicom_file(make_radiograph(**PATIENT))
                entry = tarfile.TarInfo(f"{number}.dcm")
                entry.size, entry.mode = len(contents), 0o644
                archive.addfile(entry, BytesIO(contents))
        folder = f"/sent/{self.sent}"
        self.unpack(folder, made.getvalue())
        self.hilum("send", folder, "--to", "HILUM@127.0.0.1:4242")

    def stored(self) -> int:
        """Return how many images have been analyzed."""
        return len(self.hilum("jobs", "list", "--state", "stored", "--limit", "10000").splitlines())

    def results(
        self, held: str = "/var/lib/hilum/credentials.json"
    ) -> Counter[tuple[tuple[str, int], ...]]:
        """Return how many studies have which results, see `results_of`."""
        return results_of(*json.loads(self.run("/opt/hilum/bin/python", "-c", ARCHIVE, held)))

    def until_all_once(self) -> None:
        """Wait until each image that was sent has been analyzed, exactly once."""
        until(lambda: self.sent == self.stored())
        assert {ONCE: self.sent} == self.results()

    def journal(self, unit: str = "hilum") -> str:
        """Return all that a unit said, and what systemd said of it."""
        return self.run("journalctl", "--no-pager", "--output=short-iso", f"--unit={unit}")


@pytest.fixture(scope="module")
def machine(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Return a machine on which the commands of the docs have been run, and a model is there."""
    recipe = Path(__file__).with_name("systemd.Dockerfile").read_bytes()
    engine.build(IMAGE, "--network=host", "-", given=recipe)
    machine = Machine(engine, tmp_path_factory.mktemp("machine"))
    try:
        machine.boot()
        units = BytesIO()
        with tarfile.open(fileobj=units, mode="w") as archive:
            archive.add(ROOT / "deploy" / "systemd", "deploy/systemd")
        machine.unpack("/source", units.getvalue())
        machine.shell("systemctl disable --now orthanc postgresql")
        for line in documented("One machine, with systemd"):
            if "models pull" in line:  # the published weights cannot be had here
                machine.install_model(ROOT)
            elif "doctor" not in line:
                machine.shell(line)
            if "/etc/hilum" in line:
                machine.write("/etc/hilum/hilum.toml", SETTINGS)
                machine.shell(
                    "chmod 0640 /etc/hilum/hilum.toml && chgrp hilum /etc/hilum/hilum.toml"
                )
        machine.until_ready()
        yield machine
    finally:
        engine.run("rm", "--force", "--volumes", NAME, fails=True)


def test_image_is_analyzed(machine):
    """Installed as the docs say, with everything that the unit forbids; doctor finds nothing."""
    machine.send(3)
    machine.until_all_once()

    said = machine.hilum("doctor")
    assert "/var/lib/hilum is private to hilum" in said


def test_unit_is_as_narrow_as_the_docs_say(machine):
    """It is read without a remark, and systemd judges what runs to be hardly exposed."""
    for unit in ("hilum.service", "hilum-worker@1.service"):
        assert "" == machine.run("systemd-analyze", "verify", unit)
        machine.run("systemd-analyze", "security", "--no-pager", "--threshold=20", unit)
    pid = machine.shows("MainPID")
    status = dict(
        line.split(":\t", 1)
        for line in machine.run("cat", f"/proc/{pid}/status").splitlines()
        if ":\t" in line
    )
    assert ("1", "2", "0" * 16) == tuple(
        status[each] for each in ("NoNewPrivs", "Seccomp", "CapBnd")
    )


def test_stop_under_load_loses_nothing(machine):
    """What is in work ends, what waits is analyzed after the next start; each image once."""
    machine.send(30)
    machine.run("systemctl", "stop", "hilum")
    assert machine.stored() < machine.sent
    assert ("success", "0") == (machine.shows("Result"), machine.shows("ExecMainStatus"))
    assert "hilum has stopped." in machine.journal()
    machine.run("systemctl", "start", "hilum")
    machine.until_all_once()


def test_killed_node_is_restarted(machine):
    """By signal 9 under load, with Orthanc left behind: systemd starts it again by itself."""
    before = int(machine.shows("NRestarts"))
    machine.send(20)
    machine.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "hilum")
    until(lambda: before + 1 == int(machine.shows("NRestarts")))
    machine.until_ready()
    machine.until_all_once()


def test_machine_that_restarts_goes_on(machine):
    """The unit is started at boot, and what was sent before is there."""
    machine.send(10)
    machine.engine.run("restart", "--time=120", NAME)
    machine.until_ready()
    machine.until_all_once()


def wheel_of(root: Path, folder: Path) -> Path:
    """Build the wheel of a source tree."""
    command = ["hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run([sys.executable, "-m", *command], cwd=root, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_upgrade_keeps_everything(machine, older_tree, tmp_path):
    """From before the last two changes of the tables, replaced while it works; then a restart."""
    install = "/opt/hilum/bin/pip install --no-deps --force-reinstall /wheels/{}/*.whl"
    for name, root in (("older", older_tree), ("newer", ROOT)):
        wheel = wheel_of(root, tmp_path / name)
        machine.run("mkdir", "-p", f"/wheels/{name}")
        machine.write(f"/wheels/{name}/{wheel.name}", wheel.read_bytes())
    machine.shell(
        "systemctl stop hilum && rm -r /var/lib/hilum/orthanc /var/lib/hilum/hilum.sqlite*"
    )
    machine.sent = 0
    machine.install_model(older_tree)
    machine.shell(f"{install.format('older')} && systemctl start hilum")
    machine.until_ready()
    machine.send(5)
    machine.until_all_once()
    password = machine.run("cat", "/var/lib/hilum/admin-password")

    machine.send(20)
    machine.shell(f"{install.format('newer')} && systemctl restart hilum")
    machine.until_ready()
    machine.until_all_once()
    assert password == machine.run("cat", "/var/lib/hilum/admin-password")
    assert machine.hilum("doctor")


@pytest.fixture
def several(machine: Machine) -> Iterator[Machine]:
    """Return the machine with PostgreSQL, Debian's own Orthanc, and two workers."""
    machine.shell("systemctl stop hilum")
    passwords = {name: secrets.token_urlsafe(16) for name in ("pacs", "database")}
    for name, password in passwords.items():
        machine.write(f"/etc/hilum/{name}-password", password)
    orthanc = json.loads((ROOT / "deploy" / "orthanc.json").read_text()) | DEBIAN_ORTHANC
    orthanc["RegisteredUsers"] = {"hilum": passwords["pacs"]}
    machine.shell("rm /etc/orthanc/*.json")
    machine.write("/etc/orthanc/orthanc.json", json.dumps(orthanc))
    machine.write("/etc/hilum/hilum.toml", SETTINGS + SEVERAL)
    machine.shell("chgrp hilum /etc/hilum/* && chmod 0640 /etc/hilum/*")
    machine.shell("systemctl enable --now orthanc postgresql")
    create = f"CREATE ROLE hilum LOGIN PASSWORD '{passwords['database']}'"
    until(lambda: machine.run("sudo", "-u", "postgres", "psql", "-c", create))
    createdb = ("createdb", "--owner=hilum", "--encoding=UTF8", "--template=template0", "hilum")
    machine.run("sudo", "-u", "postgres", *createdb)
    machine.shell("systemctl start hilum")
    machine.until_ready()
    machine.sent = 0
    for number in "12":
        machine.shell(f"systemctl enable --now hilum-worker@{number}")
        machine.shell(f"cp -a /var/lib/hilum/models /var/lib/hilum-worker/{number}/models")
    until(lambda: "workers: 3 alive" in machine.hilum("doctor"))
    return machine


def test_workers_share_the_work(several):
    """One of two workers is killed under load and comes back; one is stopped; each image once."""
    several.send(20)
    several.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "hilum-worker@1")
    several.run("systemctl", "stop", "hilum-worker@2")
    until(lambda: several.sent == several.stored())
    until(lambda: "active" == several.shows("ActiveState", "hilum-worker@1"))

    assert "1" == several.shows("NRestarts", "hilum-worker@1")
    assert ("success", "0") == (
        several.shows("Result", "hilum-worker@2"),
        several.shows("ExecMainStatus", "hilum-worker@2"),
    )
    assert {ONCE: 20} == several.results("/etc/hilum/pacs-password")


def test_journal_names_nobody(machine):
    """After all of the above: no traceback, no patient, and no complaint of systemd's."""
    said = machine.journal()

    assert "Started hilum.service" in said
    for never in ("Traceback", "Prova", *PATIENT.values(), "mode is different", "ignoring"):
        assert never not in said
