"""The page's records name the patient as the results do, whatever Orthanc made of the image."""

import pytest

from hilum.node.intake import stored_text
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.settings import DefaultCharacterSet
from mixed_text import CASES, Case
from orthanc_server import OrthancServer

pytestmark = [
    pytest.mark.orthanc,
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
]


def named(orthanc: OrthancArchive, case: Case) -> str:
    """Return the name that the page's records get."""
    reference = orthanc.store(case.file).reference
    tags = orthanc.attributes(reference)
    return str({**tags, **stored_text(orthanc, reference, tags, case.default)}["PatientName"])


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
        tags = orthanc.attributes(orthanc.store(CASES["japanese"].file).reference)

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
