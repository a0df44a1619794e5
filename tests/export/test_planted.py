"""Identifiers in every place that a DICOM file has: none is left in any byte of an export."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from pydicom import uid as uids

from export_tools import KEY, WHEN, MemorySource, everything_in, export, only_image, release
from hilum.export.run import ExportOptions
from hilum.radiograph import FieldOfView, ImageUIDs
from hilum.records import Database
from hilum.records.review import ReaderAnswer, Review, ReviewedFinding
from hilum.records.stored_reading import StoredReading
from hilum.settings import Settings
from page_studies import invented
from pixel_codings import ENCODERS, recode, samples_of
from planted_identifiers import Planted, as_file, left_in, plant

AT_LEAST = 200

ALL = ExportOptions(heatmaps=True, pictures=True)

NAMES = {
    "ISO_IR 100": ("Conceição^Anunciação", "iso8859-1"),
    "ISO_IR 192": ("Łukasiewicz^Żaneta=山田^太郎=やまだ^たろう", "utf-8"),
    "ISO_IR 144": ("Достоевский^Фёдор", "iso8859-5"),
    "ISO_IR 127": ("قباني^لنزار", "iso8859-6"),
    "GB18030": ("王小东^明明", "gb18030"),
    "\\ISO 2022 IR 87": ("Hasegawa^Ichirou=長谷川^市朗太", "iso2022_jp"),
}
"""Specific Character Set → a name in it, and Python's codec."""


def planted_reading(made: Planted) -> StoredReading:
    """Return a reading whose texts quote the header."""
    kept = invented(Effusion=0.9, Mass=0.1)
    row = {
        **kept.document["readings"][0],
        "path": made.word("path of the reading"),
        "reasons": [{"code": "view_unknown", "text": made.word("warning")}],
        "pixels": {
            "pipeline": "display",
            "rows": 320,
            "columns": 288,
            "decisions": [{"code": "window_applied", "text": made.word("decision")}],
        },
        "outputs": [made.word("output")],
    }
    points = f"{made.word('name of operating points')}@1a2b3c4d"
    origin = made.word("origin of operating points")
    model = {
        **kept.document["model"],
        "operating_points": points,
        "operating_points_origin": origin,
    }
    for each in row["findings"]:
        images = int(made.number("images of the site's probability"))
        of_site = {"value": 0.25, "low": 0.125, "high": 0.5, "images": images}
        each["calibrated_probability_at_this_site"] = of_site
    return StoredReading(
        {**kept.document, "model": model, "readings": [row]}, kept.maps, FieldOfView(0, 0, 288, 288)
    )


def planted_review(made: Planted, uids: ImageUIDs) -> Review:
    """Return a review with a name and words of its reader."""
    finding = ReviewedFinding("Effusion", ReaderAnswer.PRESENT, True, 0.9, 0.5, 0.9)
    return Review(
        *uids,
        WHEN,
        made.word("reader"),
        "densenet 1",
        "ab" * 32,
        (finding,),
        (made.word("missed finding"),),
        made.word("comment"),
        "1.2.840.99999.4711.1",
    )


@pytest.fixture
def exported(tmp_path: Path, sqlite: Database, settings: Settings):
    """Return what exports a planted image, and gives it back with all that it wrote."""

    def run(made: Planted, options: ExportOptions = ALL):
        file = as_file(made)
        release(sqlite, file, settings)
        reading = planted_reading(made)
        source = MemorySource([file], lambda _: reading, lambda uids: [planted_review(made, uids)])
        folder = tmp_path / "out"
        _, why = export(source, folder, sqlite, settings, options)
        assert [""] == why
        return folder

    return run


def test_no_identifier_is_left_in_any_byte(exported):
    """Of every VR, private, nested, in overlays, meta information, file, reading and review."""
    made = plant()
    folder = exported(made)
    content = everything_in(folder)

    assert AT_LEAST <= len(made.secrets)
    assert {"images", "reports", "pictures"} <= {name.split("/")[0] for name in content}
    assert 3 == sum(name.startswith("reports/") for name in content)
    assert {} == {
        name: left for name, each in content.items() if (left := left_in(made.secrets, each))
    }
    assert [] == left_in(made.secrets, "\n".join(content).encode())
    assert [] == [
        name
        for name, each in content.items()
        if KEY.secret in each or KEY.secret.hex().encode() in each
    ]


def test_the_search_finds_what_is_planted():
    """In the image itself every one of them is there: the test above bites."""
    made = plant()
    file = as_file(made)

    assert len(made.secrets) == len(left_in(made.secrets, file))


@pytest.mark.parametrize("charset", NAMES)
def test_names_in_other_letters_leave_with_none_of_their_parts(exported, charset: str):
    """Whole, by component group and by component, in their own bytes and in UTF-8."""
    name, codec = NAMES[charset]
    made = Planted(plant().image)
    made.image.SpecificCharacterSet = charset
    made.image.PatientName = made.image.ReferringPhysicianName = name
    made.image.PatientComments = name
    for part in (name, *name.replace("=", "^").split("^")):
        made.remember(part, part.encode(codec), part.encode(), part.encode("utf-16-le"))
    content = everything_in(exported(made, ExportOptions()))

    assert [] == [file for file, each in content.items() if left_in(made.secrets, each)]


def commented(frame: bytes, made: Planted) -> bytes:
    """Return a codestream with text in comments, application data and behind its end."""
    text = made.word("comment in the stream").encode()
    size = (len(text) + 2).to_bytes(2, "big")
    behind = made.word("behind the stream").encode()
    if frame.startswith(b"\xff\xd8"):
        more = b"".join(
            b"\xff" + bytes([marker]) + size + text for marker in (0xE1, 0xE2, 0xED, 0xFE)
        )
        return frame[:2] + more + frame[2:] + behind
    if frame.startswith(b"\xff\x4f"):
        at = 4 + int.from_bytes(frame[4:6], "big")
        size = (len(text) + 4).to_bytes(2, "big")
        return frame[:at] + b"\xff\x64" + size + b"\0\1" + text + frame[at:] + behind
    return frame + behind


@pytest.mark.parametrize("syntax", ENCODERS, ids=lambda each: each.name)
def test_text_in_compressed_pixels_is_gone_and_the_pixels_are_not(exported, syntax: uids.UID):
    """COM and APPn of JPEG, COM of JPEG 2000, what is behind the end, in every coding."""
    made = Planted(plant().image)
    image = made.image
    if syntax == uids.JPEGBaseline8Bit:
        eight = (samples_of(image) >> 4).astype(np.uint8)
        image.BitsAllocated = image.BitsStored = 8
        image.HighBit, image.PixelData = 7, eight.tobytes()
        del image.VOILUTSequence
        image.WindowCenter, image.WindowWidth = 128, 256
    frame = ENCODERS[syntax](samples_of(image), image.BitsStored)
    recode(image, syntax, commented(frame, made))
    path, clean = only_image(exported(made, ExportOptions()))

    assert syntax == clean.file_meta.TransferSyntaxUID
    assert [] == left_in(made.secrets, path.read_bytes())


@pytest.mark.parametrize(
    "syntax",
    [
        *(uids.ImplicitVRLittleEndian, uids.ExplicitVRBigEndian),
        uids.DeflatedExplicitVRLittleEndian,
    ],
    ids=lambda each: each.name,
)
def test_every_encoding_of_the_data_set_is_exported(exported, syntax: uids.UID):
    """Bytes behind the pixels' last row are cut off; a deflated file is stored as it inflates."""
    made = Planted(plant().image)
    recode(made.image, syntax)
    made.image.PixelData += made.word("behind the last row").encode()
    path, clean = only_image(exported(made, ExportOptions()))
    kept = syntax if syntax != uids.DeflatedExplicitVRLittleEndian else uids.ExplicitVRLittleEndian

    assert kept == clean.file_meta.TransferSyntaxUID
    assert [] == left_in(made.secrets, path.read_bytes())


def test_dates_of_the_reading_and_the_review_are_shifted(exported):
    """The day of the analysis is nowhere, shifted it is where it belongs."""
    made = plant()
    folder = exported(made)
    day = f"{WHEN:%Y%m%d}".encode()

    assert [] == [name for name, each in everything_in(folder).items() if day in each]
    assert timedelta(0) != WHEN - WHEN.replace(hour=1)
