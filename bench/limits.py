"""How far a node is from what the machine can do at most, as rows and as a picture.

``python -m bench limits``, some three minutes. The floor of an image is what nobody can spare:
the network alone with all cores at work, its bytes over loopback, and its file on the disk.
Processor time alone is compared, which others on the machine change little.
"""

import os
import socket
import tempfile
import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.load_images import SHARED_MEMORY, Images, chest
from bench.load_latency import warmed_up
from bench.load_node import DENSENET, Node, running_node
from bench.load_processes import costs, family
from bench.load_rate import children_cpu_s
from bench.load_senders import crowd
from bench.picture import INK, KEPT, PLAIN
from bench.row import Row, median_ms
from bench.yardstick import network_alone_ms

IMAGES: Final = 100
SENDERS: Final = (1, 4, 16)
PICTURE: Final = Path(__file__).parent / "results" / "limits.png"
MULTIPLICATIONS: Final = 2_754_461_696
"""In the convolutions of a DenseNet-121 for an image of 224 pixels in one channel."""

SIDE: Final = 1536
"""Of a matrix that is larger than the caches of a core."""

WIDTH, ROW, LEFT, LONGEST = 1100, 30, 400, 560


def rows() -> Iterator[Row]:
    """Measure floors and node, and draw them."""
    images = chest()
    file = b"".join(next(images).parts)
    network, copied, written = network_alone_ms(), _copied_ms(file), _written_ms(file)
    yield Row("floor: the network alone on each core (CPU)", network, "ms")
    yield Row("as many multiplications in a product of matrices (CPU)", _multiplied_ms(), "ms")
    yield Row("floor: an image over loopback (CPU)", copied, "ms")
    yield Row("floor: its file written and synced (CPU)", written, "ms")
    drawn: list[Row] = []
    with (
        tempfile.TemporaryDirectory(prefix="hilum-load-") as folder,
        running_node(Path(folder, "node"), DENSENET) as node,
    ):
        objects = warmed_up(node, images)
        for senders in SENDERS:
            spent = _spent_ms(node, images, objects, senders)
            who = f"{senders} sender{'s' if senders > 1 else ''}"
            floors = {"inference": network, "Orthanc": copied + written}
            for part, each in spent.items():
                floor = floors.get(part)
                drawn.append(Row(f"{who}: {part}", each, "ms", floor, "floor"))
                yield drawn[-1]
            whole, least = sum(spent.values()), network + copied + written
            drawn.append(Row(f"{who}: all of it", whole, "ms", least, "floor"))
            yield drawn[-1]
    PICTURE.parent.mkdir(exist_ok=True)
    draw(drawn, PICTURE)


def _multiplied_ms() -> float:
    """Return what NumPy takes to multiply as often as the network: no network is much faster."""
    matrix = np.ones((SIDE, SIDE), np.float32)
    whole = median_ms(lambda: matrix @ matrix, warm_up=3, clock=process_time)
    return whole * MULTIPLICATIONS / SIDE**3


def _copied_ms(file: bytes) -> float:
    """Return what both ends of a connection on this machine take together."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()

    def copy() -> None:
        sender = threading.Thread(target=near.sendall, args=(file,))
        sender.start()
        left = memoryview(bytearray(len(file)))
        while left:
            left = left[far.recv_into(left) :]
        sender.join()

    with near, far:
        return median_ms(copy, clock=process_time)


def _written_ms(file: bytes) -> float:
    with tempfile.TemporaryDirectory(prefix="hilum-load-") as folder:
        path = Path(folder, "image.dcm")

        def write() -> None:
            with path.open("wb") as stream:
                stream.write(file)
                os.fdatasync(stream.fileno())
            path.unlink()

        return median_ms(write, clock=process_time)


def _spent_ms(node: Node, images: Images, objects: int, senders: int) -> dict[str, float]:
    """Return what each part of a node takes for an image."""
    before, groups, sent = node.instances(), family(node.program.pid), children_cpu_s()
    with (
        tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder,
        crowd(Path(folder), node.dicom_port, list(islice(images, IMAGES)), senders),
    ):
        started = costs(groups)
        node.wait_for(before + objects * IMAGES, look_s=0.5)
        ended = costs(groups)
    parts = {part: ended[part].cpu_s - started[part].cpu_s for part in ("inference", "Orthanc")}
    parts["node"] = ended["node"].cpu_s - started["node"].cpu_s
    parts["senders"] = children_cpu_s() - sent
    return {part: 1000 * each / IMAGES for part, each in parts.items()}


def draw(drawn: Sequence[Row], path: Path) -> None:
    """Write the picture: of each bar, the dark part is the floor."""
    image = Image.new("RGB", (WIDTH, ROW * (len(drawn) + 2)), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    scale = LONGEST / max(row.value for row in drawn)
    head = "processor time of an image in ms; dark: what nobody can spare"
    pen.text((20, 8), head, fill=INK, font=font)
    for number, row in enumerate(drawn):
        top = ROW * (number + 1) + 8
        floor = row.reference or 0.0
        pen.text((20, top), row.what, fill=INK, font=font)
        pen.rectangle((LEFT, top, LEFT + scale * row.value, top + 16), fill=PLAIN)
        if floor:
            pen.rectangle((LEFT, top, LEFT + scale * floor, top + 16), fill=KEPT)
        said = f"{row.value:.0f}" + (f", at least {floor:.0f}" if floor else "")
        pen.text((LEFT + scale * row.value + 8, top), said, fill=INK, font=font)
    image.save(path, optimize=True)
