"""A period of a PACS as a source: each image copied once, and read."""

import shutil
from datetime import date

import pyarrow.parquet
import pytest
from click.testing import CliRunner

from hilum.cli.main import main
from hilum.dataset.pacs_copies import PacsCopies, PacsPeriod
from hilum.dataset.parts import read_results
from hilum.errors import PacsUnavailable, SettingInvalid
from hilum.settings import Settings
from hilum.settings.pacs import QuerySource
from query_peer import running_query_peer
from radiographs import make_radiograph

pytestmark = pytest.mark.filterwarnings(
    # pynetdicom leaves the socket of a refused connection to the collector
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    """Return DCMTK's server with two radiographs and a CT of January, and one of February."""
    with running_query_peer(tmp_path_factory.mktemp("dcmqrscp")) as running:
        running.keep(
            make_radiograph(StudyInstanceUID="1.9.1", StudyDate="20240105"),
            make_radiograph(StudyInstanceUID="1.9.2", StudyDate="20240106"),
            make_radiograph(StudyInstanceUID="1.9.2", StudyDate="20240106", Modality="CT"),
            make_radiograph(StudyInstanceUID="1.9.3", StudyDate="20240201"),
        )
        yield running


def copies(peer, folder, wait=lambda _: None):
    """Return what copies four days of January; DCMTK's server is asked politely."""
    source = QuerySource(name="MAIN", node=peer.node, images_per_minute=600.0, timeout_s=20)
    period = PacsPeriod(source, date(2024, 1, 4), date(2024, 1, 7))
    return PacsCopies(period, Settings.model_construct(), folder, wait)


def test_images_of_the_period_are_copied_once(peer, tmp_path):
    """Radiographs alone, at the rate of the settings; the second time nothing is asked for."""
    waited = []
    first, second = copies(peer, tmp_path, waited.append), copies(peer, tmp_path)

    assert [1, 1] == list(first.run())
    assert [0.1, 0.1] == waited
    assert 2 == len(list(first.folder.rglob("*.dcm")))
    assert [] == list(second.run())


def test_image_that_is_missing_is_fetched_again(peer, tmp_path):
    """As after a run that was broken off within a day."""
    first = copies(peer, tmp_path)
    list(first.run())
    shutil.rmtree(first.folder / "20240105")
    (tmp_path / "_copied" / first.folder.name / "20240105").unlink()

    assert [1] == list(copies(peer, tmp_path).run())


def test_study_that_does_not_come_leaves_its_day_open(peer, tmp_path, monkeypatch):
    """The others come; the same command asks for it again."""
    first = copies(peer, tmp_path)
    get = first._remote.get
    monkeypatch.setattr(
        first._remote, "get", lambda images, keep: images[0][0] == "1.9.1" or get(images, keep)
    )
    said = list(first.run())

    assert (PacsUnavailable, 1) == (type(said[0]), said[1])
    assert 1 == first.failed
    assert [1] == list(copies(peer, tmp_path).run())


def test_command_copies_and_reads(peer, tmp_path, data_folder):  # noqa: ARG001  the model
    """Every image has its row; the folder is still one table for whoever reads it as such."""
    out = tmp_path / "out"
    done = CliRunner().invoke(
        main,
        ["dataset", "run", f"pacs:{peer.node}/2024-01-04/2024-01-07", "--out", str(out)],
        env={"LANGUAGE": "C"},
    )

    assert 0 == done.exit_code, done.output
    assert "2 new images" in done.output
    assert 2 == len(read_results(out, ["path"])["path"])
    assert 2 == pyarrow.parquet.read_table(out).num_rows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pacs:", "names no period"),
        ("pacs:MAIN", "names no period"),
        ("pacs:MAIN/2024-02-30", "names no period"),
        ("pacs:MAIN/2024-02-02/2024-02-01", "names no period"),
        ("pacs:OTHER/2024-01-01", r"No table \[\[pacs.query\]\] has the name OTHER"),
        ("pacs:MOVES/2024-01-01", "C-MOVE"),
    ],
)
def test_what_names_no_period_is_one_line(text, said):
    """With how it is written."""
    known = [
        {"name": "MAIN", "node": "A@b:104"},
        {"name": "MOVES", "node": "A@b:104", "retrieve": "move"},
    ]
    settings = Settings.model_construct().changed("pacs", query=known)

    with pytest.raises(SettingInvalid, match=said):
        PacsPeriod.parse(text, settings)
