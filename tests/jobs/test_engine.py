"""Each job goes through its steps and settles once, whatever a step does."""

import logging
import threading

import pytest
from sqlalchemy import select

from hilum.errors import AlreadyRunning, DatabaseUnavailable
from hilum.jobs.dbos_tables import workflows
from hilum.jobs.pause import Pause
from hilum.jobs.workflow import Remembering
from hilum.records.states import State
from job_tools import Steps, all_settled, arrive, engine_of, entry, until


def test_every_job_settles_once(database):
    """Each step of each image is done once, also when the job was added twice."""
    steps = Steps(database)
    with engine_of(database, steps.named()) as engine:
        for number in range(8):
            job = arrive(database, engine.queue, f"1.{number}")
            with database.transaction() as connection:
                engine.queue.enqueue(connection, job, "routine", entry(database, "1.0").arrived)
        engine.launch()
        until(lambda: all_settled(database), engine)
        until(lambda: not engine.active)

    assert {1} == set(steps.done.values())
    assert 24 == len(steps.done)
    assert "2026-01-02T03:04:05+00:00" == steps.states["1.0"]["when"]


def test_end_goes_to_the_last_step(database):
    """A step that names an end is the last but the one that settles."""

    def refuse(_job, _memo):
        return {"end": "refused", "reasons": [["not_frontal", "a lateral view", ""]]}

    steps = Steps(database)
    with engine_of(
        database, {"gate": refuse, "work": steps.work, "settle": steps.settle}
    ) as engine:
        arrive(database, engine.queue, "1.1")
        engine.launch()
        until(lambda: all_settled(database), engine)

    assert {("settle", "1.1"): 1} == steps.done
    assert (State.REFUSED, "not_frontal") == (
        entry(database, "1.1").state,
        entry(database, "1.1").reasons[0].code,
    )


def test_fault_of_ours_ends_as_one(database, caplog):
    """A bug in a step fails its image, by the step that settles, and no value is quoted."""

    def broken(_job, _memo):
        raise KeyError("DOE^JANE")

    steps = Steps(database, broken)
    with engine_of(database, steps.named()) as engine:
        arrive(database, engine.queue, "1.1")
        engine.launch()
        until(lambda: all_settled(database), engine)
    (reason,) = entry(database, "1.1").reasons

    assert (State.FAILED, "bug") == (entry(database, "1.1").state, reason.code)
    assert 1 == steps.done["settle", "1.1"]
    assert "KeyError" in reason.text
    assert "DOE" not in reason.text
    assert "DOE" not in "".join(record.getMessage() for record in caplog.records)


def test_fault_in_the_last_step_settles_the_image_too(database):
    """The engine writes the end itself when the step that does so has the bug."""

    def broken(_job, _memo):
        raise ZeroDivisionError

    with engine_of(database, {"settle": broken}) as engine:
        arrive(database, engine.queue, "1.1")
        engine.launch()
        until(lambda: all_settled(database), engine)

    assert (State.FAILED, "bug") == (
        entry(database, "1.1").state,
        entry(database, "1.1").reasons[0].code,
    )


def test_step_waits_while_the_database_is_away(database):
    """An error that passes is waited out in place, not written down as an end."""
    tries = []

    def away_once(_job, _memo):
        tries.append(1)
        if len(tries) == 1:
            raise DatabaseUnavailable("It is away.", "Wait.")
        return {}

    with engine_of(database, Steps(database, away_once).named()) as engine:
        arrive(database, engine.queue, "1.1")
        engine.launch()
        until(lambda: all_settled(database), engine)

    assert (State.STORED, 2) == (entry(database, "1.1").state, len(tries))


def test_step_that_waits_is_left_and_goes_on_in_the_next_process(database):
    """A stop while the archive is away takes no time, and what was done is not repeated."""
    pause, waiting = Pause(), threading.Event()

    def wait(_job, _memo):
        waiting.set()
        pause(3600)

    first = Steps(database, wait)
    with engine_of(database, first.named(), pause=pause) as engine:
        arrive(database, engine.queue, "1.1")
        engine.launch()
        assert waiting.wait(30)
        assert engine.drain(30)
    assert State.READING is entry(database, "1.1").state

    second = Steps(database)
    with engine_of(database, second.named()) as engine:
        engine.launch()
        until(lambda: all_settled(database), engine)

    assert {("work", "1.1"): 1, ("settle", "1.1"): 1} == second.done
    assert State.STORED is entry(database, "1.1").state


def test_only_steps_that_are_repeated_are_done_again_after_a_stop(database):
    """What a repeated step said is asked for anew; what came before it is remembered."""
    pause, waiting = Pause(), threading.Event()

    def wait(_job, _memo):
        waiting.set()
        pause(3600)

    first = Steps(database)
    ask = {"begin": first.begin, "ask": first.work, "wait": wait, "settle": first.settle}
    with engine_of(database, ask, pause=pause, remembering=Remembering(repeated={"ask"})) as engine:
        arrive(database, engine.queue, "1.1")
        engine.launch()
        assert waiting.wait(30)
        assert engine.drain(30)

    second = Steps(database)
    ask |= {"ask": second.work, "wait": lambda _job, _memo: {}, "settle": second.settle}
    with engine_of(database, ask, remembering=Remembering(repeated={"ask"})) as engine:
        engine.launch()
        until(lambda: all_settled(database), engine)

    assert {("begin", "1.1"): 1, ("work", "1.1"): 1} == first.done
    assert {("work", "1.1"): 1, ("settle", "1.1"): 1} == second.done


def test_joined_steps_are_remembered_together(database):
    """A stop in the second of two leaves both to be done again; once done, neither is."""
    pause, waiting = Pause(), threading.Event()

    def wait(_job, _memo):
        waiting.set()
        pause(3600)

    joined = Remembering(joined={"work"})
    first, second, third = Steps(database), Steps(database), Steps(database)
    steps = {"begin": first.begin, "work": wait, "wait": wait, "settle": first.settle}
    with engine_of(
        database, steps, pause=pause, remembering=Remembering(joined={"work"})
    ) as engine:
        arrive(database, engine.queue, "1.1")
        engine.launch()
        assert waiting.wait(30)
        assert engine.drain(30)
    pause, waiting = Pause(), threading.Event()
    steps |= {"begin": second.begin, "work": second.work, "wait": wait}
    with engine_of(
        database, steps, pause=pause, remembering=Remembering(joined={"work"})
    ) as engine:
        engine.launch()
        assert waiting.wait(30)
        assert engine.drain(30)
    steps |= {"begin": third.begin, "work": third.work, "wait": lambda _job, _memo: {}}
    with engine_of(database, steps, remembering=joined) as engine:
        engine.launch()
        until(lambda: all_settled(database), engine)

    assert {("begin", "1.1"): 1, ("settle", "1.1"): 1} == first.done
    assert {("begin", "1.1"): 1, ("work", "1.1"): 1} == second.done
    assert {} == third.done


def test_drain_finishes_what_is_in_work_and_leaves_the_rest(database):
    """Nothing is begun after the stop, and what was begun is settled."""
    begun, go_on = threading.Semaphore(0), threading.Event()

    def hold(_job, _memo):
        begun.release()
        assert go_on.wait(30)
        return {}

    steps = Steps(database, hold)
    with engine_of(database, steps.named(), slots=2) as engine:
        for number in range(6):
            arrive(database, engine.queue, f"1.{number}")
        engine.launch()
        for _ in range(2):
            assert begun.acquire(timeout=30)
        threading.Timer(0.2, go_on.set).start()
        assert engine.drain(30)
        states = [entry(database, f"1.{number}").state for number in range(6)]

    assert 2 == states.count(State.STORED)
    assert 4 == states.count(State.QUEUED)


def test_drain_gives_up_after_its_time(database):
    """What did not finish in time is queued again for the next process."""
    begun, go_on = threading.Event(), threading.Event()

    def hold(_job, _memo):
        begun.set()
        assert go_on.wait(30)
        return {}

    with engine_of(database, Steps(database, hold).named()) as engine:
        arrive(database, engine.queue, "1.1")
        engine.launch()
        assert begun.wait(30)
        assert not engine.drain(0.1)
    with database.look() as connection:
        statuses = connection.scalars(select(workflows(connection).c.status)).all()
    go_on.set()

    assert ["ENQUEUED"] == statuses


def test_held_jobs_wait_for_the_launch(database):
    """Jobs are kept while no model is there, and read once there is one."""
    steps = Steps(database)
    with engine_of(database, steps.named()) as engine:
        arrive(database, engine.queue, "1.1")
        for _ in range(3):
            engine.tend()
        assert not steps.done
        engine.launch()
        until(lambda: all_settled(database), engine)

    assert {"1.1"} == set(steps.order)


def test_sqlite_writes_ahead(sqlite):
    """A reader of the page never holds up the jobs: the file is in WAL mode before launch."""
    with (
        engine_of(sqlite, Steps(sqlite).named()) as engine,
        engine.queue.client._sys_db.engine.connect() as connection,
    ):
        assert "wal" == connection.exec_driver_sql("PRAGMA journal_mode").scalar()


def test_second_process_on_a_file_is_refused(sqlite):
    """One name for the process of a file is safe only while there is one."""
    with (
        engine_of(sqlite, Steps(sqlite).named()),
        pytest.raises(AlreadyRunning),
        engine_of(sqlite, Steps(sqlite).named()),
    ):
        pass


def test_name_of_a_process(database):
    """For good on SQLite, where a restart takes its jobs up; new in each life elsewhere."""
    names = []
    for _ in range(2):
        with engine_of(database, Steps(database).named()) as engine:
            names.append(engine.executor_id)

    assert database.is_sqlite == (names[0] == names[1])


def test_library_adds_nothing_to_the_log(sqlite, capfd, caplog):
    """No advert, no list of migrations; our own lines only."""
    caplog.set_level(logging.INFO, logger="hilum")
    with engine_of(sqlite, Steps(sqlite).named()) as engine:
        engine.launch()
        arrive(sqlite, engine.queue, "1.1")
        until(lambda: all_settled(sqlite), engine)

    assert ("", "") == capfd.readouterr()
    assert [] == [record for record in caplog.records if not record.name.startswith("hilum")]
