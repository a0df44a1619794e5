"""What a container costs: one node reads the same images within one and without.

``python -m bench in_container`` as root on Debian, on an engine of its own (scripts/engine.sh).
Both nodes are the programs of the image hilum:all, so that they differ in nothing else: the other
one runs from the image's files by chroot, with the host's network, disk and limits.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench import load_rate
from bench.load_node import DENSENET, running_node
from bench.row import Row, line
from containers.product import ALL, ROOT, Engine, engine_of_its_own

SENDERS: Final = 4
IMAGE: Final = "hilum:bench"
"""The image hilum:all with what the benches need beside hilum."""

DOCKERFILE: Final = f"""
FROM {ALL}
USER root
RUN apt-get update && apt-get install --yes --no-install-recommends dcmtk python3-pip
RUN --mount=type=secret,id=ca \\
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \\
    && /usr/bin/python3 -m pip install --no-cache-dir --target /opt/bench pytest
# DCMTK's storescu before pynetdicom's
ENV PATH=/usr/bin:$PATH PYTHONPATH=/opt/samples:/opt/bench PYTHONDONTWRITEBYTECODE=1
RUN install --directory --owner=10001 --group=10001 /source /scratch
USER 10001:10001
VOLUME /scratch
WORKDIR /source
ENTRYPOINT []
"""


def here(images: int) -> dict[str, float]:
    """Return images per second and milliseconds of the processor an image of a node here."""
    load_rate.IMAGES, load_rate.SENDERS = images, (SENDERS,)  # type: ignore[misc]  # its defaults
    with (
        tempfile.TemporaryDirectory(dir="/scratch") as folder,
        running_node(Path(folder, "node"), DENSENET) as node,
    ):
        rows = list(load_rate.rate_rows(node))
    found = {"images/s": 0.0, "ms": 0.0}
    for row in rows:
        if row.unit == "images/s":
            found["images/s"] = row.value
        elif row.what.endswith("an image (CPU)") and "senders, " not in row.what:
            found["ms"] += row.value
    return found


def within(engine: Engine, images: int) -> dict[str, float]:
    """Measure in a container, locked down as compose.yaml does."""
    command = (
        *("run", "--rm", "--init", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL"),
        *("--security-opt=no-new-privileges", "--shm-size=4g", "--memory=12g"),
        *(f"--volume={ROOT}:/source:ro", IMAGE, *inner(images)),
    )
    return read(engine.done(*command, timeout_s=1800).stdout)


def without(root: Path, engine: Engine, images: int) -> dict[str, float]:
    """Measure in a folder with the image's files."""
    variables = engine.inspect(IMAGE)["Config"]["Env"]
    command = ("chroot", "--userspec=10001:10001", root, "env", "-i", "-C", "/source", *variables)
    done = subprocess.run([*command, *inner(images)], check=True, stdout=subprocess.PIPE)
    return read(done.stdout)


def inner(images: int) -> tuple[str, ...]:
    """Return the command that measures."""
    return ("python", "-m", "bench", "in_container", "--here", "--images", str(images))


def read(said: bytes) -> dict[str, float]:
    """Return what the inner command measured."""
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    return found


@contextmanager
def unpacked(engine: Engine) -> Iterator[Path]:
    """Yield a folder with the image's files, to change the root to."""
    mounted: list[Path] = []
    made = engine.run("create", IMAGE, "true").strip()
    with tempfile.TemporaryDirectory(prefix="hilum-root-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        try:
            export = f"docker export {made} | tar -x -C {root}"
            subprocess.run(["sh", "-c", export], env=engine.environment, check=True)
            for source, there in ((ROOT, "source"), ("/proc", "proc"), ("/dev", "dev")):
                subprocess.run(["mount", "--rbind", source, root / there], check=True)
                mounted.append(root / there)
                # so that its end is not the end of the host's own
                subprocess.run(["mount", "--make-rslave", root / there], check=True)
            yield root
        finally:
            for each in reversed(mounted):
                subprocess.run(["umount", "--recursive", each], check=True)
            engine.run("rm", made, fails=True)


def main(arguments: list[str]) -> int:
    """Measure in turn, without and within; print the cost of the container in one row."""
    parser = argparse.ArgumentParser(prog="python -m bench in_container", description=__doc__)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--here", action="store_true", help="measure this machine, or container")
    chosen = parser.parse_args(arguments)
    if chosen.here:
        print(json.dumps(here(chosen.images)))
        return 0
    sums = {"without": 0.0, "within": 0.0}
    with engine_of_its_own() as engine:
        build = ("build", "--secret", f"id=ca,src={engine.environment['HILUM_BUILD_CA']}")
        engine.done(*build, "--target=all", f"--tag={ALL}", ".", timeout_s=1800)
        engine.done(*build, f"--tag={IMAGE}", "-", given=DOCKERFILE.encode(), timeout_s=600)
        with unpacked(engine) as root:
            for _ in range(chosen.turns):
                for name in sums:
                    print(f"  load of the machine before: {os.getloadavg()[0]:.1f}", flush=True)
                    found = (
                        without(root, engine, chosen.images)
                        if name == "without"
                        else within(engine, chosen.images)
                    )
                    print(f"  {name} a container: {found}", flush=True)
                    sums[name] += found["ms"] / chosen.turns
    title = f"node and PACS in a container, an image (CPU), {SENDERS} senders"
    print(line(Row(title, sums["within"], "ms", sums["without"], "outside")))
    return 0
