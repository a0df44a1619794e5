"""The JSON document of ``hilum read`` is never half a document."""

import json
from contextlib import suppress
from pathlib import Path

import pytest

from hilum.dataset.journal import ReadingJournal
from hilum.errors import SourceUnreadable

HEAD = {"schema": "hilum.reading/1", "model": {"sha256": "ab"}}


def test_finished_journal_is_one_document(tmp_path):
    """Head and rows come back as one JSON object, in the order in which they were read."""
    path = tmp_path / "readings.json"
    with ReadingJournal(path, HEAD) as journal:
        journal.append("a", {"path": "a.dcm"})
        journal.append("b", {"path": "é.dcm"})
        journal.finish()

    assert HEAD | {"readings": [{"path": "a.dcm"}, {"path": "é.dcm"}]} == json.loads(
        path.read_text(encoding="utf-8")
    )
    assert [path] == list(tmp_path.iterdir())


def test_document_without_rows_is_valid(tmp_path):
    """Nothing to read still gives a document."""
    path = tmp_path / "readings.json"
    with ReadingJournal(path, HEAD) as journal:
        journal.finish()

    assert [] == json.loads(path.read_text())["readings"]


def test_killed_journal_resumes_after_its_last_whole_row(tmp_path):
    """A row that was being written at the kill is read again; those before it are not."""
    path = tmp_path / "readings.json"
    with ReadingJournal(path, HEAD) as journal:
        journal.append("a", {"path": "a.dcm", "status": "read"})
    partial = journal.partial
    partial.write_bytes(partial.read_bytes() + b'{"key": "b", "row": {"pa')

    with ReadingJournal(path, HEAD) as again:
        assert {"a": "read"} == again.done
        again.append("b", {"path": "b.dcm"})
        again.finish()

    assert ["a.dcm", "b.dcm"] == [row["path"] for row in json.loads(path.read_text())["readings"]]


def test_rows_of_another_model_are_not_resumed(tmp_path):
    """A different head means different answers: every file is read anew."""
    path = tmp_path / "readings.json"
    with ReadingJournal(path, HEAD) as journal:
        journal.append("a", {"path": "a.dcm"})

    with ReadingJournal(path, HEAD | {"model": {"sha256": "cd"}}) as again:
        assert {} == again.done


def test_unwritable_place_is_one_clear_line(tmp_path):
    """A document that cannot be written stops before anything is read."""
    with pytest.raises(SourceUnreadable, match="cannot be written: No such file or directory"):
        ReadingJournal(tmp_path / "missing" / "readings.json", HEAD)


def test_partial_file_of_another_kind_is_not_resumed(tmp_path):
    """A file that happens to have the name of the partial one is no journal of ours."""
    path = tmp_path / "readings.json"
    path.with_name("readings.json.partial").write_text("not a journal\n")

    with ReadingJournal(path, HEAD) as journal:
        assert {} == journal.done


def test_rows_of_a_run_that_did_less_are_not_resumed(tmp_path):
    """Results that are to be stored now were not stored by a run that only read."""
    path = tmp_path / "readings.json"
    with ReadingJournal(path, HEAD, wanted={"store": False}) as journal:
        journal.append("a", {"path": "a.dcm"})

    with ReadingJournal(path, HEAD, wanted={"store": True}) as again:
        assert {} == again.done


def test_full_disk_keeps_the_rows_before(tmp_path, monkeypatch):
    """A row that finds no room is told; the run goes on after the rows that are there."""
    path = tmp_path / "readings.json"
    with ReadingJournal(path, HEAD) as journal:
        journal.append("a", {"path": "a.dcm", "status": "read"})
        with Path("/dev/full").open("w", encoding="utf-8") as full:
            monkeypatch.setattr(journal, "_file", full)
            with pytest.raises(SourceUnreadable, match="the same command"):
                journal.append("b", {"path": "b.dcm", "status": "read"})
            monkeypatch.undo()
            with suppress(OSError):
                full.close()

    with ReadingJournal(path, HEAD) as again:
        assert {"a": "read"} == again.done
