"""Mutate DICOM files and hold the outcome to: read, refused, or unreadable. Never worse.

Usage: python -m bench.fuzz_dicom [--count 20000] [--seed 0] [--json FILE]

The inputs are generated radiographs in every coding and real test files of pydicom, each
mutated: bytes and bits flipped, pieces cut out, doubled or swapped, lengths blown up. They
are read in a worker process, which has a memory limit and 10 seconds an input. A worker
that dies or hangs is a finding; its input can be made again from its number.
"""

import argparse
import json
import logging
import random
import resource
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from io import BytesIO
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import pydicom

from hilum.errors import RadiographRefused, SourceUnreadable
from hilum.files import dicom
from hilum.pixels import fit, radiograph_from_dicom
from hilum.settings import PixelSettings

TESTS: Final = Path(__file__).resolve().parents[1] / "tests"
"""Where the table of pixel cases is."""

SECONDS: Final = 10
"""Longest that one input may take."""

MEMORY: Final = 4 << 30
"""Address space of a worker in bytes; the interpreter and its libraries take about 1 GB."""

SETTINGS: Final = PixelSettings(max_pixels=4_000_000)
"""Small enough that the limit itself is met."""

LARGEST_SEED: Final = 200_000
"""Bytes of a real file that is used; larger ones only make it slow."""

ITEM: Final = b"\xfe\xff\x00\xe0"
"""Before each piece of compressed pixels (PS3.5 A.4)."""

EXPECTED: Final = frozenset({"read", "refused", "unreadable"})
"""Every outcome that is none of these is a finding."""


def seeds() -> list[bytes]:
    """Return the files that are mutated."""
    sys.path.insert(0, str(TESTS))
    from pixel_cases import CASES, REFUSALS  # noqa: PLC0415  after the path is there
    from radiographs import dicom_file  # noqa: PLC0415

    made = [dicom_file(row.make()) for row in {**CASES, **REFUSALS}.values()]
    own = Path(pydicom.__file__).parent / "data" / "test_files"
    real = [path for path in sorted(own.glob("*.dcm")) if path.stat().st_size < LARGEST_SEED]
    return made + [path.read_bytes() for path in real]


def mutated(number: int, files: Sequence[bytes], seed: int) -> bytes:
    """Return input `number`, always the same for a seed."""
    rng = random.Random(f"{seed}/{number}")
    data = bytearray(rng.choice(files))
    item = data.find(ITEM, 132)
    codestream = item + 8 if item > 0 and rng.random() < 0.5 else None
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        if codestream is not None:  # the header stays whole, so the decoder is reached
            _mutate(rng, data, codestream, len(data), kinds=3)
        elif rng.random() < 0.4:
            _mutate(rng, data, 132, len(data), kinds=7)
        else:
            _mutate(rng, data, 132, 4096, kinds=7)
    return bytes(data)


def _mutate(rng: random.Random, data: bytearray, start: int, end: int, *, kinds: int) -> None:
    """Mutate `data` once between `start` and `end`, in place; mostly near `start`."""
    end = min(end, len(data))
    if end - start < 8:
        return
    near = min(end, start + 400) if kinds < 7 and rng.random() < 0.6 else end
    at = rng.randrange(start, near)
    match rng.randrange(kinds):
        case 0:
            data[at] ^= 1 << rng.randrange(8)
        case 1:
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, rng.randrange(256)))
        case 2:
            blown_up = rng.choice((b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f"))
            data[at : at + 4] = blown_up[: len(data) - at]
        case 3:
            del data[at : at + rng.randrange(1, 200)]
        case 4:
            data[at:at] = data[at : at + rng.randrange(1, 200)]
        case 5:
            data[at:at] = rng.randbytes(rng.randrange(1, 20))
        case _ if rng.random() < 0.2:
            del data[at:]
        case _:
            data[at] = rng.randrange(256)


def outcome(file: bytes) -> str:
    """Return what becomes of one input: one of `EXPECTED`, or the error that it must not be."""
    try:
        fit(radiograph_from_dicom(opened(file), SETTINGS), 224)
    except SourceUnreadable:
        return "unreadable"
    except RadiographRefused:
        return "refused"
    except NotImplementedError:  # pydicom's, of a value representation that it does not know
        return "unreadable"
    except Exception as exc:  # noqa: BLE001  the finding
        return f"{type(exc).__name__}: {exc}"
    return "read"


def opened(file: bytes) -> pydicom.Dataset:
    """Return the dataset of a file as hilum reads it; else whatever pydicom makes of it.

    Raises
    ------
    SourceUnreadable
        Neither can read it.
    """
    try:
        return dicom.parse(file, name="input")
    except SourceUnreadable:
        with dicom.damage_named("input"):
            return pydicom.dcmread(BytesIO(file), force=True)


def work(pipe: Connection, numbers: Sequence[int], seed: int) -> None:
    """Read inputs one after another, and tell the outcome of each."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    logging.disable()
    warnings.simplefilter("ignore")
    files = seeds()
    for number in numbers:
        signal.alarm(SECONDS)
        begun = time.monotonic()
        said = outcome(mutated(number, files, seed))
        signal.alarm(0)
        pipe.send((number, said, time.monotonic() - begun))
    pipe.close()


def outcomes(count: int, seed: int) -> Iterator[tuple[int, str, float]]:
    """Read `count` inputs in workers; a dead one is followed by another.

    Yields
    ------
    number, outcome, seconds
        Of each input.
    """
    context = get_context("fork")
    next_number = 0
    while next_number < count:
        receiver, sender = context.Pipe(duplex=False)
        worker = context.Process(target=work, args=(sender, range(next_number, count), seed))
        worker.start()
        sender.close()
        try:
            while True:
                number, said, seconds = receiver.recv()
                yield number, said, seconds
                next_number = number + 1
        except EOFError:
            worker.join()
        if next_number < count:
            died = -(worker.exitcode or 0)
            why = "hang" if died == signal.SIGALRM else f"died of signal {died}"
            yield next_number, why, float(SECONDS)
            next_number += 1


def main() -> int:
    """Run, print the counts and the findings, and return 1 when there are findings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    counts: Counter[str] = Counter()
    findings, slowest = [], (0.0, -1)
    for number, said, seconds in outcomes(chosen.count, chosen.seed):
        counts[said if said in EXPECTED else "finding"] += 1
        slowest = max(slowest, (seconds, number))
        if said not in EXPECTED:
            findings.append({"number": number, "outcome": said})
            print(f"finding: input {number}: {said}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"{chosen.count:,} inputs, seed {chosen.seed}: "
        + ", ".join(f"{counts[kind]:,} {kind}" for kind in (*sorted(EXPECTED), "finding"))
        + f"; slowest {slowest[0]:.2f} s (input {slowest[1]}); peak {peak:.0f} MiB"
    )
    if chosen.json:
        chosen.json.write_text(json.dumps({"counts": counts, "findings": findings}, indent=1))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
