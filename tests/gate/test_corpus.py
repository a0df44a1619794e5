"""The eligibility on each header of the corpus."""

import tomllib
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from hilum.files import dicom
from hilum.gate import judge
from hilum.language import LANGUAGES
from hilum.settings import GateSettings
from radiographs import code

CASES = tomllib.loads(Path(__file__).with_name("cases.toml").read_text(encoding="utf-8"))["case"]

BASE = {
    "SpecificCharacterSet": "ISO_IR 192",
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1",
    "SOPInstanceUID": "1.2.3",
    "Modality": "CR",
    "Rows": 2048,
    "Columns": 1792,
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
}
"""A CR image about which nothing else is said."""


def header_of(case: dict[str, Any]) -> Dataset:
    """Return a case's header."""
    header = Dataset()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Invalid value for VR")  # the cases are as they come
        for keyword, value in {**BASE, **case.get("header", {})}.items():
            setattr(header, keyword, value or None)
    for keyword, parts in case.get("codes", {}).items():
        setattr(header, keyword, [code(*parts)])
    return header


def eligibility_on(header: Dataset, case: dict[str, Any]):
    """Return the gate's eligibility on a header with what a case says beside it."""
    return judge(
        header,
        GateSettings(**case.get("settings", {})),
        min_age_years=case.get("min_age"),
        clinical_model=case.get("clinical", True),
    )


def test_corpus_is_whole():
    """Cases found, named apart, enough of them, and half of them refusals."""
    refused = [case for case in CASES if "refused" in case]

    assert len(CASES) >= 100
    assert len({case["name"] for case in CASES}) == len(CASES)
    assert 0.45 <= len(refused) / len(CASES) <= 0.55


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_header_gets_its_eligibility(case: dict[str, Any]):
    """Every objection and every warning, in the order of the rules."""
    eligibility = eligibility_on(header_of(case), case)

    assert case.get("refused", []) == [reason.code for reason in eligibility.objections]
    assert case.get("warned", []) == [reason.code for reason in eligibility.warnings]
    assert eligibility.accepted is ("refused" not in case)


@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_eligibility_is_the_same_from_a_file(case: dict[str, Any], implicit: bool):
    """As read from bytes, nothing converted yet: same decision, same texts, no Python warning."""
    made = header_of(case)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Invalid value for VR")
        content = written(made, implicit=implicit)
    read = dicom.parse(content, name="case")

    assert eligibility_on(made, case) == eligibility_on(read, case)


def written(header: Dataset, *, implicit: bool) -> bytes:
    """Return a header as a bare data set."""
    buffer = BytesIO()
    header.save_as(buffer, implicit_vr=implicit, little_endian=True)
    return buffer.getvalue()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_reasons_are_told_in_every_language(case: dict[str, Any]):
    """Each with another text, and none has a gap left."""
    eligibility = eligibility_on(header_of(case), case)

    for reason in (*eligibility.objections, *eligibility.warnings):
        told = [language.say(reason.text) for language in LANGUAGES]
        assert len(set(told)) == len(LANGUAGES)
        assert "{" not in "".join(told)
