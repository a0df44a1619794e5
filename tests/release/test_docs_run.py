"""The documentation's commands, run one after the other as a reader would give them.

What needs the network, another archive or a file of one's own is only parsed, in `test_docs`.
"""

import csv
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from hilum import phantom
from hilum.cli.main import main
from orthanc_server import OrthancServer
from release.test_docs import FENCED, ROOT, calls
from web_context import PASSWORD

PAGES: Final = (
    *("README.md", "README.pt-BR.md", "docs/evaluation.md", "docs/pt/evaluation.md"),
    *("docs/models.md", "docs/phantoms.md", "docs/macos.md", "docs/pt/macos.md"),
    *("docs/constancy.md", "docs/page.md"),
)

ELSEWHERE: Final = {
    "models pull": "fetches from the network",
    "models add": "needs weights of one's own: tests/predict",
    "--to ORTHANC@": "needs another archive: tests/pacs",
    "demo ": "takes half a minute: tests/acceptance",
    "models verify": "needs a model that was fetched: tests/cli",
    "selftest": "needs a node: tests/quality",
}
"""Part of a command that is not run here, and why."""

FOLDERS: Final = ("images", "imagens", "folder", "pasta")
LABELS: Final = ("labels.csv", "rotulos.csv")
COUNT: Final = 60
SIDE: Final = 96


@pytest.fixture(scope="module")
def radiographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return phantoms, every other one with an effusion, and a CSV that says which."""
    folder = tmp_path_factory.mktemp("radiographs")
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "Effusion"])
        for number in range(COUNT):
            findings = ["effusion"] if number % 2 else []
            made = phantom.make(number, findings=findings, size=SIDE)
            made.dataset.save_as(folder / f"{number:03}.dcm", enforce_file_format=True)
            rows.writerow([f"{number:03}.dcm", number % 2])
    return folder


@pytest.fixture
def place(
    radiographs: Path, tmp_path: Path, empty_orthanc: OrthancServer, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Return a folder with what the pages speak of, and settings of a site's own."""
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        for each in radiographs.glob("*.dcm"):
            (tmp_path / name / each.name).symlink_to(each)
    for name in LABELS:
        (tmp_path / name).symlink_to(radiographs / "labels.csv")
    monkeypatch.chdir(tmp_path)
    settings = {
        "DATA_FOLDER": str(tmp_path / "data"),
        "MODEL__NAME": "demonstration",
        "GATE__MIN_SIDE": str(SIDE),
        "PACS__URL": empty_orthanc.url,
        "PACS__USERNAME": empty_orthanc.username,
        "PACS__PASSWORD": empty_orthanc.password,
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"HILUM_{name}", value)
    for name in ("ana", "rui"):
        adding = ["users", "add", name, "--role", "viewer"]
        done = CliRunner().invoke(main, adding, input=f"{PASSWORD}\n{PASSWORD}\n")
        assert 0 == done.exit_code, done.output
    return tmp_path


def blocks(page: str) -> Iterator[str]:
    """Yield the commands of a page's blocks that can be run here."""
    text = "".join(
        f"```\n{block}```\n" for block in FENCED.findall((ROOT / page).read_text("utf-8"))
    )
    for call in calls(text):
        if (
            "…" not in call
            and "..." not in call
            and not any(part in f"{call} " for part in ELSEWHERE)
        ):
            yield call


def words(call: str, place: Path) -> list[str]:
    """Return a command's arguments; what evaluation called a file is looked up."""
    named = next(place.glob("evaluation/site@*.json"), None)
    return [
        str(named) if "site@" in word else word for word in shlex.split(call.partition("  ")[0])
    ]


@pytest.mark.orthanc
@pytest.mark.parametrize("page", PAGES)
def test_each_command_of_a_page_works(page: str, place: Path):
    """In the page's order, in one folder."""
    given = list(blocks(page))
    failed = {}
    for call in given:
        done = CliRunner().invoke(main, words(call, place))
        if done.exit_code:
            failed[call] = done.output

    assert given
    assert not failed
