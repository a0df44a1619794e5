"""One node for each data folder."""

import os
import signal
import subprocess
import sys

import pytest

from hilum.errors import AlreadyRunning
from hilum.jobs.lock import locked

HOLD = """
import sys
from pathlib import Path
from hilum.jobs.lock import locked

with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_second_node_is_told_who_was_first(tmp_path):
    """The second node on a data folder gets one line, with the first one's process ID."""
    with (
        locked(tmp_path / "data"),
        pytest.raises(AlreadyRunning, match=rf"process {os.getpid()}\) uses"),
        locked(tmp_path / "data"),
    ):
        pass


def test_folder_is_free_again_afterwards(tmp_path):
    """Once the first node has ended, the next may start."""
    with locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_kill_lets_go_of_the_folder(tmp_path):
    """A node that was killed does not keep its data folder from the next one."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert b"held\n" == process.stdout.readline()
        with pytest.raises(AlreadyRunning), locked(tmp_path):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with locked(tmp_path):
            pass
