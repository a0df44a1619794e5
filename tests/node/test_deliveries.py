"""Systems beside the PACS are told of each image once, whatever happens on the way."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from delivery_receivers import ack, control_id, parsed, scripted
from hilum.cli.main import main
from hilum.node.backfill import Backfill, BackfillQuery
from hilum.node.forward import Forwarder
from hilum.node.process_file import open_pipeline, read_file
from hilum.records import forwards, images
from hilum.records.forwards import ForwardEntry, ForwardState
from hilum.records.images import Arrived
from hilum.records.states import State, Urgency
from hilum.settings import NodeMode, Settings
from hilum.settings.deliveries import DeliverySettings
from hilum.settings.sources import write_page_values
from node_tools import Bench, Killed, delete_everything, send

pytestmark = pytest.mark.orthanc

PATIENT = {"PatientName": "Doe^Jane", "PatientID": "P-77", "AccessionNumber": "ACC-1"}


@pytest.fixture
def node(pacs, tmp_path) -> Iterator[Callable[..., Bench]]:
    """Return what makes a node with receivers, which reads with the demonstration model."""
    with ExitStack() as stack:

        def make(**receivers: Any) -> Bench:
            chosen = DeliverySettings(**receivers)
            folder = tmp_path / "data"
            settings = Settings.load(data_folder=folder, deliveries=chosen)
            settings = settings.changed("model", name="demonstration")
            pipeline = open_pipeline(settings, in_demonstration=True)

            def read(file: bytes, earlier: Any, when: Any, **_: Any) -> Any:
                return read_file(file, pipeline, earlier, when=when)

            made = Bench(pacs, folder, read, deliveries=chosen)
            stack.callback(made.close)
            return made

        yield make


def ris(port: int, **more: Any) -> dict[str, Any]:
    """Return the settings of a RIS on this machine."""
    return {"hl7": [{"name": "RIS", "host": "127.0.0.1", "port": port, "timeout_s": 20, **more}]}


def lines(node: Bench) -> list[ForwardEntry]:
    """Return how far each delivery is."""
    with node.database.look() as connection:
        return forwards.entries(connection, "own")


def deliver(node: Bench) -> list[ForwardState]:
    """Make one attempt at each that waits, as the engine does; return how far all are."""
    for each in lines(node):
        if each.state is ForwardState.WAITING:
            Forwarder(node.context)(each.forward, each.attempts + 1)
    return [each.state for each in lines(node)]


def test_result_is_told_once(pacs, node):
    """The message names order and patient as the image does; then nothing of them is kept."""
    with scripted(ack()) as receiver:
        bench = node(**ris(receiver.port))
        send(pacs, **PATIENT)
        bench.work()
        assert [ForwardState.WAITING] == [each.state for each in lines(bench)]
        assert [ForwardState.SENT] == deliver(bench)
        deliver(bench)

    (got,) = receiver.got
    found = parsed(got)
    assert ("P-77", "Doe") == (str(found["PID.F3.R1.C1"]), str(found["PID.F5.R1.C1"]))
    assert ("ACC-1", "T") == (str(found["OBR.F18"]), str(found["MSH.F11"]))
    assert 10 == len([each for each in found.segments("OBX") if str(each[2]) == "NM"])
    assert lines(bench)[0].about is None


@pytest.mark.parametrize("where", ["change", "entry"])
def test_killed_while_sending_it_is_sent_again_by_the_same_name(pacs, node, monkeypatch, where):
    """Before the receiver got it or after it acknowledged: nothing is lost, nothing new."""
    with scripted(ack()) as receiver:
        bench = node(**ris(receiver.port))
        send(pacs)
        bench.work()
        with monkeypatch.context() as patched:
            patched.setattr(forwards, where, killed)
            with pytest.raises(Killed):
                deliver(bench)
        assert [ForwardState.SENT] == deliver(bench)

    assert {"change": 2, "entry": 1}[where] == len(receiver.got)
    assert 1 == len(set(map(control_id, receiver.got)))
    assert 1 == len(set(receiver.got))


def killed(*_: object, **__: object) -> None:
    """End the process."""
    raise Killed


def test_image_settled_and_delivery_are_one_transaction(pacs, node, monkeypatch):
    """Killed between the two, neither is written down; afterwards both are, once."""
    with scripted(ack()) as receiver:
        bench = node(**ris(receiver.port))
        send(pacs)
        with monkeypatch.context() as patched:
            patched.setattr(bench.context.queue, "enqueue_forward", killed)
            with pytest.raises(Killed):
                bench.work()
        assert [] == lines(bench)
        again = bench.restarted()
        again.work()
        assert [ForwardState.SENT] == deliver(again)
    assert 1 == len(receiver.got)


def test_quiet_modes_tell_nobody(pacs, node):
    """Neither what was found nor what was not analyzed; nor is kept what a message would say."""
    with scripted(ack()) as receiver:
        away = {"url": "http://127.0.0.1:9/", "refusals": True}
        bench = node(
            **ris(receiver.port, refusals=True),
            webhook=[{"name": "HOOK", **away}],
            fhir=[{"name": "SERVER", **away}],
        )
        kept = []
        for mode in (NodeMode.SILENT, NodeMode.AUDIT):
            write_page_values(bench.context.settings.data_folder, {"node": {"mode": mode}})
            sent = {send(pacs, **PATIENT), send(pacs, ViewPosition="LL", **PATIENT)}
            bench.work()
            kept += [state.get("about") for state in bench.states.values()]
            assert {State.STORED, State.REFUSED} == {bench.entry(uid).state for uid in sent}
        assert [] == lines(bench)

    assert ([], {None}) == (receiver.got, set(kept))


def test_receiver_that_answers_no_for_ever_ends_in_the_list(pacs, node):
    """It is tried until the settings' time is over, and by hand from then on."""
    with scripted(ack("AE"), ack("AE"), ack()) as receiver:
        bench = node(**ris(receiver.port, give_up_hours=48))
        send(pacs)
        bench.work()
        assert [ForwardState.WAITING] == deliver(bench)
        bench.late = timedelta(hours=49)
        assert [ForwardState.FAILED] == deliver(bench)
        assert "AE" in lines(bench)[0].why
        with bench.database.transaction() as connection:
            failed = [each.forward for each in lines(bench)]
            now = bench.context.now()
            assert 1 == bench.context.queue.retry_forwards(connection, failed, now)
        assert [ForwardState.SENT] == deliver(bench)
    assert 1 == len(set(map(control_id, receiver.got)))


def test_receiver_that_is_none_any_more_is_not_waited_for(pacs, node):
    """What waits for it has failed at the next start; named again, it gets that once."""
    with scripted(ack()) as receiver:
        bench = node(**ris(receiver.port))
        send(pacs)
        bench.work()
        now = bench.context.now()
        with bench.database.transaction() as connection:
            assert 0 == forwards.abandon(connection, "own", ["hl7:RIS"], now)
            assert 1 == forwards.abandon(connection, "own", ["hl7:OTHER"], now)
        assert [ForwardState.FAILED] == deliver(bench)
        with bench.database.transaction() as connection:
            bench.context.queue.retry_forwards(connection, [lines(bench)[0].forward], now)
        first = lines(bench)[0].forward
        deliver(bench)
        Forwarder(bench.context)(first, 1)  # the job that waited since before
    assert 1 == len(receiver.got)


def test_receiver_that_is_away_is_not_flooded(pacs, node):
    """Each message that it does not take lets the next one wait longer; one that it takes, none."""
    with scripted(*[ack("AE")] * 3, ack()) as receiver:
        bench = node(**ris(receiver.port))
        for _ in range(5):
            send(pacs)
        bench.work()
        forwarder = Forwarder(bench.context)
        bench.pause.asked.clear()
        for each in lines(bench):
            forwarder(each.forward, 1)
    assert [1, 2, 4] == bench.pause.asked


def test_rejected_message_is_in_the_list_at_once(pacs, node):
    """AR is not tried again by itself."""
    with scripted(ack("AR")) as receiver:
        bench = node(**ris(receiver.port))
        send(pacs)
        bench.work()
        assert [ForwardState.FAILED] == deliver(bench)


def test_receiver_that_is_away_holds_up_no_other(pacs, node):
    """Each has its own state."""
    with scripted(ack("AE")) as bad, scripted(ack()) as good:
        two = [{**ris(each.port)["hl7"][0], "name": f"R{n}"} for n, each in enumerate((bad, good))]
        bench = node(hl7=two)
        send(pacs)
        bench.work()
        deliver(bench)
        assert {"hl7:R0": "waiting", "hl7:R1": "sent"} == {
            each.forward.target: each.state for each in lines(bench)
        }


@pytest.mark.parametrize("told", ["told", "killed", ""])
def test_new_result_corrects_what_was_told(pacs, node, monkeypatch, told):
    """Under another name, and as a correction only where something may have been told before."""
    with scripted(ack()) as receiver:
        bench = node(**ris(receiver.port))
        uid = send(pacs)
        bench.work()
        if told == "told":
            deliver(bench)
        elif told:
            with monkeypatch.context() as patched:
                patched.setattr(forwards, "change", killed)
                with pytest.raises(Killed):
                    deliver(bench)
        rerun(bench, uid)
        assert [ForwardState.SENT] == deliver(bench)

    statuses = [str(parsed(each)["OBR.F25"]) for each in receiver.got]
    assert (["P", "C"] if told else ["P"]) == statuses
    assert len(receiver.got) == len(set(map(control_id, receiver.got)))


def rerun(bench: Bench, uid: str) -> None:
    """Read an image once more, as if it had come again with other pixels."""
    entry, now = bench.entry(uid), bench.context.now()
    again = Arrived("own", entry.uids, entry.reference, "another", entry.urgency, now)
    with bench.database.transaction() as connection:
        job = images.arrived(connection, again)
    assert job is not None
    bench.do(job)


@pytest.mark.parametrize("asked", [True, False])
def test_refusal_is_told_only_where_that_is_asked_for(pacs, node, asked):
    """Then it says why, and no finding."""
    with scripted(ack()) as receiver:
        bench = node(**ris(receiver.port, refusals=asked))
        send(pacs, Modality="CT", **PATIENT)
        bench.work()
        deliver(bench)

    assert asked == bool(receiver.got)
    if asked:
        assert "X" == str(parsed(receiver.got[0])["OBR.F25"])
        assert "NM" not in [str(each[2]) for each in parsed(receiver.got[0]).segments("OBX")]


def test_study_that_is_asked_for_is_told_and_a_backfill_is_not(pacs, node):
    """Who asks for one study waits for its result."""
    with scripted(ack()) as receiver:
        bench = node(**ris(receiver.port))
        uids = [send(pacs), send(pacs)]
        bench.follow()
        studies = [bench.entry(uid).study_instance_uid for uid in uids]
        with bench.database.transaction() as connection:
            connection.execute(text("DELETE FROM image"))
        for study, urgency in zip(studies, (Urgency.BACKFILL, Urgency.ROUTINE), strict=True):
            query = BackfillQuery(None, None, ("DX", "CR"), study, urgency=urgency)
            assert 1 == sum(Backfill(bench.context, query).run())
        for job in bench.jobs():
            bench.do(job)
        assert [ForwardState.SENT] == deliver(bench)
    assert studies[1] in receiver.got[0]


def test_no_patient_is_named_in_a_log_line(pacs, node, capfd):
    """Neither when it arrives nor when the receiver's error quotes the patient."""
    more = "ERR||PID^1^5|207|E||||Doe^Jane P-77 ACC-1\r"
    with scripted(ack("AE", more=more), ack()) as receiver:
        bench = node(**ris(receiver.port))
        send(pacs, **PATIENT)
        bench.work()
        deliver(bench)
        why = lines(bench)[0].why
        deliver(bench)
    said = why + "".join(capfd.readouterr())

    assert "AE 207" in why
    assert not [each for each in ("Doe", "Jane", "P-77", "ACC-1") if each in said]


def test_image_that_was_deleted_meanwhile_is_told_all_the_same(pacs, node):
    """What is told was written down with the result: the archive is not asked again."""
    with scripted(ack()) as receiver:
        bench = node(**ris(receiver.port))
        send(pacs)
        bench.work()
        delete_everything(pacs)
        assert [ForwardState.SENT] == deliver(bench)
    assert 1 == len(receiver.got)


def test_command_lists_and_retries(pacs, node, monkeypatch):
    """What failed is found by state, and sent again by name or all at once."""
    with scripted(ack("AR")) as receiver:
        bench = node(**ris(receiver.port))
        uid = send(pacs)
        bench.work()
        deliver(bench)
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(bench.context.settings.data_folder))
    monkeypatch.setattr("hilum.cli.jobs.archive_name", lambda _: "own")
    run = CliRunner().invoke

    listed = run(main, ["deliveries", "list", "--state", "failed"])
    assert "hl7:RIS failed, 1 attempt: It rejected the message (AR)." in listed.output
    assert uid in listed.output
    other = run(main, ["deliveries", "retry", uid, "--to", "hl7:OTHER"])
    assert "0 will be sent again." in other.output
    retried = run(main, ["deliveries", "retry", "--all-failed"])
    assert "1 will be sent again." in retried.output
    assert ForwardState.WAITING is lines(bench)[0].state
