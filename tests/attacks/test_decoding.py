"""A viewer asks for many large pictures at once: the node neither swells nor stops."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from hostile_files import large
from own_orthanc import MEBIBYTE, AttackedNode
from radiographs import dicom_file

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(180)]

IN_PARALLEL = 90
MOST = 600 * MEBIBYTE
"""Of the node's own process, which decodes nothing."""


def test_parallel_pictures_do_not_swell_the_node(own_node: AttackedNode):
    """However many are asked for at once, by however many browsers of one viewer."""
    made = [large(ViewPosition="LL") for _ in range(3)]
    own_node.store(*map(dicom_file, made))
    at = [f"/studies/{each.StudyInstanceUID}/images/{each.SOPInstanceUID}" for each in made]
    client = own_node.signed_in()

    def ask(number: int) -> int:
        return client.get(f"{at[number % 3]}/{('pixels', 'quick.jpg')[number % 2]}").status_code

    with ThreadPoolExecutor(IN_PARALLEL) as threads:
        answers = Counter(threads.map(ask, range(IN_PARALLEL)))

    said = f"{answers}, {own_node.peak_bytes() // MEBIBYTE} MiB"
    assert own_node.alive
    assert own_node.peak_bytes() < MOST, said
    assert {200, 503} == set(answers), said
