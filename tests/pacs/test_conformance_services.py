"""docs/conformance.md says of the network what the code does."""

from pathlib import Path

import pytest

from hilum.pacs.credentials import load_or_generate
from hilum.pacs.orthanc.configuration import LOCAL_AETS, configuration
from hilum.pacs.send import AT_ONCE
from hilum.pacs.send.associations import MAX_PDU_BYTES
from hilum.pacs.send.dimse import CALLING_AET, MAX_CONTEXTS
from hilum.pacs.send.outcome import MEANINGS, SendStatus
from hilum.settings import Settings

PAGE = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Network services")[2].partition("## Character sets")[0]

ROWS = {
    SendStatus.STORED: "sent",
    SendStatus.ALREADY_THERE: "there already",
    SendStatus.FAILED: "failed: sending again may help",
    SendStatus.REFUSED: "refused",
}
"""How a sending ends → the last cell of its line on the page."""


def shown(first: int, last: int) -> str:
    """Return a range of status values as the page writes it: 0110H, A7xxH."""
    low, high = f"{first:04X}", f"{last:04X}"
    same = sum(1 for a, b in zip(low, high, strict=True) if a == b)
    return f"{low[:same]}{'x' * (4 - same)}H"


@pytest.mark.parametrize("meaning", MEANINGS, ids=lambda each: each.text)
def test_page_has_every_status(meaning):
    """Each status stands in the line of what hilum makes of it."""
    status = shown(meaning.first, meaning.last)
    if status == "C122H":
        status = "CxxxH"  # one of them
    (line,) = [row for row in SECTION.splitlines() if row.endswith(f"| {ROWS[meaning.sent]} |")]

    assert status in line


def test_page_has_the_associations():
    """AE title, PDU, contexts and number of associations are the constants."""
    assert f"calling `{CALLING_AET}`" in SECTION
    assert f"{MAX_PDU_BYTES} bytes offered" in SECTION
    assert f"{MAX_CONTEXTS} at most" in SECTION
    assert f"| associations | {AT_ONCE} at once" in SECTION


def test_page_has_the_orthanc_that_hilum_starts(tmp_path):
    """Its AE title, ports, limits and who may associate are those of the configuration."""
    settings = Settings.load(data_folder=tmp_path)
    content = configuration(settings.pacs, load_or_generate(settings), tmp_path)

    assert f"`{content['DicomAet']}`, {content['DicomPort']}" in SECTION
    assert f"port {content['HttpPort']}" in SECTION
    assert f"`{content['DicomWeb']['Root'].rstrip('/')}`" in SECTION
    assert f"{content['MaximumPduLength']} bytes; {content['DicomScpTimeout']} s as SCP" in SECTION
    assert all(f"`{aet}`" in SECTION for aet in LOCAL_AETS)
    assert ["1.2.840.10008.1.*"] == content["AcceptedTransferSyntaxes"]
    assert content["UnknownSopClassAccepted"] is True
    assert content["OverwriteInstances"] is False
    assert {False} == {each["AllowFindWorklist"] for each in content["DicomModalities"].values()}
