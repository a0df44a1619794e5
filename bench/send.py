"""Files a second that `hilum send` brings over C-STORE, to a receiver on this machine.

Usage: python -m bench.send FOLDER [--copies 1000] [--at-once 4] [--json FILE]

FOLDER holds files of any kind. Its first radiograph is copied under new names beside them,
all is sent to DCMTK's storescp, one process for each association, and every file has its
line. The receiver writes to disk, as a PACS does.
"""

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from hilum.cli.send import kinds_of
from hilum.files.find import find_candidates
from hilum.pacs.send import DicomTarget, SendStatus, deliver, open_sender


def free_port() -> int:
    """Return a port that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measured(folder: Path, port: int, at_once: int) -> tuple[float, Counter[SendStatus]]:
    """Send a folder; return the seconds that it took and how many files ended how."""
    begun = time.perf_counter()
    counted: Counter[SendStatus] = Counter()
    with closing(open_sender(DicomTarget("STORESCP", "127.0.0.1", port))) as sender:
        candidates = list(find_candidates([folder]))
        sender.expect(kinds_of(candidates))
        for outcome in deliver(candidates, sender, at_once=at_once):
            counted[outcome.sent] += 1
    return time.perf_counter() - begun, counted


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--copies", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    receiver = shutil.which("storescp") or sys.exit("storescp of DCMTK is not installed")
    with tempfile.TemporaryDirectory() as place:
        mixed, received = Path(place, "mixed"), Path(place, "received")
        received.mkdir()
        shutil.copytree(wanted.folder, mixed)
        first = next(path for path in sorted(wanted.folder.rglob("*.dcm")))
        for number in range(wanted.copies):
            (mixed / f"copy-{number:06}.dcm").hardlink_to(mixed / first.relative_to(wanted.folder))
        port = free_port()
        command = [receiver, "--accept-all", "--fork", "--ignore", str(port)]
        with subprocess.Popen(command, cwd=received, stderr=subprocess.DEVNULL) as process:
            time.sleep(1)
            seconds, counted = measured(mixed, port, wanted.at_once)
            process.kill()
    told = {
        "files": counted.total(),
        "seconds": round(seconds, 2),
        "files_per_second": round(counted.total() / seconds, 1),
        "ended": {sent.value: count for sent, count in counted.items()},
    }
    print(json.dumps(told, indent=1))
    if wanted.json:
        wanted.json.write_text(json.dumps(told))


if __name__ == "__main__":
    main()
