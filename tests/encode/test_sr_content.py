"""What the reports say is what the reading says: read back by other code than wrote it."""

from dataclasses import replace

import numpy as np
import pytest

from hilum.eligibility import Reason
from hilum.encode import refusal_document, to_bytes
from hilum.encode.regions_report import check_outline
from hilum.errors import EncodingFailed
from hilum.language import ENGLISH
from hilum.radiograph import FieldOfView, PixelDecision, PixelPipeline
from hilum.reading import Region
from hilum.settings import ReportSettings
from hilum.wording import score_text
from invented import LABELS
from messages import PORTUGUESE
from sr_cases import LATERAL, SHA256, THREE, UNCERTAIN_VIEW, identity, read, regions_of
from sr_reader import ABSENT, FINDING, PRESENT, drawn, name, one, parse, rows, texts, walk

CODE_OF = {
    "Atelectasis": "46621007",
    "Consolidation": "95436008",
    "Infiltration": "112121",
    "Pneumothorax": "36118008",
    "Edema": "19242006",
    "Emphysema": "87433001",
    "Fibrosis": "51615001",
    "Effusion": "60046008",
    "Pneumonia": "233604007",
    "Pleural_Thickening": "PLTHICK",
    "Cardiomegaly": "8186001",
    "Nodule": "786838002",
    "Mass": "309529002",
    "Hernia": "39839004",
    "Lung Lesion": "52988006",
    "Fracture": "125605004",
    "Lung Opacity": "112001",
    "Enlarged Cardiomediastinum": "ECM",
}
"""The expected codes, written down once more, so that a slip in the table shows."""


@pytest.fixture
def write(header, settings, reports):
    """Return a function that writes a reading of the generated radiograph and parses the files."""

    def written(scores=None, *labels, chosen=settings, **changes):
        made = reports(read(header, scores, **changes), regions_of(header, *labels), chosen=chosen)
        text, coded = (parse(to_bytes(document)) for document in made)
        return text, coded

    return written


def test_every_finding_reads_back(header, write):
    """Each label has its row, with state, score, raw value and operating point."""
    reading = read(header, THREE)
    _, coded = write(THREE, *THREE)
    found = rows(coded)

    assert [CODE_OF[label] for label in LABELS] == list(found)
    for finding in reading.findings:
        row = found[CODE_OF[finding.label]]
        assert (PRESENT if finding.positive else ABSENT) == row.state
        assert float(score_text(finding, ENGLISH)) == row.score
        assert pytest.approx(finding.raw, rel=1e-8) == row.raw
        assert finding.operating_point == row.operating_point


def test_sites_are_those_of_the_table(write):
    """A finding of the pleura is sited there; no laterality is invented."""
    _, coded = write()
    found = rows(coded)

    assert "3120008" == found[CODE_OF["Effusion"]].site
    assert "80891009" == found[CODE_OF["Cardiomegaly"]].site
    assert not [item for item in walk(coded) if name(item) == "272741003"]


def test_labels_that_the_model_lacks_are_not_in_the_report(write):
    """A model of two labels has two rows: nothing is absent that was never looked for."""
    _, coded = write(labels=["Effusion", "Mass"])

    assert [CODE_OF["Effusion"], CODE_OF["Mass"]] == list(rows(coded))


def test_unknown_label_is_written_with_a_private_code(write):
    """A user's own label is never dropped."""
    _, coded = write({"Catheter_Tip": 0.9}, "Catheter_Tip", labels=["Effusion", "Catheter_Tip"])
    (own,) = set(rows(coded)) - {CODE_OF["Effusion"]}
    (region,) = drawn(coded)

    assert PRESENT == rows(coded)[own].state
    assert (own,) == region.findings
    assert "Catheter Tip score" == region.labels[0]


def test_negatives_are_nowhere_called_a_finding(write):
    """Whoever collects Finding (121071) from the report gets the positives alone."""
    _, coded = write(THREE, *THREE)
    called = {
        item.ConceptCodeSequence[0].CodeValue for item in walk(coded) if name(item) == FINDING
    }

    assert {CODE_OF[label] for label in THREE} == called


def test_negative_reading_names_no_finding(write):
    """Without positives there is no Finding at all, and the summary says so."""
    _, coded = write()

    assert FINDING not in {name(item) for item in walk(coded)}
    assert "111241" == one(one(coded, "C0034375"), "111017").ConceptCodeSequence[0].CodeValue


def test_regions_carry_score_and_operating_point(write):
    """What OHIF prints beside an outline is the finding's own score, then its operating point."""
    _, coded = write(THREE, *THREE)
    first = drawn(coded)[0]

    assert ("Pleural effusion score", "Operating point") == first.labels
    assert {"SCORE08": 0.91, "OPPOINT": 0.5} == first.numbers
    assert (CODE_OF["Effusion"],) == first.findings


def test_regions_keep_their_points(header, write):
    """An outline is written in source pixels, as it came."""
    _, coded = write({"Effusion": 0.9}, "Effusion")
    (region,) = drawn(coded)
    expected = regions_of(header, "Effusion")[0].outline

    np.testing.assert_allclose(expected, np.array(region.points).reshape(-1, 2), atol=1e-3)


def test_two_regions_of_one_finding_have_two_tracking_uids(write):
    """OHIF merges regions that share one."""
    _, coded = write({"Lung Opacity": 0.71}, "Lung Opacity", "Lung Opacity")
    first, second = drawn(coded)

    assert first.findings == second.findings
    assert first.tracking_uid != second.tracking_uid


def test_all_tracking_uids_differ(write):
    """Rows and regions are tracked apart from each other."""
    _, coded = write(THREE, *THREE)
    uids = [region.tracking_uid for region in drawn(coded)]
    uids += [row.tracking_uid for row in rows(coded).values()]

    assert 21 == len(set(uids))


def test_regions_of_negatives_are_not_drawn(header, reports):
    """A region whose finding is below its operating point is left out."""
    reading = read(header, {"Effusion": 0.9})
    regions = regions_of(header, "Effusion", "Mass")
    _, coded = reports(reading, regions)

    assert 1 == len(drawn(parse(to_bytes(coded))))


def test_positive_without_a_region_gets_the_assessed_field(write):
    """A group without a polygon would leave OHIF blank, so what the model saw is drawn."""
    _, coded = write({"Effusion": 0.9})
    (region,) = drawn(coded)

    assert (CODE_OF["Effusion"],) == region.findings
    assert 6 * 2 == len(region.points)


def test_nothing_positive_draws_the_assessed_field(header, write):
    """One frame of six points, which OHIF does not take for a tool of its own."""
    _, coded = write()
    (frame,) = drawn(coded)
    side = header.Columns
    top = (header.Rows - side) / 2
    expected = [
        (0, top),
        (side / 2, top),
        (side, top),
        (side, top + side),
        (0, top + side),
        (0, top),
    ]

    assert expected == list(zip(frame.points[::2], frame.points[1::2], strict=True))
    assert ("No AI finding - highest score", "Operating point") == frame.labels
    assert () == frame.findings


def test_provenance_is_in_both_reports(write):
    """Weights, input, score's meaning, operating points, pixels: enough to do it again."""
    changes = {
        "pipeline": PixelPipeline.TORCHXRAYVISION,
        "decisions": (PixelDecision("window_applied", "window 2048/4096"),),
    }
    for report in write(**changes):
        parameters = texts(report, "111002")
        assert f"weights_sha256={SHA256}" in parameters
        assert "weights_verified=yes" in parameters
        assert "input=224x224" in parameters
        assert "operating_points=default" in parameters
        assert "pixel_pipeline=torchxrayvision" in parameters
        assert "pixel_decision=window_applied: window 2048/4096" in parameters
        assert any(text.startswith("score=") for text in parameters)
        assert ["densenet121-res224-all"] == texts(report, "111001")
        assert ["1.0"] == texts(report, "111003")


def test_research_only_and_warnings_are_in_both_reports(write):
    """Safety statement and the gate's doubts travel with every report."""
    for report in write():
        told = "\n".join([*texts(report, "121106"), *texts(report, FINDING)])
        assert "Research use only. Not a medical device. Not for diagnosis." in told
        assert f"{UNCERTAIN_VIEW.text} [{UNCERTAIN_VIEW.code}]" in told
        assert "A score is not a probability." in told
        assert "not verified" not in told


def test_unverified_weights_are_called_so(write):
    """Trust on first use is said in words and as a parameter."""
    for report in write(model=identity(verified=False)):
        told = "\n".join([*texts(report, "121106"), *texts(report, FINDING)])
        assert "not verified" in told
        assert "weights_verified=no" in texts(report, "111002")


def test_demonstration_is_stamped_everywhere(header, reports):
    """Series, title, algorithm, text and the label beside each region say DEMONSTRATION."""
    reading = read(header, THREE, model=identity(demonstration=True))
    regions = regions_of(header, *THREE)
    made = reports(reading, regions)
    text, coded = (parse(to_bytes(document)) for document in made)

    assert "DEMONSTRATION" in text.ConceptNameCodeSequence[0].CodeMeaning
    for report in (text, coded):
        assert report.SeriesDescription.startswith("DEMONSTRATION")
        assert any("DEMONSTRATION" in comment for comment in texts(report, "121106"))
        assert all(one.startswith("DEMONSTRATION") for one in texts(report, "111001"))
    assert all("DEMONSTRATION" in region.labels[0] for region in drawn(coded))
    assert texts(text, FINDING)[0].startswith("DEMONSTRATION")


def test_demonstration_is_stamped_on_an_empty_field(header, reports):
    """The label beside the assessed field says it too."""
    reading = read(header, model=identity(demonstration=True))
    _, coded = reports(reading)
    (frame,) = drawn(parse(to_bytes(coded)))

    assert frame.labels[0].startswith("DEMONSTRATION")


def test_text_report_is_a_table_of_80_columns(write):
    """Strongest finding on top, with score, raw value and its threshold, in 80 columns."""
    text, _ = write(THREE, *THREE, warnings=(replace(UNCERTAIN_VIEW, text="so " * 60),))
    lines = texts(text, FINDING)[0].split("\r\n")

    assert "3 of 18 findings at or above the operating point" == lines[0]
    assert ["Finding", "Score", "Result", "Raw", "value", "Op.", "point"] == lines[2].split()
    assert ["Pleural", "effusion", "0.91", "PRESENT", "0.8416", "0.1000"] == lines[4].split()
    assert ["Cardiomegaly", "0.66", "PRESENT", "0.3934", "0.1000"] == lines[6].split()
    assert "absent" == lines[7].split()[-3]
    assert 80 >= max(map(len, lines))


def test_text_report_speaks_portuguese(write):
    """The same table, for people who read Portuguese."""
    text, coded = write(THREE, *THREE, chosen=ReportSettings(language=PORTUGUESE))
    told = texts(text, FINDING)[0]

    assert told.startswith("3 de 18 achados no ponto de operação ou acima")
    assert "Derrame pleural               0,91  PRESENTE        0,8416     0,1000" in told
    assert 80 >= max(map(len, told.split("\r\n")))
    assert "pt" == one(text, "121049").ConceptCodeSequence[0].CodeValue
    assert any("Somente para pesquisa" in comment for comment in texts(coded, "121106"))


def test_text_report_counts_nothing_twice(write):
    """It has no coded finding and nothing that text viewers print as noise."""
    text, _ = write(THREE, *THREE)
    kinds = {item.ValueType for item in walk(text)}

    assert {"CONTAINER", "TEXT", "CODE"} == kinds
    assert {"121049", "121005"} == {name(i) for i in walk(text) if i.ValueType == "CODE"}


def test_every_item_has_a_concept_name(write):
    """An item without one makes OHIF's whole page black."""
    for report in write(THREE, *THREE):
        assert all(item.ConceptNameCodeSequence for item in walk(report))


def test_study_list_shows_the_result(write):
    """The first 25 characters of a series say how many findings there are."""
    for scores, expected in ((THREE, "3 of 18"), ({}, "0 of 18")):
        text, _ = write(scores, *scores)
        assert expected in text.SeriesDescription[:25]


def test_refusal_makes_no_statement_on_findings(header, when, settings):
    """Why it was not read, and neither Present nor Absent."""
    refused = parse(to_bytes(refusal_document(header, [LATERAL], when=when, settings=settings)))
    told = texts(refused, FINDING)[0]

    assert told.startswith("NOT ANALYZED BY THE AI")
    assert LATERAL.text in told
    assert "Findings were not assessed." in told
    assert not {PRESENT, ABSENT} & {
        item.ConceptCodeSequence[0].CodeValue for item in walk(refused) if item.ValueType == "CODE"
    }
    assert "AI: not analyzed (not a frontal view)" == refused.SeriesDescription


def test_refusal_is_named_in_portuguese_without_accents(header, when):
    """Series Descriptions are ASCII: they must fit any character set."""
    reason = Reason("not_chest", "não é tórax: Body Part Examined é EXTREMITY")
    settings = ReportSettings(language=PORTUGUESE)
    refused = refusal_document(header, [reason], when=when, settings=settings)

    assert "IA: nao analisada (nao e torax)" == refused.SeriesDescription


@pytest.mark.parametrize(
    ("points", "complaint"),
    [
        ([(0, 0), (9, 0), (9, 9), (0, 9), (0, 0)], "has 5 points"),
        ([(0, 0), (4, 0), (9, 0), (9, 9), (0, 9), (0, 1)], "not closed"),
        ([(0, 0), (4, 0), (999, 0), (9, 9), (0, 9), (0, 0)], "outside the image"),
        ([(0, -1), (4, 0), (9, 0), (9, 9), (0, 9), (0, -1)], "outside the image"),
    ],
)
def test_outline_that_viewers_cannot_draw_is_an_error(header, points, complaint, reports):
    """Open, short and stray outlines are refused, with the finding's name."""
    region = Region("Effusion", np.array(points, float))
    with pytest.raises(EncodingFailed, match=complaint):
        reports(read(header, {"Effusion": 0.9}), [region])


def test_frame_of_an_uncropped_field_is_the_image():
    """The assessed field may be the whole image: its border is inside the bounds."""
    frame = FieldOfView(0, 0, 320, 288).frame
    check_outline("field", frame, 320, 288)

    assert (288.0, 320.0) == tuple(frame.max(axis=0))
