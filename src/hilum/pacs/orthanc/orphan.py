"""Ends an Orthanc that outlived the node that started it, and no other one."""

import json
import os
import select
import signal
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hilum.files.private import write_file

STOP_S: Final = 20.0
"""Seconds that Orthanc gets to close its database before it is killed."""


@dataclass(frozen=True, slots=True)
class ProcessTraces:
    """What tells our Orthanc from any other process."""

    pid: int
    """Process ID, as written down when it was started."""
    configuration: str
    """Path of the configuration file, unique to the data folder, on its command line."""


def remember(pid_file: Path, pid: int, configuration: Path) -> None:
    """Write down that `pid` is our Orthanc, for a node that starts after this one was killed."""
    write_file(pid_file, json.dumps(asdict(ProcessTraces(pid, str(configuration)))))


def end_orphan(pid_file: Path) -> int | None:
    """End the Orthanc that `pid_file` tells of, if it still runs and is ours.

    Returns
    -------
    int or None
        The process that was ended; None when there was none.

    Sources
    -------
    pidfd_open(2): a descriptor goes on meaning one process after its number was given
    to another, so that what is checked is what is signalled.
    """
    traces = _read(pid_file)
    if traces is None:
        return None
    try:
        process = os.pidfd_open(traces.pid)
    except OSError:  # no such process
        pid_file.unlink(missing_ok=True)
        return None
    try:
        if own_process(pid_file) is None:
            return None
        _end(process)
    finally:
        os.close(process)
        pid_file.unlink(missing_ok=True)
    return traces.pid


def own_process(pid_file: Path) -> int | None:
    """Return the process of the Orthanc that `pid_file` tells of, None when it does not run.

    It is known by our configuration file on its command line, and has that file's owner.
    """
    traces = _read(pid_file)
    if traces is None:
        return None
    process = Path(f"/proc/{traces.pid}")
    try:
        arguments = (process / "cmdline").read_bytes().split(b"\0")
        same = process.stat().st_uid == pid_file.stat().st_uid
    except OSError:
        return None
    return traces.pid if same and os.fsencode(traces.configuration) in arguments else None


def _read(pid_file: Path) -> ProcessTraces | None:
    try:
        return ProcessTraces(**json.loads(pid_file.read_text(encoding="utf-8")))
    except OSError:
        return None
    except (ValueError, TypeError):  # damaged: it can't prove that a process is ours
        return None


def _end(process: int) -> None:
    for order in (signal.SIGTERM, signal.SIGKILL):
        try:
            signal.pidfd_send_signal(process, order)
        except ProcessLookupError:
            return
        ended, _, _ = select.select([process], [], [], STOP_S)
        if ended:
            return
