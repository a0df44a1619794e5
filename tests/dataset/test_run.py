"""A dataset run reads every source once, whatever its workers do."""

from collections import deque

import pytest

from hilum.dataset.engine import ShardEnd
from hilum.dataset.parts import DatasetRun, read_results
from hilum.dataset.record import row_of
from hilum.dataset.run import DatasetWriter, Tally, read_before, read_shards
from hilum.dataset.shards import SourceList, batches
from hilum.eligibility import Reason
from hilum.errors import AlreadyRunning, SourceUnreadable, WorkersDied
from hilum.files.candidate import Candidate, unreadable
from hilum.files.held import held
from hilum.outcome import Outcome, Status

RUN = DatasetRun((), {"model": "m", "operating_points": {}})
ABOUT = {
    "pixel_pipeline": "display",
    "model": "m",
    "model_version": "1",
    "model_sha256": "ab",
    "model_verified": True,
    "demonstration": False,
    "operating_points": "default",
    "hilum_version": "1",
}


def source(name) -> Candidate:
    """Return a source that only has a name."""
    return unreadable(SourceUnreadable("{name} is gone.", "Look.", name=name), name=str(name))


class ScriptedEngine:
    """Reads as told.

    Parameters
    ----------
    poison
        Sources that end whatever process reads them.
    deaths
        How many shards end their process first, whatever is in them.
    last
        After so many shards the run is killed.
    """

    def __init__(self, poison=(), *, deaths=0, last=None, room=2):
        self.poison, self.deaths, self.last, self.room = set(poison), deaths, last, room
        self.queue = deque()
        self.most = 0

    def submit(self, shard):
        self.queue.append(shard)
        self.most = max(self.most, len(self.queue))

    def wait(self):
        shard = self.queue.pop()
        names = [candidate.name for candidate in shard.candidates()]
        if self.last is not None and not self.last:
            raise KeyboardInterrupt
        if self.deaths or self.poison & set(names):
            self.deaths = max(0, self.deaths - 1)
            return ShardEnd(shard, None)
        if self.last is not None:
            self.last -= 1
        reason = (Reason("modality", "no radiograph"),)
        outcomes = [Outcome(name, Status.REFUSED, reasons=reason) for name in names]
        return ShardEnd(shard, [row_of(outcome, None, ABOUT) for outcome in outcomes])


def read_with(engine, folder, names, size=64, **asked):
    """Read sources; return how it went."""
    tally = Tally()
    known = SourceList(read_before(folder, RUN, tally, **asked))
    shards = list(batches(known.left(map(source, names)), size))
    tally.total = tally.done + sum(shard.count for shard in shards)
    read_shards(shards, engine, DatasetWriter(folder, RUN, tally, ABOUT), lambda _: None)
    return tally


def rows_in(folder):
    """Return path and status of each row, by path."""
    columns = read_results(folder, ["path", "status"])
    return sorted(zip(columns["path"], columns["status"], strict=True))


NAMES = [f"{number:04}" for number in range(300)]


def test_every_source_has_one_row(tmp_path):
    """However many shards they are in."""
    tally = read_with(ScriptedEngine(), tmp_path, NAMES)

    assert [(name, "refused") for name in NAMES] == rows_in(tmp_path)
    assert 300 == tally.done == tally.total


def test_workers_are_not_given_more_than_they_take(tmp_path):
    """Ten million shards do not wait in a scheduler."""
    engine = ScriptedEngine(room=3)
    read_with(engine, tmp_path, NAMES[:64], size=8)

    assert 3 == engine.most


def test_source_that_ends_its_process_is_one_failed_row(tmp_path):
    """Those beside it are read."""
    read_with(ScriptedEngine({"0007", "0100"}), tmp_path, NAMES[:128])
    rows = rows_in(tmp_path)

    assert ["0007", "0100"] == [name for name, status in rows if status == "failed"]
    assert NAMES[:128] == [name for name, _ in rows]


def test_source_whose_worker_was_taken_away_is_not_blamed(tmp_path):
    """A queue that takes a machine back ends workers whatever they read."""
    read_with(ScriptedEngine(deaths=3), tmp_path, NAMES[:8], size=1)

    assert {"refused"} == {status for _, status in rows_in(tmp_path)}


def test_workers_that_always_die_end_the_run(tmp_path):
    """It is not the images, and nothing says that they failed."""
    with pytest.raises(WorkersDied):
        read_with(ScriptedEngine(NAMES), tmp_path, NAMES[:32])


def test_killed_run_goes_on_where_it_was(tmp_path):
    """What was written is not read again, the rest is, each once."""
    with pytest.raises(KeyboardInterrupt):
        read_with(ScriptedEngine(last=3), tmp_path, NAMES)
    written = len(rows_in(tmp_path))
    tally = read_with(ScriptedEngine(), tmp_path, NAMES)

    assert (written, 300) == (tally.before, tally.done)
    assert NAMES == [name for name, _ in rows_in(tmp_path)]


def test_failed_sources_are_read_again_when_asked(tmp_path):
    """Only they, each with one row at the end; without the option they stay failed."""
    names = NAMES[:40]
    read_with(ScriptedEngine({"0007", "0030"}), tmp_path, names)
    assert 40 == read_with(ScriptedEngine(), tmp_path, names).before
    tally = read_with(ScriptedEngine({"0030"}), tmp_path, names, retry_failed=True)
    rows = rows_in(tmp_path)

    assert (38, 40) == (tally.before, tally.done)
    assert names == [name for name, _ in rows]
    assert ["0030"] == [name for name, status in rows if status == "failed"]


def test_run_goes_on_when_the_dataset_has_grown(tmp_path):
    """Only what is new is read, although the shards would fall otherwise."""
    read_with(ScriptedEngine(), tmp_path, NAMES[10:])
    tally = read_with(ScriptedEngine(), tmp_path, NAMES, size=50)

    assert 290 == tally.before
    assert NAMES == [name for name, _ in rows_in(tmp_path)]


def test_source_named_twice_is_read_once():
    """It is counted for the line that says so."""
    known = SourceList()
    left = list(known.left(map(source, ["a", "b", "a"])))

    assert (["a", "b"], 1) == ([candidate.name for candidate in left], known.twice)


def test_two_runs_do_not_write_into_one_folder(tmp_path):
    """The second says so at once."""
    with held(tmp_path), pytest.raises(AlreadyRunning), held(tmp_path):
        pass


def test_time_left_is_of_this_run_alone():
    """What was read before took no time now."""
    tally = Tally(total=300, before=100, began=0.0)
    tally.counts[Status.READ] = 200

    assert tally.left_s == pytest.approx(100 / tally.rate)
