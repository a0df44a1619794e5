"""`hilum read --store`, as a person runs it, and the page of a node that has no model."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hilum.phantom import make
from hilum.records.accounts import Role
from node_tools import Bench
from orthanc_server import OrthancServer
from page_studies import open_demonstration
from radiographs import dicom_file
from web_context import Page, open_page

pytestmark = pytest.mark.orthanc

WORDS = {
    "en": ("Analyzed elsewhere", "Heatmaps are in the stored overlay.", "report received from"),
    "pt-BR": (
        "Analisada em outro lugar",
        "Os mapas de calor estão na imagem de resultado armazenada no PACS.",
        "relatório recebido de",
    ),
}


@pytest.fixture(params=[["effusion"], []], ids=["effusion", "normal"])
def phantom(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the file of a phantom, which the demonstration model may read anywhere."""
    image = make(5, findings=request.param, size=384).dataset
    image.QualityControlImage = "YES"
    path = tmp_path / "phantom.dcm"
    path.write_bytes(dicom_file(image))
    return path


@pytest.fixture
def page(tmp_path: Path, empty_orthanc: OrthancServer, phantom: Path, hilum: Any) -> Iterator[Page]:
    """Return the page of a node without a model, after an image came and was read by hand."""
    folder = tmp_path / "node"
    folder.mkdir()
    with (
        open_demonstration(folder, empty_orthanc) as web,
        open_page(web) as shown,
        empty_orthanc.client() as pacs,
    ):
        node = Bench(pacs, folder)
        node.follower.intake.held = True
        pacs.store(phantom.read_bytes())
        node.follow()
        done = hilum(
            "read",
            "--model",
            "demonstration",
            str(phantom),
            "--store",
            "--json",
            str(tmp_path / "read.json"),
            HILUM_PACS__URL=empty_orthanc.url,
            HILUM_PACS__USERNAME=empty_orthanc.username,
            HILUM_PACS__PASSWORD=empty_orthanc.password,
        )
        assert 0 == done.returncode, done.stderr
        assert "Stored 3 objects for 1 image" in done.stderr
        node.follow()
        node.close()
        yield shown


def findings_of(document: dict[str, Any]) -> list[tuple[str, float, float, bool]]:
    """Return what a document says, its scores as precisely as two forms of it agree."""
    return [
        (
            each["label"],
            round(each["score"], 5),
            round(each["operating_point"], 7),
            each["positive"],
        )
        for each in document["readings"][0]["findings"]
    ]


@pytest.mark.parametrize("language", WORDS)
def test_page_shows_what_was_stored_by_hand(page: Page, tmp_path: Path, language: str):
    """Findings, origin and links on the study's page; badge and counts in the worklist."""
    client = page.signed_in(Role.READER, "ana", language)
    wrote = json.loads((tmp_path / "read.json").read_text(encoding="utf-8"))
    positive = sum(each["positive"] for each in wrote["readings"][0]["findings"])
    listed = client.get("/").text
    (study,) = re.findall(r'class="open" href="(/studies/[^"]+)"', listed)
    text = client.get(study).text
    said, heatmaps, received = WORDS[language]

    assert f'<span class="badge state-elsewhere">{said}</span>' in listed
    assert "state-held" not in listed + text
    assert said in text
    assert heatmaps in text
    assert f"{received} " in text
    assert "data-maps" not in text
    assert len(wrote["readings"][0]["findings"]) == text.count('class="pick"')
    assert positive == text.count('<li class="one is-positive">')
    for path in re.findall(r'href="([^"]+)" download', text):
        answer = client.get(path.replace("&amp;", "&"))
        assert 200 == answer.status_code, path
    (document,) = re.findall(r'href="([^"]+reading\.json[^"]*)"', text)
    read = client.get(document).json()
    assert findings_of(wrote) == findings_of(read)
    assert wrote["model"] == read["model"]
    assert {"report", "at", "received_from"} == set(read["origin"])
    (overlay,) = re.findall(r'<img src="([^"]+)"[^>]*loading="lazy"></details>', text)
    assert "image/png" == client.get(overlay).headers["content-type"]
    assert 404 == client.get(document.replace("reading.json", "maps.json")).status_code
    assert 404 == client.get(document.replace("reading.json", "reading.fhir")).status_code


def test_findings_that_were_stored_by_hand_can_be_reviewed(page: Page):
    """By a reader, as those of the node itself."""
    client = page.signed_in(Role.READER, "ana")
    (study,) = re.findall(r'class="open" href="(/studies/[^"]+)"', client.get("/").text)
    text = client.get(study).text
    action = re.findall(r'action="([^"]+/review[^"]*)"', text)[0]
    fields = dict(re.findall(r'name="(csrf|key)" value="([^"]+)"', text))
    given = client.post(action, data={**fields, "answer.Effusion": "present"})

    assert 303 == given.status_code, given.text
    assert "ana" in client.get(study).text
