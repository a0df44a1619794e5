"""HL7 v2 messages, validated by a library for them."""

from dataclasses import replace
from pathlib import Path

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from hilum.encode.messages.hl7 import message, message_id
from hilum.errors import SettingInvalid
from hilum.settings.deliveries import Hl7Receiver, ReportText
from told import analyzed, refused

RIS = Hl7Receiver(name="RIS", host="ris.example.org")
WITHOUT_TEXT = RIS.model_copy(update={"report_text": ReportText.NONE})
AS_TX = RIS.model_copy(update={"report_text": ReportText.TX})


def segments(outcome, receiver=RIS) -> dict[str, list[list[str]]]:
    """Return the fields of each segment by its name; that of MSH-1 is there."""
    found: dict[str, list[list[str]]] = {}
    for line in message(outcome, receiver).decode().rstrip("\r").split("\r"):
        fields = line.split("|")
        if fields[0] == "MSH":
            fields.insert(1, "|")
        found.setdefault(fields[0], []).append(fields)
    return found


@pytest.mark.parametrize("receiver", [WITHOUT_TEXT, AS_TX], ids=["no text", "TX"])
def test_a_library_finds_it_strictly_valid(source, receiver):
    """Whatever the header: each segment, field and type is as v2.5.1 has it."""
    source.PatientID = source.get("PatientID") or "P-1"  # PID-3 is required

    text = message(analyzed(source), receiver).decode()

    found = parse_message(text, validation_level=VALIDATION_LEVEL.STRICT, find_groups=True)
    assert found.validate()


@pytest.mark.parametrize("outcome", [analyzed(), refused()], ids=["analyzed", "refused"])
def test_with_the_report_as_formatted_text_it_is_valid(outcome):
    """The library takes the text of an OBX for a short one unless it is tolerant."""
    assert parse_message(message(outcome, RIS).decode(), find_groups=True).validate()


def test_one_obx_tells_each_finding():
    """Code, score, operating point, present or absent, and that it is preliminary."""
    found = [each for each in segments(analyzed())["OBX"] if each[2] == "NM"]

    assert 18 == len(found)
    (pneumothorax,) = [each for each in found if "Pneumothorax" in each[3]]
    assert "36118008^Pneumothorax^SCT" == pneumothorax[3]
    assert ("0.95", "<0.50", "A", "P") == tuple(pneumothorax[n] for n in (5, 7, 8, 11))
    assert {"A", "N"} == {each[8] for each in found}
    assert sorted(map(str, range(1, 21))) == sorted(each[1] for each in segments(analyzed())["OBX"])


def test_head_declares_what_it_is():
    """UTF-8, version, type, and an identifier that fits."""
    outcome = analyzed()
    (head,) = segments(outcome)["MSH"]

    assert ("ORU^R01^ORU_R01", "P", "2.5.1", "UNICODE UTF-8") == (
        head[9], head[11], head[12], head[18],
    )  # fmt: skip
    assert message_id(outcome) == head[10]
    assert 20 == len(head[10])


def test_signs_of_the_encoding_are_escaped():
    """A name with all of them, a line break and Japanese reads the same at the other side."""
    name = "O|Br^A~n^na&\\x\ny=山田^太郎=やまだ^たろう"
    outcome = analyzed(SpecificCharacterSet="ISO_IR 192", PatientName="X")
    outcome = replace(outcome, facts={**outcome.facts, "PatientName": name})
    (person,) = segments(outcome)["PID"]

    assert (
        "O\\F\\Br^A\\R\\n^na\\T\\\\E\\x\\X0A\\y^^^^L^A~山田^太郎^^^^^L^I~やまだ^たろう^^^^^L^P"
        == person[5]
    )
    assert {"MSH", "PID", "ORC", "OBR", "NTE", "OBX"} == set(segments(outcome))


@pytest.mark.parametrize(
    ("attributes", "filler"),
    [
        ({"AccessionNumber": " A 12 "}, "A 12"),
        ({"AccessionNumber": "A", "FillerOrderNumberImagingServiceRequest": "F"}, "F"),
        ({"AccessionNumber": "", "StudyInstanceUID": "1.2.3"}, "1.2.3"),
    ],
)
def test_order_is_named_as_the_image_names_it(attributes, filler):
    """Filler order number, else accession number, else the study's UID."""
    found = segments(analyzed(**attributes))

    assert filler == found["OBR"][0][3] == found["ORC"][0][3]
    assert attributes["AccessionNumber"].strip() == found["OBR"][0][18]


def test_correction_says_so():
    """Report and each result have the status C, under the same numbers."""
    outcome = analyzed()
    first, second = segments(outcome), segments(replace(outcome, corrects=True))

    assert "C" == second["OBR"][0][25]
    assert {"C"} == {each[11] for each in second["OBX"]}
    assert [each[3:5] for each in first["OBX"]] == [each[3:5] for each in second["OBX"]]


def test_refusal_has_a_text_and_no_finding():
    """Never that a finding is absent: the report has no results, and says why."""
    found = segments(refused())

    assert "X" == found["OBR"][0][25]
    assert ["HD", "FT"] == [each[2] for each in found["OBX"]]
    assert "NOT ANALYZED" in found["OBX"][1][5]
    assert "the view \\F\\ is lateral" in found["OBX"][1][5]


def test_text_is_formatted_or_a_line_each():
    """FT has line breaks of its own, TX a repetition for each."""
    outcome = analyzed()
    formatted, plain = segments(outcome)["OBX"][-1], segments(outcome, AS_TX)["OBX"][-1]

    assert ("FT", "TX") == (formatted[2], plain[2])
    assert formatted[5].split("\\.br\\") == plain[5].split("~")
    assert "Research use only" in segments(analyzed())["NTE"][0][3]


def test_site_replaces_codes_and_fields(tmp_path: Path):
    """What its mapping file says stands there as it is, and the image's values are escaped."""
    file = tmp_path / "ris.toml"
    file.write_text(
        '[codes]\nMass = "M1^Mass^L"\n'
        '[fields]\n"MSH-5" = "RIS"\n"PID-3" = "{PatientID}^^^HOSP^MR"\n"PV1-2" = "O"\n'
    )
    receiver = RIS.model_copy(update={"mapping_file": file})
    found = segments(analyzed(PatientID="1^2"), receiver)

    assert "RIS" == found["MSH"][0][5]
    assert "1\\S\\2^^^HOSP^MR" == found["PID"][0][3]
    assert ["PV1", "", "O"] == found["PV1"][0]
    assert "M1^Mass^L" in [each[3] for each in found["OBX"]]


@pytest.mark.parametrize(
    "text",
    [
        '[fields]\n"PID-3" = "{PatientsID}"\n',
        '[fields]\n"ZZZ-3" = "x"\n',
        '[fields]\n"MSH-10" = "x"\n',
        '[fields]\n"MSH-5" = "x\\ry"\n',
        "[feilds]\n",
        "[codes\n",
    ],
)
def test_mapping_with_a_mistake_is_said(tmp_path: Path, text):
    """An unknown name, a field that is not theirs, or no TOML."""
    file = tmp_path / "ris.toml"
    file.write_text(text)

    with pytest.raises(SettingInvalid, match=r"ris\.toml"):
        message(analyzed(), RIS.model_copy(update={"mapping_file": file}))


@pytest.mark.parametrize("value", ["\udcff", "\0a", "a\x1cb", "\r\rMSH|^~", "^" * 10_000])
def test_garbage_in_the_header_stays_within_its_field(value):
    """No frame, segment or field ends early."""
    outcome = analyzed(PatientID="1")
    facts = {**outcome.facts, "PatientID": value, "AccessionNumber": value, "StudyDate": value}
    text = message(replace(outcome, facts=facts), RIS)

    assert not [each for each in (b"\x1c", b"\x0b", b"\0", b"\n") if each in text]
    assert set(segments(outcome)) == {each[:3].decode() for each in text.split(b"\r") if each}
    assert len(segments(outcome)["OBX"]) == text.count(b"\rOBX|")
