"""A result form is known in one place: who adds one there finds it on every surface."""

import json
import subprocess
import sys

import pytest

from hilum.encode.forms import FORMS, Form
from radiographs import dicom_file, make_radiograph

TOY = Form("toy", "Toy", "toy.txt", "application/x-toy", lambda of: of.outcome.status.encode())

WITH_TOY = """
from hilum.encode.forms import FORMS, Form
made = lambda of: of.outcome.status.encode()
FORMS["toy"] = Form("toy", "Toy", "toy.txt", "application/x-toy", made)
from hilum.cli.main import main
main()
"""
"""The command line with a form more."""


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Form:
    """Add a form."""
    monkeypatch.setitem(FORMS, TOY.name, TOY)
    return TOY


def test_page_offers_and_makes_every_form(shown, reader, toy):
    """The menu has a line for each, and each leads to a file of its media type."""
    text = reader.get(shown.path).text
    for form in FORMS.values():
        answer = reader.get(f"{shown.at}/reading.{form.name}")

        assert f"/reading.{form.name}?" in text
        assert f"({form.title})" in text
        assert (200, form.media_type) == (answer.status_code, answer.headers["content-type"])
        assert f'{shown.image}.{form.suffix}"' in answer.headers["content-disposition"]
    assert "read" == reader.get(f"{shown.at}/reading.{toy.name}").text


@pytest.mark.usefixtures("toy")
def test_api_answers_in_every_form(shown, reader):
    """With the page's bytes."""
    for form in FORMS.values():
        asked = f"/api/v1/images/{shown.image}/reading.{form.name}"

        assert reader.get(f"{shown.at}/reading.{form.name}").content == reader.get(asked).content
    assert 404 == reader.get(f"/api/v1/images/{shown.image}/reading.exe").status_code


def test_plain_text_of_a_kept_reading_names_the_image(shown, reader):
    """Although a reading is kept without its header."""
    assert shown.image in reader.get(f"{shown.at}/reading.text").text


def test_command_line_takes_and_writes_every_form(tmp_path):
    """`hilum read --form` knows it, and --out writes all without being asked."""
    (tmp_path / "chest.dcm").write_bytes(dicom_file(make_radiograph(QualityControlImage="YES")))

    def read(*options: str) -> set[str]:
        named = ("read", "chest.dcm", "--model", "demonstration", "--out", options[0])
        done = subprocess.run(
            [sys.executable, "-c", WITH_TOY, *named, *options[1:]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert 0 == done.returncode, done.stderr
        written = {path.name for path in (tmp_path / options[0]).iterdir()}
        return {name for name in written if not name.endswith((".dcm", ".png"))}

    everything = {f"chest.{form.suffix}" for form in (*FORMS.values(), TOY)}

    assert everything == read("all")
    assert {"chest.toy.txt", "chest.findings.json"} == read("some", "--form=toy", "--form=json")
    document = json.loads((tmp_path / "all" / "chest.findings.json").read_text(encoding="utf-8"))
    assert "chest.dcm" == document["readings"][0]["path"]
