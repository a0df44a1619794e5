"""The whole way, out of a real Orthanc: read, look, release, export."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from hilum.cli import main
from hilum.files import dicom
from hilum.records.accounts import Role
from orthanc_server import OrthancServer
from page_studies import arrive, chest, open_demonstration, read
from planted_identifiers import Planted, left_in
from web_context import csrf_in, open_page

pytestmark = pytest.mark.orthanc


def test_released_image_and_its_reports_leave_a_real_archive(
    tmp_path: Path, empty_orthanc: OrthancServer, monkeypatch: pytest.MonkeyPatch
):
    """By page and command; an archive takes them as another study, no word of the first is left."""
    made = Planted(chest())
    image, data, out = made.image, tmp_path / "data", tmp_path / "out"
    for keyword in ("PatientName", "PatientID", "AccessionNumber", "ImageComments"):
        setattr(image, keyword, made.word(keyword))
    data.mkdir(mode=0o700)
    with open_demonstration(data, empty_orthanc) as opened:
        web = replace(opened, archive=empty_orthanc.url)
        shown = read(web, image, arrive(web, image))
        before = web.pacs.size()
        with open_page(web) as page:
            operator = page.signed_in(Role.OPERATOR)
            value = operator.get("/export").text.partition('name="chosen" value="')[2]
            form = {"decision": "released", "chosen": value.partition('"')[0]}
            operator.post("/export", data={**form, "csrf": csrf_in(operator.get("/export").text)})
        for name, setting in {
            "DATA_FOLDER": str(data),
            "MODEL__NAME": "demonstration",
            "PACS__URL": empty_orthanc.url,
            "PACS__USERNAME": empty_orthanc.username,
            "PACS__PASSWORD": empty_orthanc.password,
        }.items():
            monkeypatch.setenv(f"HILUM_{name}", setting)
        told = CliRunner().invoke(main, ["export", "run", str(out), "--heatmaps", "--png"])
        assert 0 == told.exit_code, told.output
        said = json.loads((out / "manifest.json").read_text())
        files = {name: (out / name).read_bytes() for name in said["files"]}
        assert before == web.pacs.size()
        written = [dicom.parse(file, name=n) for n, file in files.items() if n.endswith(".dcm")]
        stored = [web.pacs.store(each).reference for n, each in files.items() if ".dcm" in n]

    assert (True, 1, 1) == (said["complete"], said["images"], said["readings"])
    assert ["CR", "OT", "SR", "SR"] == sorted(each.Modality for each in written)
    assert 4 == len(set(stored))
    assert 1 == len({each.StudyInstanceUID for each in written} - {shown.study})
    assert {} == {n: left for n, each in files.items() if (left := left_in(made.secrets, each))}
