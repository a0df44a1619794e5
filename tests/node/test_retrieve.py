"""Images of other PACS: fetched once, priors are no work, a backfill goes on where it stopped."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest

from hilum.errors import PacsUnavailable
from hilum.node.backfill import BackfillQuery
from hilum.node.priors import Priors
from hilum.node.retrieve import RemoteBackfill, Retriever
from hilum.records import retrievals
from hilum.records.retrievals import Purpose
from hilum.records.states import Urgency
from hilum.settings import NodeMode
from hilum.settings.pacs import QuerySource
from node_tools import Bench
from orthanc_server import AET, OrthancServer
from query_peer import QueryPeer, running_query_peer
from radiographs import dicom_file, make_radiograph

pytestmark = [
    pytest.mark.orthanc,
    pytest.mark.filterwarnings(
        # pynetdicom leaves the socket of a refused connection to the collector
        "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
    ),
]

JANUARY = BackfillQuery(date(2024, 1, 1), date(2024, 1, 31), ("CR", "DX"))
FEBRUARY = BackfillQuery(date(2024, 2, 1), date(2024, 2, 29), ("CR", "DX"))
TODAY = {"PatientID": "P1", "StudyDate": "20240301"}


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory, orthanc: OrthancServer) -> Iterator[QueryPeer]:
    """Return another PACS with four studies, three of one person."""
    move_to = (orthanc.aet, orthanc.dicom_port)
    with running_query_peer(tmp_path_factory.mktemp("dcmqrscp"), move_to) as running:
        for number, day in enumerate(("20240105", "20240110", "20230601")):
            image = make_radiograph(StudyInstanceUID=f"1.9.{number}", PatientID="P1", StudyDate=day)
            running.keep(image)
        stranger = {"PatientName": "Other^Person", "PatientBirthDate": "19500505"}
        running.keep(
            make_radiograph(
                StudyInstanceUID="1.9.9", PatientID="P1", StudyDate="20240210", **stranger
            )
        )
        yield running


@pytest.fixture
def node(bench) -> Bench:
    return bench()


def source(peer: QueryPeer, **more: object) -> QuerySource:
    return QuerySource(name="MAIN", node=peer.node, timeout_s=20, **more)


def studies_of(node: Bench) -> set[str]:
    """Return the studies that the archive has."""
    pacs = node.context.pacs
    return {
        str(pacs.attributes(each)["StudyInstanceUID"]) for each in pacs.arrivals("", 100).references
    }


@pytest.mark.parametrize("more", [{}, {"retrieve": "move", "destination": AET}])
def test_study_is_copied_into_the_archive(node, peer, more):
    """Over C-GET by hilum, over C-MOVE by the other PACS; a second time nothing is asked for."""
    retriever = Retriever(node.context, source(peer, **more))
    first = retriever.fetch("1.9.0", Purpose.BACKFILL)
    assert (1, 1, {"1.9.0"}) == (first.images, first.new, studies_of(node))
    again = retriever.fetch("1.9.0", Purpose.BACKFILL)

    assert (1, 0) == (again.images, again.new)


def test_backfilled_image_waits_behind_what_arrives(node, peer):
    """It was expected before it came."""
    Retriever(node.context, source(peer)).fetch("1.9.0", Purpose.BACKFILL)
    node.follow()
    (job,) = node.jobs()

    assert Urgency.BACKFILL is node.entry(job.uids.sop_instance_uid).urgency


def test_prior_is_no_work(node, peer):
    """It is there to be looked at; a backfill of the archive would still take it up."""
    Retriever(node.context, source(peer)).fetch("1.9.0", Purpose.PRIOR)
    node.follow()
    assert [] == node.jobs()
    assert {"1.9.0"} == studies_of(node)


def test_image_that_was_expected_too_long_ago_is_one_like_any_other(node):
    """Somebody else sent it: it must not be lost in silence."""
    image = make_radiograph()
    uids = retrievals.ImageUIDs.of(image)
    with node.database.transaction() as connection:
        then = datetime.now(UTC) - timedelta(days=2)
        archive = node.context.archive
        retrievals.expect(connection, archive, [uids], Purpose.PRIOR, then)
    node.pacs.store(dicom_file(image))
    node.follow()

    assert 1 == len(node.jobs())


def test_period_is_fetched_day_by_day(node, peer):
    """Only the studies of its days; the next run has nothing left to do."""
    work = RemoteBackfill(node.context, source(peer), JANUARY)
    fetched = list(work.run(pytest.fail))
    assert {"1.9.0", "1.9.1"} == {each.study_instance_uid for each in fetched} == studies_of(node)
    assert (2, 2) == (work.progress.studies, work.progress.images)
    assert [0, 0] == [
        each.new for each in RemoteBackfill(node.context, source(peer), JANUARY).run(pytest.fail)
    ]


def test_broken_off_period_goes_on_where_it_stopped(node, peer):
    """The days that are whole are not asked for again."""
    work = RemoteBackfill(node.context, source(peer), JANUARY)
    next(work.run(pytest.fail))
    running = RemoteBackfill(node.context, source(peer), JANUARY).run(pytest.fail)
    assert "1.9.0" == next(running).study_instance_uid
    assert "1.9.1" == next(running).study_instance_uid
    running.close()

    assert "20240110" == RemoteBackfill(node.context, source(peer), JANUARY).left[0]


def test_study_that_cannot_be_fetched_is_left_for_the_next_time(node, peer, monkeypatch):
    """The others come; its day stays open."""
    store = node.context.pacs.store
    broken = [True]

    def once(file: bytes) -> object:
        if broken:
            broken.clear()
            raise PacsUnavailable("It is full.", "Make room.")
        return store(file)

    monkeypatch.setattr(node.context.pacs, "store", once)
    first, second = RemoteBackfill(node.context, source(peer), JANUARY).run(pytest.fail)
    assert first.error is not None
    assert second.error is None
    again = RemoteBackfill(node.context, source(peer), JANUARY)
    assert "20240105" == again.left[0]
    list(again.run(pytest.fail))

    assert {"1.9.0", "1.9.1"} == studies_of(node)


def test_rate_and_hours_are_kept(node, peer):
    """Outside of the hours it waits until they begin."""
    waits: list[float] = []
    slow = source(peer, images_per_minute=30)
    list(RemoteBackfill(node.context, slow, JANUARY).run(waits.append))
    assert [2.0, 2.0] == waits
    begin, end = (
        f"{datetime.now().astimezone() + timedelta(hours=hours):%H:%M}" for hours in (2, 3)
    )
    waits.clear()
    at_night = RemoteBackfill(node.context, source(peer, hours=f"{begin}-{end}"), FEBRUARY)
    next(at_night.run(waits.append), None)

    assert 7100 < waits[0] <= 7200


def arrive(node: Bench, **attributes: str) -> None:
    node.pacs.store(dicom_file(make_radiograph(**{**TODAY, **attributes})))
    node.follow()


def fetch_priors(node: Bench) -> None:
    with closing(Priors(node.context)) as priors:
        priors.tend()
    node.follow()


def test_latest_priors_of_the_same_person_come(bench, peer):
    """Not those of a person with the same Patient ID and another name and birth date."""
    node = bench(query=[source(peer, priors=2)])
    arrive(node, StudyInstanceUID="1.9.50")
    fetch_priors(node)

    assert {"1.9.50", "1.9.0", "1.9.1"} == studies_of(node)
    assert 1 == len(node.jobs())


def test_silent_mode_fetches_no_priors(bench, peer):
    """Nobody reads beside them, and another PACS would be asked for the patient."""
    node = bench(query=[source(peer, priors=2)], mode=NodeMode.SILENT)
    arrive(node, StudyInstanceUID="1.9.50")
    fetch_priors(node)

    assert {"1.9.50"} == studies_of(node)


def test_priors_are_analyzed_where_the_settings_say_so(bench, peer):
    """Behind everything that arrives."""
    node = bench(query=[source(peer, priors=1, analyze_priors=True)])
    arrive(node, StudyInstanceUID="1.9.51")
    fetch_priors(node)

    assert [Urgency.ROUTINE, Urgency.BACKFILL] == [
        node.entry(each.uids.sop_instance_uid).urgency for each in node.jobs()
    ]
    fetch_priors(node)
    assert 2 == len(node.jobs())


@pytest.mark.parametrize("nobody", ["", "ANONYMOUS", "0000"])
def test_patient_id_that_is_nobodys_has_no_priors(bench, peer, nobody):
    """It would be everybody's."""
    node = bench(query=[source(peer, priors=5)])
    arrive(node, StudyInstanceUID="1.9.52", PatientID=nobody)
    fetch_priors(node)

    assert {"1.9.52"} == studies_of(node)


def test_pacs_that_is_away_is_asked_again_later(bench, peer):
    """For a day; then that is said."""
    away = source(peer).model_copy(update={"node": "MAIN@127.0.0.1:9", "priors": 1})
    node = bench(query=[away])
    arrive(node, StudyInstanceUID="1.9.53")
    fetch_priors(node)
    archive, now = node.context.archive, node.context.now()
    with node.database.look() as connection:
        assert [] == retrievals.due(connection, archive, now, 10)
        (again,) = retrievals.due(connection, archive, now + timedelta(minutes=5), 10)
    assert 1 == again.attempts
    assert "Nothing answers" in str(again.why)
    node.late = timedelta(days=2)
    fetch_priors(node)

    with node.database.look() as connection:
        assert 1 == retrievals.given_up(connection, archive, now - timedelta(days=1))
