"""A study's page over a real PACS and real readings: pictures, maps, downloads, reviews."""

import csv
import json
import time
import zlib
from dataclasses import replace
from datetime import datetime
from io import BytesIO, StringIO
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from starlette.exceptions import HTTPException

from hilum import phantom, pipeline
from hilum.cli.demo import line
from hilum.demo import run
from hilum.demo.images import DemoImage, Route
from hilum.eligibility import Reason
from hilum.encode.forms.fhir import fhir
from hilum.encode.predecessors import REVIEW_TITLE
from hilum.errors import InferenceWorkerDied, NotInPacs
from hilum.explain import sample
from hilum.gate import judge
from hilum.ingest.earlier_reports import EarlierReports
from hilum.node.page_work import viewed
from hilum.node.web_server import PooledStudyTools
from hilum.reading import Heatmap
from hilum.records import readings, reviews, worklist
from hilum.records.accounts import Role
from hilum.records.states import State
from hilum.records.studies import Rank
from hilum.settings import GateSettings
from hilum.web.displayed import DisplayedImage, packed
from hilum.web.pictures import Address, PictureCache, image_of
from page_pixels import unpacked, values
from page_studies import (
    Shown,
    add_read,
    arrive,
    chest,
    settle,
    write_down,
)
from page_studies import demonstration_pipeline as model
from radiographs import make_radiograph, upside_down
from web_context import csrf_in, open_page, open_web_context, trail

REGIONS_SERIES = 902


def give(client: httpx.Client, shown: Shown, **fields: object) -> httpx.Response:
    """Give a review by the form of the study's page."""
    text = client.get(shown.path).text
    key = text.partition('name="key" value="')[2].partition('"')[0]
    data = {"csrf": csrf_in(text), "key": key, **fields}
    return client.post(f"{shown.at}/review", data=data)


def test_upside_down_chest_is_warned_of(web, reader):
    """Its header says nothing of it; what the pixels tell stands above the findings."""
    turned = upside_down(phantom.make(500_009, findings=(), size=256).dataset)
    text = reader.get(add_read(web, turned).path).text

    assert 1 == text.count("unusual image: it differs more from the reference images than 99.")


def test_page_has_every_finding_with_its_numbers(web, shown, reader):
    """The model, its stamp, what was done with the pixels, and the research-use line."""
    text = reader.get(shown.path).text
    with web.database.look() as connection:
        reading = readings.get(connection, web.archive, shown.job.uids)
    assert reading is not None
    row = reading.document["readings"][0]

    assert len(row["findings"]) == text.count('class="pick"')
    assert "this model was not trained on patients" in text
    assert reading.document["model"]["sha256"] in text
    assert "Trained on phantoms alone." in text
    assert all(decision["code"] in text for decision in row["pixels"]["decisions"])
    assert "Research use only" in text
    assert ("ana", "study.viewed") in trail(web)


def test_ohif_is_opened_at_the_study(web, shown, reader, tmp_path):
    """Where it is not installed, the page says how to get it."""
    folder = tmp_path / "dist"
    folder.mkdir()
    object.__setattr__(web, "settings", web.settings.changed("page", ohif_folder=folder))
    assert "hilum viewer install" in reader.get(shown.path).text
    (folder / "index.html").write_text("<html></html>")

    assert f'href="{shown.at}/ohif?series=' in reader.get(shown.path).text
    answer = reader.get(f"{shown.at}/ohif", follow_redirects=False)
    stored = [dcmread(BytesIO(each.file)) for each in shown.answer.results]
    (coded,) = (each for each in stored if each.SeriesNumber == REGIONS_SERIES)
    asked = f"StudyInstanceUIDs={shown.study}&initialSeriesInstanceUID={coded.SeriesInstanceUID}"

    assert f"/ohif/viewer?{asked}" == answer.headers["location"]


def test_viewer_sees_no_form(shown, page):
    """Who may only look gives no review, by the form or without."""
    client = page.signed_in(Role.VIEWER)
    text = client.get(shown.path).text
    answer = client.post(f"{shown.at}/review", data={"csrf": csrf_in(text), "comment": "x"})

    assert "Your review" not in text
    assert 'type="radio"' not in text
    assert 403 == answer.status_code


def test_pixels_come_whole(web, shown, reader):
    """Unpacked as the page's script does, they are what the file holds."""
    file = web.pacs.fetch(shown.job.reference)
    facts, codes = unpacked(reader.get(f"{shown.at}/pixels").content)

    assert np.array_equal(dcmread(BytesIO(file)).pixel_array, values(facts, codes))
    assert viewed(file, web.settings).facts == facts


def test_packing_keeps_every_level():
    """Also the steepest steps."""
    pixels = np.array([[0, 65535, 0, 1], [65535, 65534, 32768, 0]], np.uint16)
    facts = {"rows": 2, "columns": 4}

    assert np.array_equal(pixels, unpacked(zlib.decompress(packed(pixels, facts)))[1])


def test_small_and_quick_pictures(web, shown, reader):
    """The small one is made once and kept."""
    small = Image.open(BytesIO(reader.get(f"{shown.at}/small.webp").content))
    quick = Image.open(BytesIO(reader.get(f"{shown.at}/quick.jpg").content))

    assert max(small.size) <= 96
    assert max(quick.size) <= 1024
    assert np.asarray(small.convert("L")).std() > 20
    with web.database.look() as connection:
        assert worklist.thumbnail(connection, web.archive, shown.job.uids)


def test_cache_remembers_no_image_that_it_could_not_show(web):
    """However many are asked for that the PACS does not hold any more."""
    gone = write_down(web, chest(), "an-instance-that-was-deleted")
    cache = PictureCache(web)
    with pytest.raises(NotInPacs):
        cache.picture(image_of(web, Address(gone.study, gone.image)))

    assert {} == cache._turns


def test_image_that_ended_a_worker_is_not_opened_again(web, shown):
    """Each viewer who looks at it would end another one."""
    opened = []

    class Deadly(PooledStudyTools):
        def picture(self, file: bytes) -> DisplayedImage:
            opened.append(file)
            raise InferenceWorkerDied("The process that read it ended.", "Look at the image.")

    cache = PictureCache(replace(web, tools=Deadly(web.settings, print)))
    image = image_of(web, Address(shown.study, shown.image))
    with pytest.raises(InferenceWorkerDied):
        cache.picture(image)
    with pytest.raises(HTTPException, match="not opened again"):
        cache.picture(image)

    assert 1 == len(opened)


def test_result_that_is_no_overlay_is_not_drawn(shown, reader):
    """Whatever lies in the PACS under the name of one: a report, here."""
    report = shown.answer.results[-1].sop_instance_uid
    answer = reader.get(f"{shown.at}/results/{report}.png", headers={"accept": "*/*"})

    assert 409 == answer.status_code
    assert "overlay cannot be opened" in answer.json()["detail"]


def test_maps_and_outlines_lie_on_the_source(web, shown, reader):
    """In its pixels; each outline of a positive finding surrounds the peak of its map."""
    answer = reader.get(f"{shown.at}/maps.json").json()
    with web.database.look() as connection:
        reading = readings.get(connection, web.archive, shown.job.uids)
    assert reading is not None
    labels = [each["label"] for each in reading.document["readings"][0]["findings"]]

    assert labels == list(answer["maps"]) == list(answer["outlines"])
    maps = np.array([answer["maps"][label] for label in labels]).reshape(reading.maps.shape)
    assert np.allclose(reading.maps.astype(float), maps, atol=1e-4)
    peak = answer["maps"]["Effusion"]
    heat = Heatmap("Effusion", np.float32(peak).reshape(maps.shape[1:]), reading.field_of_view)
    for x, y in answer["outlines"]["Effusion"][0]:
        value = sample(heat, np.array([y]), np.array([x]))[0, 0]
        assert 0.4 * max(peak) < value <= max(peak)


def test_downloads_are_what_they_say(shown, reader):
    """JSON, CSV, FHIR, the structured report and the picture."""
    results = shown.answer.results
    document = reader.get(f"{shown.at}/reading.json").json()
    table = list(csv.DictReader(StringIO(reader.get(f"{shown.at}/reading.csv").text)))
    bundle = json.loads(reader.get(f"{shown.at}/reading.fhir").content)
    report = reader.get(f"{shown.at}/results/{results[-1].sop_instance_uid}.dcm").content
    picture = reader.get(f"{shown.at}/results/{results[0].sop_instance_uid}.png").content

    assert (
        shown.image == document["readings"][0]["sop_instance_uid"] == table[0]["sop_instance_uid"]
    )
    assert "Bundle" == bundle["resourceType"]
    assert results[-1].sop_instance_uid == dcmread(BytesIO(report)).SOPInstanceUID
    assert "PNG" == Image.open(BytesIO(picture)).format


def test_fhir_is_that_of_the_reading_itself(web, shown, reader):
    """Identifiers and values are those of `hilum read --out`, though the pixels are not kept."""
    bundle = json.loads(reader.get(f"{shown.at}/reading.fhir").content)
    image = dcmread(BytesIO(web.pacs.fetch(shown.job.reference)))
    when = datetime.fromisoformat(bundle["timestamp"])
    again = fhir(pipeline.process(image, model()).reading, when=when, settings=web.settings.report)

    assert again == bundle


@pytest.mark.parametrize(
    "path",
    ["reading.exe", "results/1.2.3.dcm", "results/1.2.3.exe", "../nowhere/maps.json", "pixelz"],
)
def test_nothing_else_is_there(shown, reader, path):
    """Least of all other objects of the PACS."""
    assert 404 == reader.get(f"{shown.at}/{path}").status_code


def test_image_of_another_study_is_not_found(shown, reader):
    """Addresses are not mixed."""
    assert 404 == reader.get(f"/studies/1.2.3/images/{shown.image}/maps.json").status_code
    assert 404 == reader.get("/studies/1.2.3").status_code


def test_refused_image_is_shown_with_its_reasons(web, reader):
    """And with no finding."""
    shown = arrive(web, chest())
    settle(web, shown, State.REFUSED, reasons=(Reason("not_frontal", "it is a lateral view"),))
    text = reader.get(shown.path).text

    assert "it is a lateral view" in text
    assert "Findings were not assessed." in text
    assert 'class="pick"' not in text
    assert 200 == reader.get(f"{shown.at}/quick.jpg").status_code
    assert 404 == reader.get(f"{shown.at}/maps.json").status_code


def test_refused_image_says_why_in_the_visitors_language(web):
    """Whatever the language of the reports; and says once that it was not analyzed."""
    shown = arrive(web, chest())
    (reason,) = judge(make_radiograph(ViewPosition="LL"), GateSettings()).objections[:1]
    settle(web, shown, State.REFUSED, reasons=(reason,))
    with open_page(web) as page:
        client = page.signed_in(Role.READER, "bo", language="pt-BR")
        study, worklist = (client.get(path).text for path in (shown.path, "/?state=refused"))

    assert "não é incidência frontal: View Position é LL" in study
    assert 1 == study.partition("<main")[2].count(">Não analisada<") - 1  # and the strip's tile
    assert "não é incidência frontal: View Position é LL" in worklist


def test_report_that_cannot_be_shown_is_named(web, reader, monkeypatch):
    """It is no finding: the image is not analyzed."""
    shown = arrive(web, chest())
    before = reader.get(shown.path).text
    monkeypatch.setattr(EarlierReports, "references", lambda *_: ["a report"])
    after = reader.get(shown.path).text

    said = "The PACS holds another report on this image that says it is by hilum."

    assert (False, True) == (said in before, said in after)
    assert "Not analyzed" in before
    assert "Not analyzed" in after
    assert "Analyzed elsewhere" not in after


def test_image_that_is_gone_says_so(web, reader):
    """The PACS no longer has it."""
    shown = write_down(web, chest(), "0-0-0-0-0")

    assert 404 == reader.get(f"{shown.at}/pixels").status_code
    assert 404 == reader.get(f"{shown.at}/small.webp").status_code


def test_other_studies_of_the_patient_make_a_course(web, reader):
    """Of what the same model read."""
    first, second = chest(3, ()), chest(3, ("effusion",))
    for image, day in ((first, "20200101"), (second, "20210101")):
        image.StudyDate = day
        image.StudyInstanceUID = image.SOPInstanceUID = f"1.2.{day}"
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        shown = add_read(web, image)
    text = reader.get(shown.path).text

    assert 'href="/studies/1.2.20200101"' in text
    assert 'class="course"' in text
    assert "Jan 1, 2020: 0." in text


def test_review_is_stored_in_the_pacs_and_counted(web, shown, reader):
    """As a report with the reader as observer and the model's report as predecessor."""
    answer = give(
        reader,
        shown,
        **{"answer.Effusion": "absent", "answer.Nodule": "present"},
        missing="rib notching; ; calcified node",
        comment=" seen with\nDr. B ",
    )

    assert 303 == answer.status_code
    with web.database.look() as connection:
        (given,) = reviews.on_image(connection, web.archive, shown.job.uids)
        study = worklist.row(connection, web.archive, shown.study)
    assert study is not None
    assert Rank.REVIEWED == study.rank
    assert ("rib notching", "calcified node") == given.missing
    (stored,) = web.pacs.find_objects(given.report)
    report = dcmread(BytesIO(web.pacs.fetch(stored)))
    assert REVIEW_TITLE == report.ConceptNameCodeSequence[0].CodeValue
    named = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert (
        shown.answer.results[-1].sop_instance_uid
        == named.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    )
    assert shown.study == report.StudyInstanceUID
    assert ("ana", "review.submitted") in trail(web)
    text = reader.get(shown.path).text
    assert "seen with" in text
    assert "calcified node" in text


def test_same_form_twice_is_one_review(web, shown, reader):
    """A double click, or a page that is sent again."""
    text = reader.get(shown.path).text
    data = {"csrf": csrf_in(text), "key": "once", "answer.Mass": "unsure"}
    for _ in range(2):
        assert 303 == reader.post(f"{shown.at}/review", data=data).status_code

    with web.database.look() as connection:
        assert 1 == len(reviews.on_image(connection, web.archive, shown.job.uids))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"answer.Mass": "maybe"},
        {"answer.Mass": "agree"},
        {"answer.Gout": "present"},
        {"answer.": "present"},
        {"answer.Mass": ["present", "absent"]},
        {"answer.Mass": "absent", "missing": "rib notching; MASS"},
        {"missing": "Derrame pleural"},
        {"missing": "pleural  effusion"},
        {"comment": "  "},
    ],
)
def test_empty_unknown_and_contradictory_answers_are_refused(web, shown, reader, fields):
    """Nothing is stored."""
    assert 422 == give(reader, shown, **fields).status_code
    with web.database.look() as connection:
        assert [] == reviews.on_image(connection, web.archive, shown.job.uids)


def test_review_without_a_pacs_is_not_counted(tmp_path, web, shown):
    """It says so, and can be given again."""
    with open_web_context(tmp_path / "away", tools=web.tools) as away:
        object.__setattr__(away, "database", web.database)
        with open_page(away) as page:
            client = page.signed_in(Role.READER, "bo")
            answer = give(client, shown, comment="x")

    assert 502 == answer.status_code
    with web.database.look() as connection:
        assert [] == reviews.on_image(connection, web.archive, shown.job.uids)


def test_review_says_what_was_agreed(shown, reader):
    """Of what is below the operating point that it is not there; the next form is empty again."""
    give(reader, shown, **{"answer.Effusion": "absent", "answer.Mass": "absent"})
    text = reader.get(shown.path).text

    assert "<dt>Agree</dt><dd>no mass</dd>" in text
    assert "<dt>Disagree</dt><dd>no pleural effusion</dd>" in text
    assert " checked" not in text.partition("data-review")[2].partition("</form>")[0]


def test_agreement_and_export(web, shown, reader):
    """By finding and month on the page, line by line in the CSV."""
    assert "No reviews yet" in reader.get("/reviews").text
    give(reader, shown, **{"answer.Effusion": "present", "answer.Mass": "present"})
    text = reader.get("/reviews").text
    lines = list(csv.DictReader(StringIO(reader.get("/reviews.csv").text)))

    assert "Pleural effusion" in text
    assert [
        ("Effusion", "present", "true", "true", "false", "true"),
        ("Mass", "present", "false", "false", "false", "true"),
    ] == [
        tuple(line[n] for n in ("label", "answer", "agrees", "positive", "unaided", "counts"))
        for line in lines
    ]
    assert ("ana", "reviews.exported") in trail(web)


def test_demonstration_says_its_doubts_in_the_readers_language(web, monkeypatch):
    """As the node's records have them; the kept document is in the language of the reports."""
    turned = upside_down(phantom.make(500_009, findings=(), size=256).dataset)
    uids = add_read(web, turned).job.uids
    image = DemoImage("turned", "turned", Path("turned.dcm"), Route.REST, uids)
    node = SimpleNamespace(
        database=web.database, archive=web.archive, pacs=web.pacs, pause=time.sleep
    )

    shown = run.settled(SimpleNamespace(context=node), image)

    monkeypatch.setenv("LANGUAGE", "pt_BR")
    assert "aviso:        imagem incomum" in line(shown)
