"""Results are sent on to another real archive, again and again until it has them."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import islice

import httpx
import pytest

from hilum.errors import SettingInvalid
from hilum.jobs.queue import FORWARD, forward_id
from hilum.language import Language
from hilum.node.anatomy import AnatomyMeasurer, ask
from hilum.node.anatomy_file import measured
from hilum.node.forward import (
    BETWEEN_ATTEMPTS,
    GIVE_UP_AFTER,
    LOOK_S,
    Forwarder,
)
from hilum.records import anatomies, forwards
from hilum.records.forwards import Forward, ForwardEntry, ForwardState
from node_tools import Bench, delete_everything, send
from orthanc_server import OrthancServer, free_ports, running_orthanc

pytestmark = pytest.mark.orthanc


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Return another archive."""
    with running_orthanc(tmp_path_factory.mktemp("other")) as server:
        yield server


@pytest.fixture
def known(pacs, empty_orthanc: OrthancServer, other: OrthancServer):
    """Let the two archives know each other, under the name OTHER; yield the other one."""
    other.clear()
    far = {"AET": other.aet, "Host": "127.0.0.1", "Port": other.dicom_port}
    near = {"AET": empty_orthanc.aet, "Host": "127.0.0.1", "Port": empty_orthanc.dicom_port}
    peer = {"Url": other.url, "Username": other.username, "Password": other.password}
    pacs.request("PUT", "/modalities/OTHER", json=far)
    pacs.request("PUT", "/peers/OTHER", json=peer)
    with other.client() as client:
        client.request("PUT", "/modalities/NEAR", json=near)
        yield client
    for path in ("/modalities/OTHER", "/peers/OTHER"):
        pacs.request("DELETE", path)


@pytest.fixture
def committing(bench: Callable[..., Bench]) -> Bench:
    """Return a node that asks for commitment, and lets time pass until there is an answer."""
    node = bench(forward_to=("modality:OTHER",), commit_targets=("modality:OTHER",))
    node.pause.meanwhile = lambda: time.sleep(LOOK_S / 10)
    return node


def line(node: Bench, uid: str) -> ForwardEntry:
    with node.database.look() as connection:
        (found,) = forwards.entries(connection, "own", uids=node.entry(uid).uids)
    return found


def send_on(node: Bench, uid: str, attempt: int = 1) -> ForwardEntry:
    """Make one attempt, as the engine does; return how far it is."""
    Forwarder(node.context)(line(node, uid).forward, attempt)
    return line(node, uid)


def queued(node: Bench, forward: Forward, attempt: int) -> bool:
    """Return whether that attempt waits for its turn."""
    client = node.context.queue.client
    found = client.list_workflows(
        workflow_ids=[forward_id(forward, attempt)], queue_name=FORWARD, load_input=False
    )
    return bool(found)


@pytest.mark.parametrize("kind", ["modality", "peer"])
def test_results_reach_the_other_archive(pacs, bench, known, kind):
    """By C-STORE or peer transfer: the results are there, the image is not."""
    node = bench(forward_to=(f"{kind}:OTHER",))
    uid = send(pacs)
    node.work()
    entry = node.entry(uid)

    assert ForwardState.WAITING is line(node, uid).state
    assert queued(node, line(node, uid).forward, 1)
    assert (ForwardState.SENT, 1) == (send_on(node, uid).state, line(node, uid).attempts)
    assert all(known.find_objects(result) for result in entry.results)
    assert [] == known.find_objects(uid)


def measure(node: Bench, uid: str) -> list[str]:
    """Let the anatomy of an image be measured, by objects that an archive takes; return UIDs."""
    settings = node.context.settings.changed("anatomy", model="demonstration-anatomy")
    job = node.entry(uid).job
    ask(node.context, job)
    with node.database.look() as connection:
        attempt = anatomies.entry(connection, job.archive, job.uids).attempt
    work = partial(measured, settings=settings, in_demonstration=True)
    AnatomyMeasurer(node.context, lambda *given: work(given[0], when=given[1], reading=given[2]))(
        job, attempt
    )
    with node.database.look() as connection:
        return list(anatomies.entry(connection, job.archive, job.uids).results)


def test_anatomy_goes_the_same_way_once_it_is_measured(pacs, bench, known):
    """After the findings, by another attempt; the line says sent again only then."""
    node = bench(forward_to=("peer:OTHER",))
    uid = send(pacs)
    node.work()
    send_on(node, uid)
    masks, report = measure(node, uid)
    again = line(node, uid)

    assert (ForwardState.WAITING, 1) == (again.state, again.attempts)
    assert queued(node, again.forward, 2)
    assert [] == known.find_objects(report)
    assert ForwardState.SENT is send_on(node, uid, 2).state
    assert known.find_objects(masks)
    assert known.find_objects(report)


@pytest.mark.usefixtures("known")
def test_anatomy_that_is_measured_while_results_go_is_not_left_behind(pacs, bench, monkeypatch):
    """What was sent without it is sent once more."""
    node = bench(forward_to=("peer:OTHER",))
    uid = send(pacs)
    node.work()
    sending = Forwarder._send

    def meanwhile(*given):
        measure(node, uid)
        return sending(*given)

    monkeypatch.setattr(Forwarder, "_send", meanwhile)
    sent = send_on(node, uid)

    assert (ForwardState.WAITING, 1) == (sent.state, sent.attempts)
    assert queued(node, sent.forward, 2)


def test_image_goes_along_where_that_is_wanted(pacs, bench, known):
    """With node.forward_images the image is there as well."""
    node = bench(forward_to=("peer:OTHER",), forward_images=True)
    uid = send(pacs)
    node.work()
    send_on(node, uid)

    assert known.find_objects(uid)


@pytest.mark.usefixtures("known")
def test_commitment_is_more_than_sending(pacs, committing):
    """Committed is written down only when the other archive says that it keeps all."""
    uid = send(pacs)
    committing.work()

    assert ForwardState.COMMITTED is send_on(committing, uid).state


@pytest.mark.usefixtures("known")
def test_commitment_may_take_its_time(pacs, committing, faults):
    """While the other archive has not answered, it is looked for again after a pause."""
    left = 3

    def not_yet(request: httpx.Request) -> httpx.Response | None:
        nonlocal left
        if left == 0 or not request.url.path.startswith("/storage-commitment/"):
            return None
        left -= 1
        return httpx.Response(200, json={"Status": "Pending"}, request=request)

    faults.fault = not_yet
    uid = send(pacs)
    committing.work()

    assert ForwardState.COMMITTED is send_on(committing, uid).state
    assert [LOOK_S] * 3 == committing.pause.asked[:3]


def test_commitment_that_is_refused_is_no_commitment(pacs, committing, known, faults):
    """When the other archive lost the results meanwhile, it is asked and says so."""

    def lose(request: httpx.Request) -> None:
        if request.url.path.endswith("/storage-commitment"):
            delete_everything(known)

    faults.fault = lose
    uid = send(pacs)
    committing.work()
    found = send_on(committing, uid)

    assert ForwardState.SENT is found.state
    assert "was refused" in found.why


def test_archive_that_is_away_gets_them_later(pacs, bench):
    """An attempt that failed is followed by another one, and holds up nothing."""
    (nobody,) = free_ports(1)
    away = {"AET": "OTHER", "Host": "127.0.0.1", "Port": nobody}
    pacs.request("PUT", "/modalities/AWAY", json=away)
    node = bench(forward_to=("modality:AWAY",))
    uid = send(pacs)
    node.work()
    found = send_on(node, uid)

    assert (ForwardState.WAITING, 1) == (found.state, found.attempts)
    assert found.why
    assert queued(node, found.forward, 2)
    pacs.request("DELETE", "/modalities/AWAY")


def test_unknown_target_is_named(pacs, bench):
    """A name that the PACS does not know is what the list says."""
    node = bench(forward_to=("peer:NOBODY",))
    uid = send(pacs)
    node.work()

    why = send_on(node, uid).why

    assert "The PACS has no peer called NOBODY." == why
    assert "O PACS não tem um peer chamado NOBODY." == Language("pt-BR").say(why)


def test_after_a_day_it_has_failed(pacs, bench):
    """Nobody is asked for ever: what did not arrive in a day is listed as failed."""
    node = bench(forward_to=("peer:NOBODY",))
    uid = send(pacs)
    node.work()
    node.late = GIVE_UP_AFTER + timedelta(minutes=1)
    found = send_on(node, uid, attempt=7)

    assert ForwardState.FAILED is found.state
    assert not queued(node, found.forward, 8)


@pytest.mark.usefixtures("known")
def test_results_that_are_gone_are_not_waited_for(pacs, bench):
    """When the study was deleted, sending its results has failed at once."""
    node = bench(forward_to=("peer:OTHER",))
    uid = send(pacs)
    node.work()
    delete_everything(pacs)

    assert ForwardState.FAILED is send_on(node, uid).state


def test_delays_grow_to_a_quarter_of_an_hour():
    """From seconds to 15 minutes, and no longer."""
    assert [10, 20, 40, 80, 160, 320, 640, 900, 900] == list(islice(BETWEEN_ATTEMPTS, 9))
    assert 900 == BETWEEN_ATTEMPTS.after(100)


@pytest.mark.parametrize("target", ["OTHER", "modality:", "pacs:OTHER"])
def test_target_of_no_kind_is_a_setting_that_cannot_be_used(bench, target):
    """A mistake is said at the start or on the page, not at the first result."""
    with pytest.raises(SettingInvalid, match=r"node\.forward_to"):
        bench(forward_to=(target,))
