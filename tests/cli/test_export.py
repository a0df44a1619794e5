"""``hilum export`` on files: look, release, export; without a node."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from export_tools import everything_in, only_image
from hilum.cli import main
from hilum.files.held import held
from radiographs import dicom_file, make_radiograph


@pytest.fixture
def hilum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return what runs the command, with a data folder and two images of its own."""
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path / "data"))
    folder = tmp_path / "images"
    folder.mkdir()
    for number, modality in enumerate(("DX", "DX", "MG")):
        image = make_radiograph(Modality=modality, AccessionNumber=f"ACCESSION{number}")
        (folder / f"{number}.dcm").write_bytes(dicom_file(image))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["export", *arguments])

    return run


def test_nothing_leaves_before_somebody_has_looked(hilum, tmp_path: Path):
    """The sheet shows what may leave; only what is then released does, in the end."""
    images, sheet, out = (str(tmp_path / name) for name in ("images", "sheet.html", "out"))
    early = hilum("run", out, "--from", images)
    assert 0 == early.exit_code, early.output
    assert "Exported 0 images" in early.output
    shown = hilum("review", "--from", images, "--sheet", sheet)
    page = Path(sheet).read_text()
    names = re.findall(r"<code>(I[A-Z2-7]+)</code>", page)
    decided = hilum("review", "--from", images, "--keep-back", names[0], "--release-rest")
    late = hilum("run", out, "--from", images)

    assert "2 images to look at" in shown.output
    assert "Modality is neither CR nor DX" in shown.output
    assert 0o600 == Path(sheet).stat().st_mode & 0o777
    assert 2 == page.count("data:image/jpeg;base64,")
    assert "Released: 1. Kept back: 1." in decided.output
    assert "1 image not exported: kept_back" in late.output
    assert "Exported 1 image to" in late.output
    path, _ = only_image(Path(out))
    assert names[1] == path.stem
    assert "ACCESSION" not in str(everything_in(Path(out)))
    assert "0 images to look at" in hilum("review", "--from", images, "--sheet", sheet).output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["review"], "Give --sheet FILE"),
        (["review", "--sheet", "x", "--release-rest"], "Give --sheet FILE"),
        (["run", "out", "--since", "2024-02-01", "--until", "2024-01-01"], "before --since"),
        (["run", "out", "--from", ".", "--reviewed"], "--from exports all files"),
        (["run", "out", "--json", "x.json"], "--json belongs to --from"),
        (["run", "out", "--from", "nowhere"], "does not exist"),
        (["run", "out", "--from", ".", "--key", "nowhere"], "There is no key"),
        (["review", "--from", ".", "--release", "IXYZ"], "is on no contact sheet"),
        (["reidentify", "PXYZ"], "There is no key"),
    ],
    ids=str,
)
def test_mistakes_are_said_in_one_line(hilum, tmp_path: Path, monkeypatch, arguments, said: str):
    """And nothing is written."""
    monkeypatch.chdir(tmp_path)
    answer = hilum(*arguments)

    assert answer.exit_code
    assert said in answer.output
    assert "Traceback" not in answer.output
    assert not Path("out").exists()


def test_two_exports_do_not_write_into_one_folder(hilum, tmp_path: Path):
    """The second says so at once, and changes nothing."""
    with held(tmp_path / "out"):
        answer = hilum("run", str(tmp_path / "out"), "--from", str(tmp_path / "images"))

    assert answer.exit_code
    assert "Another hilum writes results into" in answer.output
    assert [] == list((tmp_path / "out").iterdir())


def test_an_unknown_pseudonym_is_said(hilum, tmp_path: Path):
    """The key is there, the records know nothing."""
    hilum("review", "--from", str(tmp_path / "images"), "--sheet", str(tmp_path / "s.html"))
    answer = hilum("reidentify", "PXYZ")

    assert 1 == answer.exit_code
    assert "is no pseudonym of this key" in answer.output
