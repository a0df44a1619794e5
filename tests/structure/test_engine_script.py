"""Where no engine can be had, scripts/engine.sh says why in a line and by its status, at once."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "engine.sh"
POSSIBLE = {
    "id": "echo 0",
    "unshare": "true",
    "pgrep": "false",
    "iptables": "echo -P FORWARD ACCEPT",
    "debootstrap": "false",
    "docker": "false",
    "dockerd": "false",
}
"""Programs of a machine that could start one, as far as the script looks."""


@pytest.fixture
def machine(tmp_path):
    """Return what runs the script on a machine with other programs; it gives status and words."""
    if not Path("/etc/debian_version").exists():
        pytest.skip("the script asks for Debian first")

    def run(**programs: str) -> tuple[int, str]:
        for name, does in {**POSSIBLE, **programs}.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
            (tmp_path / name).chmod(0o700)
        environment = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "HILUM_SETUP_OFFLINE": "1",
        }
        done = subprocess.run(
            [SCRIPT, "start"], check=False, env=environment, capture_output=True, text=True
        )
        return done.returncode, done.stderr.splitlines()[-1]

    return run


@pytest.mark.parametrize(
    ("program", "does", "words"),
    [
        ("id", "echo 1000", "only root can start an engine"),
        ("unshare", "false", "no right to make namespaces"),
        ("pgrep", "true", "another engine runs"),
        ("iptables", "false", "no right to change its firewall"),
        ("dockerd", "echo no cgroup controllers; false", "does not start: no cgroup controllers"),
    ],
)
def test_machine_without_rights_is_told_apart(machine, program, does, words):
    """Status 77, which skips the tests, and the reason on the last line."""
    status, said = machine(**{program: does})

    assert 77 == status
    assert words in said
