"""Who sends: a kept association that says when an image was taken, or many at once."""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident

from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
)
from pynetdicom import AE, _config

from bench.load_images import SHARED_MEMORY, Image

STORED = 0x0000
SYNTAX = "1.2.840.10008.1.2.1"
AET = "PYNETDICOM"

Send = Callable[[Image], float]
"""Sends an image; returns when it was accepted, by `time.perf_counter`."""


@contextmanager
def sending(port: int, *, aet: str = AET, syntax: str = SYNTAX) -> Iterator[Send]:
    """Open an association that is kept; yield what sends over it."""
    _config.STORE_SEND_CHUNKED_DATASET = True  # the file as it is, not decoded and encoded
    scu = AE(ae_title=aet)
    for kind in (ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation):
        scu.add_requested_context(kind, syntax)
    association = scu.associate("127.0.0.1", port, max_pdu=0)
    if not association.is_established:
        raise RuntimeError("the PACS takes no association")
    path = SHARED_MEMORY / f"hilum-load-{port}-{aet}-{get_ident()}.dcm"

    def send(image: Image) -> float:
        status = association.send_c_store(image.write(path))
        accepted = time.perf_counter()
        if status.get("Status") != STORED:
            raise RuntimeError(f"the PACS did not take an image: {status}")
        return accepted

    try:
        yield send
    finally:
        association.release()
        path.unlink(missing_ok=True)


@contextmanager
def crowd(folder: Path, port: int, images: Sequence[Image], senders: int) -> Iterator[list[int]]:
    """Let so many DCMTK `storescu` send at once, each over one association; yield their PIDs.

    The files are written before, to memory.
    """
    files = [image.write(folder / f"{image.number}.dcm") for image in images]
    command = ["storescu", "--max-send-pdu", "131072", "127.0.0.1", str(port)]
    started = [
        subprocess.Popen(
            [*command, *map(str, files[number::senders])],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for number in range(senders)
    ]
    try:
        yield [each.pid for each in started]
        for each in started:
            said = each.communicate()[1].decode(errors="replace")
            if each.returncode != 0:
                raise RuntimeError(f"storescu ended with {each.returncode}: {said}")
    finally:
        for each in started:
            each.kill()
            each.wait()
            if each.stderr is not None:
                each.stderr.close()
        for file in files:
            file.unlink()
