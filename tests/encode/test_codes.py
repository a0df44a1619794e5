"""The code table: every code is what it says, and a site may replace it."""

import pytest
from pydicom.sr._concepts_dict import concepts
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from hilum.encode import to_bytes
from hilum.encode.codes import PRIVATE, load_codes
from hilum.errors import SettingInvalid
from hilum.settings import ReportSettings
from invented import LABELS
from sr_cases import read
from sr_reader import parse, rows


def meanings(code: Code) -> set[str]:
    """Return all meanings that pydicom's copy of PS3.16 has for a code."""
    known = concepts.get(code.scheme_designator, {}).values()
    return {entry[code.value][0] for entry in known if code.value in entry}


def all_codes() -> list[Code]:
    table = load_codes()
    entries = (*table.findings.values(), *table.sites.values(), *table.concepts.values())
    return [entry.code for entry in entries]


def test_every_label_has_a_code():
    """The table has the 18 labels of TorchXRayVision, in its order."""
    assert LABELS == tuple(load_codes().findings)


@pytest.mark.parametrize("code", all_codes(), ids=lambda code: code.meaning)
def test_meaning_is_the_standards(code):
    """A code that PS3.16 has, has its meaning there; the others say where they were checked."""
    found = {meaning.removesuffix(" (attribute)") for meaning in meanings(code)}
    if code.scheme_designator == "DCM":
        assert found
    assert not found or code.meaning in found


def test_cardiomegaly_is_not_pydicoms():
    """That one is an enlarged septal foramen of the heart."""
    assert "8186001" == load_codes().finding("Cardiomegaly").value
    assert codes.SCT.Cardiomegaly.value != load_codes().finding("Cardiomegaly").value


def test_every_entry_says_where_it_was_checked():
    """No code comes from memory."""
    table = load_codes()
    entries = (*table.findings.values(), *table.sites.values(), *table.concepts.values())

    assert all(entry.source for entry in entries)


def test_codes_are_distinct():
    """No two labels, and no two scores, share a code."""
    table = load_codes()

    assert 18 == len({table.finding(label).value for label in LABELS})
    assert 18 == len({table.score(label).value for label in LABELS})


def test_scores_of_the_demonstration_have_codes_of_their_own():
    """A stamped score can't be taken for a trained model's."""
    plain, stamped = (
        load_codes().score("Effusion", demonstration=demonstration)
        for demonstration in (False, True)
    )

    assert plain.value != stamped.value
    assert "DEMONSTRATION Pleural effusion score" == stamped.meaning


def test_scores_say_where_when_the_code_does_not():
    """An opacity is one of the lung: the label beside a region says so."""
    assert "Lung opacity score" == load_codes().score("Lung Opacity").meaning
    assert "Pneumothorax score" == load_codes().score("Pneumothorax").meaning


@pytest.mark.parametrize("label", ["Catheter_Tip", "x" * 200, "Ж \\ ^ =", "___", "bell\a\x1b"])
def test_unknown_label_gets_a_private_code(label):
    """Any label gets a valid code, the same every time, and another than its neighbour's."""
    table = load_codes()
    code, score = table.finding(label), table.score(label)

    assert PRIVATE == code.scheme_designator
    assert 16 >= max(len(code.value), len(score.value))
    assert 64 >= max(len(code.meaning), len(score.meaning))
    assert code.meaning.strip()
    assert "\\" not in code.meaning
    assert code.meaning.isprintable()
    assert table.finding(label) == code
    assert table.finding(label + "!").value != code.value
    assert table.site(label) is None


REPLACEMENT = """
[schemes.99SITE]
uid = "2.25.1"
name = "Codes of the site"
organization = "The site"

[sites.chest]
value = "51185008"
scheme = "SCT"
meaning = "Thorax"
source = "site"

[findings.Effusion]
value = "EFF"
scheme = "99SITE"
meaning = "Derrame pleural"
site = "chest"
source = "site"
"""


@pytest.fixture
def replacement(tmp_path):
    """Return a function that writes a site's codes file."""

    def written(text):
        path = tmp_path / "codes.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_site_replaces_a_code(replacement, header, reports):
    """The site's code is written and its scheme declared; all others stay."""
    settings = ReportSettings(codes_file=replacement(REPLACEMENT))
    _, coded = (parse(to_bytes(document)) for document in reports(read(header), chosen=settings))
    found = rows(coded)

    assert "51185008" == found["EFF"].site
    assert "60046008" not in found
    assert "36118008" in found
    declared = [s.CodingSchemeDesignator for s in coded.CodingSchemeIdentificationSequence]
    assert ["99SITE", "99TXRV"] == declared


def test_replaced_codes_give_other_uids(replacement, header, reports):
    """New content never reuses a UID."""
    settings = ReportSettings(codes_file=replacement(REPLACEMENT))
    theirs = reports(read(header), chosen=settings)
    ours = reports(read(header), chosen=ReportSettings())

    assert ours[1].SOPInstanceUID != theirs[1].SOPInstanceUID


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nonsense", "cannot be read"),
        ("[findings.Effusion]\nvalue = 'X'", r"findings\.Effusion\.scheme in .* cannot be used"),
        (REPLACEMENT.replace('"EFF"', '"LONGER THAN SIXTEEN"'), "findings.Effusion.value"),
        (REPLACEMENT.replace('site = "chest"', 'site = "knee"'), "names the unknown site knee"),
        (REPLACEMENT.replace("[schemes.99SITE]", "[schemes.99ELSE]"), "private scheme 99SITE"),
        (REPLACEMENT.replace('"2.25.1"', '"2.25.01"'), "schemes.99SITE.uid"),
        (REPLACEMENT + "\nsurplus = 1\n", "surplus"),
    ],
)
def test_unusable_codes_file_is_one_clear_line(replacement, text, complaint):
    """Each mistake in a codes file names the entry and the file."""
    path = replacement(text)
    with pytest.raises(SettingInvalid, match=complaint) as caught:
        load_codes(path)

    assert str(path) in caught.value.problem


def test_missing_codes_file_is_one_clear_line(tmp_path):
    """A wrong path says so."""
    with pytest.raises(SettingInvalid, match="cannot be read"):
        load_codes(tmp_path / "absent.toml")
