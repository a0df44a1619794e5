"""scripts/reference_environment.sh installs nothing where nobody allows it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize(("offline", "calls"), [("1", False), ("", True)])
def test_offline_installs_nothing(tmp_path: Path, offline: str, calls: bool):
    """Status 3, as where it would be large: the tests then use the committed outputs."""
    (tmp_path / "scripts").mkdir()
    for name in ("reference_environment.sh", "reference_environment.txt"):
        shutil.copy(SCRIPTS / name, tmp_path / "scripts")
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho $* >> called\nexit 1\n")
    python.chmod(0o700)
    environment = {"PATH": os.environ["PATH"], "HILUM_SETUP_OFFLINE": offline}
    done = subprocess.run(
        [tmp_path / "scripts" / "reference_environment.sh"],
        check=False,
        env=environment,
        capture_output=True,
    )

    assert 3 == done.returncode
    assert calls is (tmp_path / "called").exists()
