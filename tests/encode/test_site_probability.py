"""A calibrated probability at this site: the same in every form, and in none without a file."""

import csv
import json
from dataclasses import replace
from io import StringIO

import jsonschema
import pytest

from hilum.encode import (
    ResultContext,
    document_schema,
    load_codes,
    report_documents,
    stored_report,
    to_bytes,
)
from hilum.encode.forms.csv_table import CsvTable
from hilum.encode.forms.fhir import fhir
from hilum.encode.forms.json_document import document_row, finding_entry, reading_document
from hilum.encode.forms.pdf import pdf
from hilum.encode.forms.plain_text import text
from hilum.encode.identity import identify
from hilum.errors import SourceUnreadable
from hilum.outcome import Outcome, Read, Status
from hilum.reading import SITE_PROBABILITY, Finding
from hilum.settings import ReportSettings, Settings, SRClass, SREncoder
from hilum.values.site_curve import SiteProbability
from sr_cases import identity, read, regions_of
from sr_reader import number, texts, walk
from sr_validators import dump, objections

SITE = SiteProbability(0.3412345, 0.25, 0.45, 412)
SAID = "calibrated probability at this site (n=412): 0.34, 95% interval 0.25 to 0.45"


def reading_of(header, site=SITE, **model):
    """Return a reading of a site with a file for effusions."""
    found = read(header, {"Effusion": 0.912}, model=identity(**model))
    findings = tuple(
        replace(each, probability=site if each.label == "Effusion" else None)
        for each in found.findings
    )
    return replace(found, findings=findings)


def outcome_of(reading):
    return Outcome("a.dcm", Status.READ, reading.radiograph.uids, read=Read(reading))


def coded(reading, when, settings):
    context = ResultContext.of(reading, when=when, settings=settings)
    return report_documents(context, regions_of(reading.header, "Effusion"))


def of_site(report):
    """Return the measurements of it."""
    return [
        each
        for each in walk(report)
        if each.ValueType == "NUM"
        and each.ConceptNameCodeSequence[0].CodeValue.endswith("SITEPROB")
    ]


def test_people_read_it_beside_the_score(header, when, settings):
    """Text report, plain text and PDF, with the number of images."""
    reading = reading_of(header)
    table, _ = coded(reading, when, settings)
    plain = text(reading, when=when, language=settings.language)

    assert SAID in " ".join(plain.split())
    assert SAID in " ".join("\n".join(texts(table, "121071")).split())
    assert len(pdf(reading, when=when, language=settings.language)) > len(
        pdf(reading_of(header, None), when=when, language=settings.language)
    )


def test_nothing_is_certain(header, when, settings):
    """A curve ends at 0 and 1; what people read does not."""
    reading = reading_of(header, SiteProbability(0.99871, 0.961, 1.0, 200))
    plain = " ".join(text(reading, when=when, language=settings.language).split())

    assert "(n=200): >0.99, 95% interval 0.96 to >0.99" in plain


@pytest.mark.parametrize("demonstration", [False, True])
def test_coded_report_has_a_measurement_of_its_own(header, when, settings, demonstration):
    """And reads back as it was written, with its interval and size."""
    reading = reading_of(header, demonstration=demonstration)
    report = coded(reading, when, settings)[1]
    (item,) = of_site(report)
    found = stored_report(report, load_codes())

    assert SITE.value == number(item)
    assert demonstration is item.ConceptNameCodeSequence[0].CodeMeaning.startswith("DEMONSTRATION")
    assert found is not None
    entries = {each["label"]: each for each in found.document["readings"][0]["findings"]}
    assert SITE == Finding.of_entry(entries["Effusion"]).probability
    assert SITE_PROBABILITY not in entries["Mass"]


@pytest.mark.parametrize("sr_class", SRClass)
def test_reports_are_valid_and_the_same_by_highdicom(header, when, sr_class, tmp_path):
    """In every SOP Class, as those without it."""
    reading = reading_of(header)
    by_ours, by_highdicom = (
        [
            to_bytes(each)
            for each in coded(reading, when, ReportSettings(sr_class=sr_class, encoder=encoder))
        ]
        for encoder in SREncoder
    )
    for place, content in enumerate(by_ours):
        path = tmp_path / f"{place}.dcm"
        path.write_bytes(content)
        assert [] == objections(path)
        assert dump(path)

    assert by_ours == by_highdicom


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (1, "interval_95=0.9 0.1"),
        (1, "interval_95=a b"),
        (1, "interval_95="),
        (1, "nothing"),
        (0, "images=-1"),
        (0, "images=many"),
        (0, "pixels=412"),
    ],
)
def test_coded_report_with_an_impossible_one_is_refused(header, when, settings, place, said):
    """An interval that does not hold the value, or what is no number."""
    report = coded(reading_of(header), when, settings)[1]
    (item,) = of_site(report)
    item.ContentSequence[place].TextValue = said

    with pytest.raises(SourceUnreadable):
        stored_report(report, load_codes())


def test_programs_read_it_by_its_name(header, when, settings):
    """JSON by its schema, CSV in columns of its own, FHIR as a component."""
    reading = reading_of(header)
    outcome = outcome_of(reading)
    document = json.loads(json.dumps(reading_document(outcome, reading.model, Settings())))
    jsonschema.validate(document, document_schema())
    (row,) = csv.DictReader(
        StringIO("".join(CsvTable(["Effusion", "Mass"], calibrated=["Effusion"]).lines([outcome])))
    )
    components = [
        part["valueQuantity"]["value"]
        for entry in fhir(reading, when=when, settings=settings)["entry"]
        for part in entry["resource"].get("component", ())
        if part["code"]["coding"][0]["code"] == "SITEPROB"
    ]

    entries = {each["label"]: each for each in document["readings"][0]["findings"]}
    assert 412 == entries["Effusion"][SITE_PROBABILITY]["images"]
    assert ["0.3412345", "412"] == [
        row[f"Effusion {SITE_PROBABILITY}{each}"] for each in ("", "_n")
    ]
    assert f"Mass {SITE_PROBABILITY}" not in row
    assert [SITE.value] == components


def test_without_a_file_nothing_has_it(header, when, settings):
    """Not even an empty column: no score is ever called a probability."""
    reading = reading_of(header, None)
    outcome = outcome_of(reading)
    said = [
        json.dumps(document_row(outcome, load_codes())),
        "".join(CsvTable(["Effusion"]).lines([outcome])),
        text(reading, when=when, language=settings.language),
        json.dumps(finding_entry(reading.findings[0], load_codes().finding("Effusion"))),
    ]

    assert not any("calibrated" in each for each in said)
    assert not of_site(coded(reading, when, settings)[1])


def test_other_curve_is_another_result(header):
    """The name of the operating points tells curves apart; without one it does not count."""
    points = ("ward@11111111", "ward@22222222")
    with_it = {identify(reading_of(header, operating_points=each)) for each in points}
    without = {identify(reading_of(header, None, operating_points=each)) for each in points}

    assert (2, 1) == (len(with_it), len(without))
