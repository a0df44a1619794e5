"""What is in the PACS already is queued study by study, after what arrives now."""

import os
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from hilum.cli import main
from hilum.node.backfill import Backfill, BackfillQuery
from hilum.records.states import State, Urgency
from node_tools import Bench, send
from orthanc_server import OrthancServer

pytestmark = pytest.mark.orthanc

EVERYTHING = BackfillQuery(None, None, ("CR", "DX"))


@pytest.fixture
def node(bench) -> Bench:
    """Return a node that passes over what is in the PACS already."""
    return bench(start_at="now")


def queue_all(node: Bench, wanted: BackfillQuery = EVERYTHING) -> int:
    return sum(Backfill(node.context, wanted).run())


def test_old_images_are_read_after_new_ones(pacs, node):
    """They wait in the same queue, with a day's grace for what arrives meanwhile."""
    old = send(pacs)
    node.work()
    assert {} == node.counts()
    assert 1 == queue_all(node)
    assert Urgency.BACKFILL is node.entry(old).urgency
    node.work()

    assert [old] == node.recorder.seen


def test_second_backfill_finds_nothing_to_do(pacs, node):
    """What was read is left alone, and so are results of ours."""
    send(pacs)
    node.follow()
    queue_all(node)
    node.work()

    assert 0 == queue_all(node)
    assert {State.STORED: 1} == node.counts()


def test_again_reads_what_was_read(pacs, node):
    """With --again each image is a new run."""
    uid = send(pacs)
    node.follow()
    queue_all(node)
    node.work()
    again = BackfillQuery(None, None, ("CR", "DX"), again=True)

    assert 1 == queue_all(node, again)
    assert 2 == node.entry(uid).run
    node.work()
    assert [uid, uid] == node.recorder.seen


@pytest.mark.parametrize(
    "wanted",
    [
        BackfillQuery(date(2024, 1, 1), date(2024, 12, 31), ("DX",)),
        BackfillQuery(date(2024, 1, 1), None, ("DX",)),
        BackfillQuery(None, None, ("CR",)),
        BackfillQuery(None, None, ("CR", "DX"), "1.2.3.4"),
    ],
)
def test_only_what_was_asked_for_is_queued(pacs, node, wanted):
    """By study date, modality, or study."""
    first = {"StudyDate": "20240615", "Modality": "DX", "StudyInstanceUID": "1.2.3.5"}
    chosen = {
        "CR": {**first, "Modality": "CR", "StudyDate": "20200101"},
        "1.2.3.4": {**first, "StudyInstanceUID": "1.2.3.4", "StudyDate": "20200101"},
    }
    key = wanted.study_instance_uid or ("CR" if wanted.modalities == ("CR",) else "")
    uid = send(pacs, **chosen.get(key, first))
    send(pacs, StudyDate="20190101", Modality="DX", StudyInstanceUID="1.2.3.6")
    node.follow()
    queue_all(node, wanted)
    with node.database.look():
        jobs = node.jobs()

    assert [uid] == [job.uids.sop_instance_uid for job in jobs]


def test_broken_backfill_goes_on_where_it_stopped(pacs, node):
    """Asked for again in the same words, it does not begin anew."""
    for _ in range(3):
        send(pacs)
    node.follow()
    first = Backfill(node.context, EVERYTHING)
    next(first.run())
    second = Backfill(node.context, EVERYTHING)

    assert (3, 2) == (len(first.left), len(second.left))
    assert 2 == sum(second.run())
    assert 3 == second.progress.images
    assert 3 == len(Backfill(node.context, EVERYTHING).left)  # finished: the next one is new


def test_command_queues_and_says_so(
    pacs, tmp_path: Path, empty_orthanc: OrthancServer, monkeypatch
):
    """`hilum backfill` works beside a node or without one, and tells what it did."""
    send(pacs)
    values = {
        "HILUM_SETTINGS": os.devnull,
        "HILUM_DATA_FOLDER": str(tmp_path),
        "HILUM_PACS__URL": empty_orthanc.url,
        "HILUM_PACS__USERNAME": empty_orthanc.username,
        "HILUM_PACS__PASSWORD": empty_orthanc.password,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(main, ["backfill"])

    assert "study 1 of 1: 1 image queued" in done.stdout
    assert "1 image of 1 study." in done.stdout
    assert " Waiting " in CliRunner().invoke(main, ["jobs"]).stdout
    assert (
        2
        == CliRunner()
        .invoke(main, ["backfill", "--since", "2024-02-01", "--until", "2024-01-01"])
        .exit_code
    )
    unknown = CliRunner().invoke(main, ["backfill", "--study", "1.2.3"])
    assert (1, True) == (unknown.exit_code, "no study 1.2.3" in unknown.stderr)
