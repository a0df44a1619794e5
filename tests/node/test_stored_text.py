"""The page's records name the patient as the results do, whatever Orthanc made of the image."""

import pytest

from hilum.node.stored_text import stored_text
from hilum.pacs.orthanc.client import Orthanc
from hilum.settings import DefaultCharacterSet
from mixed_text import CASES, Case
from orthanc_server import OrthancServer

pytestmark = [
    pytest.mark.orthanc,
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
]


def named(orthanc: Orthanc, case: Case) -> str:
    """Return the name that the page's records get."""
    instance_id = orthanc.upload(case.file).instance_id
    tags = orthanc.tags(instance_id)
    return str({**tags, **stored_text(orthanc, instance_id, tags, case.default)}["PatientName"])


def test_name_is_that_of_the_results(empty_orthanc: OrthancServer):
    """But for letters that are not in the declared character set, which Orthanc drops unsaid."""
    with empty_orthanc.client() as orthanc:
        wrong = {
            label
            for label, case in CASES.items()
            if case.name != named(orthanc, case) and "text_mismatch" not in case.decisions
        }

    assert {"utf-8-beside-latin-1"} == wrong  # by itself the name is plainly UTF-8


def test_plain_text_is_asked_for_once(empty_orthanc: OrthancServer):
    """Most images need no further question."""
    with empty_orthanc.client() as orthanc:
        tags = orthanc.tags(orthanc.upload(CASES["japanese"].file).instance_id)

        assert {} == stored_text(orthanc, "not asked", tags, DefaultCharacterSet.LATIN_1)
        assert {} == stored_text(orthanc, "not asked", {"PatientName": "Doe^Jane"}, None)


@pytest.mark.parametrize("default", DefaultCharacterSet)
def test_orthanc_knows_every_setting(empty_orthanc: OrthancServer, default: DefaultCharacterSet):
    """By the very word."""
    with empty_orthanc.client() as orthanc:
        before = orthanc.request("GET", "/tools/default-encoding").text
        try:
            orthanc.request("PUT", "/tools/default-encoding", content=default.value)

            assert default.value == orthanc.request("GET", "/tools/default-encoding").text
        finally:
            orthanc.request("PUT", "/tools/default-encoding", content=before)
