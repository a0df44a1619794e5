"""The table of rules: what it promises beside the eligibilitys of the corpus."""

import json
import re
import tomllib
import warnings
from importlib import resources

import pytest
from pydicom import Dataset, dcmread

from hilum import PRODUCT, gate
from hilum.eligibility import INELIGIBLE
from hilum.gate import image_rules, judge, judge_picture, patient_rules
from hilum.gate.patient_rules import not_chest
from hilum.gate.rule import Rule, SiteRule
from hilum.gate.table import REFUSAL_RULES, WARNING_RULES
from hilum.gate.vocabulary import Meaning, body_part_term, lexicon, meanings, words
from hilum.language import LANGUAGES, Language
from hilum.settings import GateSettings
from radiographs import make_radiograph, write_raw

GATE = GateSettings()


@pytest.mark.parametrize("name", ["chest_path", "chest_lossless_path", "chest_lossy_path"])
def test_real_chest_radiograph_is_read(name: str, request: pytest.FixtureRequest):
    """The real radiograph passes in each of its codings, without a doubt."""
    header = dcmread(request.getfixturevalue(name), stop_before_pixels=True)
    eligibility = judge(header, GATE, min_age_years=18)

    assert eligibility.accepted
    assert () == eligibility.warnings


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("leg_path", ["not_chest"]),
        ("ct_path", ["modality"]),
        ("mr_path", ["modality", "not_chest"]),
    ],
)
def test_real_other_image_is_refused(name: str, refused: list[str], request: pytest.FixtureRequest):
    """A real leg, CT and MR are refused for what they are."""
    header = dcmread(request.getfixturevalue(name), stop_before_pixels=True)

    assert refused == [each.code for each in judge(header, GATE).objections]


def test_every_rule_is_in_the_table_and_has_a_text():
    """No rule is dead, and none is without words."""
    written = {
        each
        for module in (image_rules, patient_rules)
        for value in vars(module).values()
        if isinstance(value, Rule | SiteRule)
        for each in ((value,) if isinstance(value, Rule) else value)
    }

    assert written == {*REFUSAL_RULES, *WARNING_RULES}
    assert all(rule.text for rule in written)


def test_own_result_is_known_by_its_contributing_equipment():
    """A copy under another manufacturer's name is still ours."""
    item = Dataset()
    item.ManufacturerModelName = PRODUCT
    header = make_radiograph(ContributingEquipmentSequence=[item])

    assert ["own_result"] == [each.code for each in judge(header, GATE).objections]


def test_description_alone_does_not_make_a_result_ours():
    """Whoever calls a series hilum is still read."""
    header = make_radiograph(SeriesDescription="CHEST PA for hilum")

    assert judge(header, GATE).accepted


def test_patient_is_never_quoted():
    """A phantom is known by its name, and the reason does not repeat it."""
    header = make_radiograph(PatientName="Phantom^Anna", PatientID="Phantom 12345")
    (objection,) = judge(header, GATE).objections

    assert "quality_control" == objection.code
    assert "Anna" not in objection.text
    assert "12345" not in objection.text


def test_birth_date_is_never_quoted():
    """What cannot be read of it is shown by its form alone."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*for VR DA")
        header = make_radiograph(PatientBirthDate="31.02.1960", PatientAge=None)
    (objection,) = judge(header, GATE, min_age_years=18).objections

    assert "age_unreadable" == objection.code
    assert "1960" not in objection.text
    assert "##.##.####" in objection.text
    assert "gate.unreadable_age" in objection.text


@pytest.mark.parametrize("said", ["7", "07Y", "8M", "7 anos"])
def test_nearly_valid_age_is_quoted(said: str):
    """Whoever corrects the sender sees what it sent."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*for VR AS")
        header = make_radiograph(PatientAge=said, PatientBirthDate=None)
    (objection,) = judge(header, GATE, min_age_years=18).objections

    assert f"(Patient's Age {said})" in objection.text


DEFINED_TERMS = json.loads(
    resources.files("highdicom._standard").joinpath("anatomic_regions.json").read_text()
)
"""Body Part Examined of PS3.16 Table L-1 → its code, as highdicom has them."""

NOT_OF_A_PART = {"PHANTOM"}
"""The one term that names no part of the body."""


@pytest.mark.parametrize("term", sorted(DEFINED_TERMS.keys() - NOT_OF_A_PART))
def test_every_defined_term_is_known(term: str):
    """A chest is read; what is another part, or more than the chest, is refused and quoted."""
    header = make_radiograph(BodyPartExamined=term, AnatomicRegionSequence=None)
    eligibility = judge(header, GATE)

    assert eligibility.accepted is (term in {"CHEST", "THORAX", "LUNG"})
    assert all(term in each.text for each in eligibility.objections)


def test_no_term_says_two_things():
    """Each defined term and each spelling stands in one table."""
    tables = tomllib.loads(resources.files(gate).joinpath("body_parts.toml").read_text("utf-8"))
    terms = [term for lists in tables.values() for words in lists.values() for term in words]

    assert sorted(set(terms)) == sorted(terms)
    assert all(body_part_term(term) for term in terms)


@pytest.mark.parametrize("language", LANGUAGES)
def test_unknown_word_is_quoted(language: Language):
    """It is never said that nothing says which part."""
    header = make_radiograph(BodyPartExamined="XYZZY", ViewPosition="PLUGH")
    texts = [language.say(each.text) for each in judge(header, GATE).warnings]

    assert ["XYZZY", "PLUGH"] == [re.findall("[A-Z]{5}", text)[0] for text in texts]


@pytest.mark.parametrize(
    ("said", "codes"),
    [("胸部", []), ("грудная клетка", []), ("грудь", ["body_part_unknown"]), ("Göğüs", [])],
)
def test_body_part_in_letters_that_its_vr_forbids(said: str, codes: list[str]):
    """In UTF-8, whether the header says so or not."""
    for character_set in ("ISO_IR 192", None):
        header = make_radiograph(AnatomicRegionSequence=None, SpecificCharacterSet=character_set)
        write_raw(header, "BodyPartExamined", said)
        eligibility = judge(header, GATE)

        assert eligibility.accepted
        assert codes == [each.code for each in eligibility.warnings]


@pytest.mark.parametrize("language", LANGUAGES)
def test_refused_combination_names_its_value_and_the_setting(language: Language):
    """So that a site knows how to let it in."""
    header = make_radiograph(BodyPartExamined="CHESTABDPELVIS")
    (objection,) = judge(header, GATE).objections

    assert "CHESTABDPELVIS" in language.say(objection.text)
    assert "gate.combined_parts" in language.say(objection.text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("sop_class", ["1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.7.2"])
@pytest.mark.parametrize("modality", ["CR", "OT", "SC", "DR", "XA", "", None])
def test_refusal_names_the_setting_that_lets_it_in(
    modality: str | None, sop_class: str, language: Language
):
    """Each reason has the whole setting, which, copied, reads the image."""
    header = make_radiograph(Modality=modality, SOPClassUID=sop_class)
    told = [language.say(each.text) for each in judge(header, GATE).objections]
    settings = {re.findall(r"gate\.modalities = (\[.*\])", text)[0] for text in told}
    (setting,) = settings

    assert judge(header, GateSettings(modalities=json.loads(setting))).accepted


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "MG", "SR", "NM"])
def test_no_setting_is_suggested_for_what_is_no_radiograph(modality: str):
    """Modality CT is not supported, and that is all."""
    (objection,) = judge(make_radiograph(Modality=modality), GATE).objections

    assert f"Modality {modality} is not supported" == objection.text


@pytest.mark.parametrize(
    "endless", ["A" * 10**6, "胸" * 10**6, "1" + " " * 10**6 + "1", "1,1" * 10**5]
)
def test_endless_text_is_judged_like_a_short_one(endless: str):
    """No pattern goes through a million characters again and again."""
    said = {"PatientAge": endless, "PatientBirthDate": endless}
    header = write_raw(make_radiograph(), "SeriesDescription", endless)
    for keyword, text in said.items():
        write_raw(header, keyword, text)

    assert ["age_unreadable"] == [e.code for e in judge(header, GATE, min_age_years=18).objections]


def test_long_value_is_cut_and_kept_on_one_line():
    """A reason stays a line, whatever a sender wrote."""
    shown = not_chest.reason(
        {"attribute": "Series Description", "value": "KNEE\n\x1b[2J" + "x" * 200}
    )

    assert shown.text.isprintable()
    assert len(shown.text) < 120


def test_braces_in_a_header_are_only_text():
    """A value that looks like a gap of the text is quoted, not filled."""
    header = make_radiograph(SeriesDescription="KNEE {0.__class__}", BodyPartExamined=None)
    header.AnatomicRegionSequence = []
    (objection,) = judge(header, GATE).objections

    assert objection.text.endswith("KNEE {0.__class__}")


def test_damaged_sequence_does_not_stop_the_gate():
    """A header that cannot be read in one place is judged by the rest."""
    header = make_radiograph()
    header.add_new("ViewCodeSequence", "OB", b"\xff\xff")

    assert judge(header, GATE).accepted


def test_gate_raises_no_python_warning_for_an_invalid_header():
    """What pydicom would warn of, quoting a patient, is read without a word."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*for VR CS")
        warnings.filterwarnings("ignore", ".*for VR AS")
        header = make_radiograph(BodyPartExamined="chest, of a person", PatientAge="old")

    assert judge(header, GATE).accepted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RX TÓRAX PA", {Meaning.CHEST, Meaning.FRONTAL}),
        ("PARIETAL", set()),
        ("APICES", set()),
        ("TORAX Y ABDOMEN", {Meaning.CHEST, Meaning.OTHER_REGION}),
        ("T-SPINE", {Meaning.OTHER_REGION}),
        ("Coluna torácica", {Meaning.OTHER_REGION}),
        ("THORAXAP", {Meaning.CHEST, Meaning.FRONTAL}),
        ("Thorax schräg", {Meaning.CHEST, Meaning.OTHER_VIEW}),
        ("Fußknöchel", set()),
        ("Fuß links", {Meaning.OTHER_REGION}),
        ("1234", set()),
        ("", set()),
    ],
)
def test_words_mean_what_they_mean(text: str, expected: set[Meaning]):
    """Accents fold, words are whole, phrases win over their words."""
    assert expected == meanings(text)


def test_every_entry_of_the_vocabulary_is_found_as_it_is_written():
    """No entry has a letter that folding would change, or a sign that parts words."""
    for phrase in lexicon():
        assert list(phrase) == words(" ".join(phrase))


@pytest.mark.parametrize(
    ("rows", "columns", "refused"), [(223, 300, ["too_small"]), (224, 224, [])]
)
def test_picture_without_header_is_judged_by_its_size(rows: int, columns: int, refused: list[str]):
    """A PNG or JPEG says nothing else that could be judged."""
    eligibility = judge_picture(rows, columns, GATE)

    assert refused == [each.code for each in eligibility.objections]


def test_what_is_ineligible_is_a_code_of_the_table() -> None:
    """A code that is renamed here would bring CT studies into the worklist."""
    assert {rule.code for rule in REFUSAL_RULES} >= INELIGIBLE
