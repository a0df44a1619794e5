"""A viewer asks for many large pictures at once: the node neither swells nor stops."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from own_orthanc import MEBIBYTE, AttackedNode
from radiographs import dicom_file, make_radiograph

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(180)]

SIDE = 5500
"""30 million pixels: 60 MB in the file, 120 MB as the numbers that a decoder gives."""

IN_PARALLEL = 90
MOST = 600 * MEBIBYTE
"""Of the node's own process, which decodes nothing."""


def large(side: int = SIDE) -> tuple[bytes, str]:
    """Return the file and address of a large image that is refused: a few kilobytes, deflated."""
    image = make_radiograph(Rows=side, Columns=side, ViewPosition="LL")
    image.PixelData = np.tile(np.arange(side, dtype="<u2") % 4000, side).tobytes()
    image.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    at = f"/studies/{image.StudyInstanceUID}/images/{image.SOPInstanceUID}"
    return dicom_file(image), at


def test_parallel_pictures_do_not_swell_the_node(own_node: AttackedNode):
    """However many are asked for at once, by however many browsers of one viewer."""
    made = [large() for _ in range(3)]
    own_node.store(*(file for file, _ in made))
    client = own_node.signed_in()

    def ask(number: int) -> int:
        return client.get(
            f"{made[number % 3][1]}/{('pixels', 'quick.jpg')[number % 2]}"
        ).status_code

    with ThreadPoolExecutor(IN_PARALLEL) as threads:
        answers = Counter(threads.map(ask, range(IN_PARALLEL)))

    said = f"{answers}, {own_node.peak_bytes() // MEBIBYTE} MiB"
    assert own_node.alive
    assert own_node.peak_bytes() < MOST, said
    assert {200, 503} == set(answers), said
