"""Where no engine can be had, scripts/engine.sh says why in a line and by its status, at once.

These need no engine: they run it on a machine whose programs are put in place of the real ones.
"""

import os
import subprocess
from pathlib import Path

import pytest

from containers import product
from containers.product import (
    IMPOSSIBLE,
    SCRIPT,
    Engine,
    NoEngineError,
    build_node,
    engine_of_its_own,
    environment_of,
)

pytestmark = [pytest.mark.thin, pytest.mark.timeout(120)]

LISTENS = """
for each; do case "$before" in
    --host) socket=${each#unix://} ;;
    --pidfile) echo $$ >"$each" ;;
esac; before=$each; done
exec python3 -c '
import socket, sys, time
socket.socket(socket.AF_UNIX).bind(sys.argv[1])
time.sleep(20)' "$socket"
"""
"""A dockerd with a socket, which ends by itself."""

POSSIBLE = {
    "id": "echo 0",
    "unshare": "true",
    "pgrep": "false",
    "ip": "true",
    "iptables": "echo -P FORWARD ACCEPT",
    "iptables-save": "true",
    "iptables-restore": "cat >/dev/null",
    "sysctl": "echo 1",
    "df": "echo 100000M",
    "debootstrap": "false",
    "docker": "true",
    "dockerd": LISTENS,
}
"""Programs of a machine that could start one, as far as the script looks."""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Return what changes the programs of a machine, a cache folder with a base image in it."""
    if not Path("/etc/debian_version").exists():
        pytest.skip("the script asks for Debian first")

    def change(**programs: str) -> Path:
        for name, does in {**POSSIBLE, **programs}.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
            (tmp_path / name).chmod(0o700)
        return tmp_path / "cache"

    (tmp_path / "cache" / "hilum" / "engine").mkdir(parents=True)
    (tmp_path / "cache" / "hilum" / "engine" / "trixie.tar").touch()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HILUM_SETUP_OFFLINE", "1")
    return change


def refusal() -> tuple[int, str]:
    """Return the script's status and the last line that it says."""
    done = subprocess.run(
        [SCRIPT, "run"], check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return done.returncode, done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("program", "does", "words"),
    [
        ("id", "echo 1000", "only root can start an engine"),
        ("unshare", "false", "no right to make namespaces"),
        ("pgrep", "echo 1", "another engine runs"),
        ("flock", "false", "another run of these tests has the engine"),
        ("df", "echo 100M", "there are 100 MB left"),
        ("iptables", "false", "no right to change its firewall"),
        ("dockerd", "echo no cgroup controllers; false", "does not start: no cgroup controllers"),
        (
            "docker",
            '[ "$1" != run ] || { echo "no space left on device" >&2; false; }',
            "runs no container: no space left on device",
        ),
        ("docker", '[ "$1" != build ] || { echo "no route" >&2; false; }', "could not be made"),
    ],
)
def test_machine_without_rights_is_told_apart(machine, program, does, words):
    """Status 77, which skips the tests, and the reason on the last line."""
    machine(**{program: does})

    status, said = refusal()

    assert IMPOSSIBLE == status
    assert words in said


def test_missing_base_image_is_told_where_nothing_may_be_installed(machine):
    """The name of what is missing, not an error of what wants it."""
    (machine() / "hilum" / "engine" / "trixie.tar").unlink()

    status, said = refusal()

    assert IMPOSSIBLE == status
    assert said.endswith("this is missing: Debian's base image")


def test_cache_that_cannot_be_written_is_told(machine, monkeypatch):
    """Be it a full disk or a file in the folder's place."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(machine() / "hilum" / "engine" / "trixie.tar"))

    status, said = refusal()

    assert IMPOSSIBLE == status
    assert "cannot be written" in said


def test_engine_ends_with_whoever_wanted_it(machine):
    """Its input ends when a test run is killed; nothing is left but the cache."""
    cache = machine()
    with subprocess.Popen(
        [SCRIPT, "run"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as script:
        assert script.stdout is not None
        address = script.stdout.readline().strip()
        assert (cache / "hilum" / "engine" / "run").is_dir()

    assert f"unix://{cache}/hilum/engine/run/docker.sock" == address
    assert 0 == script.returncode
    assert not (cache / "hilum" / "engine" / "run").exists()


def test_start_without_end_is_ended(machine, monkeypatch):
    """The tests are skipped with a reason when an engine takes longer than any does."""
    cache = machine(docker='[ "$1" != run ] || sleep 60')
    monkeypatch.setattr(product, "START_S", 2.0)

    with pytest.raises(NoEngineError, match=r"status (143|-15)"), engine_of_its_own():
        pass

    assert not (cache / "hilum" / "engine" / "run").exists()


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ("npm ERR! errno EAI_AGAIN", NoEngineError),
        ("Temporary failure resolving deb.debian.org", NoEngineError),
        ("write /data/layer: no space left on device", NoEngineError),
        ("THESE PACKAGES DO NOT MATCH THE HASHES", AssertionError),
    ],
)
def test_image_that_cannot_be_had_is_told_from_one_that_is_wrong(machine, words, outcome):
    """An index that does not answer skips the tests; a fault in this source tree fails them."""
    machine(docker=f'echo "#6 {words}" >&2; false')

    with pytest.raises(outcome, match=words):
        build_node(Engine(environment_of("unix:///nowhere/run/docker.sock")))
