"""Other PACS: what they have, and copies of it; also those that answer as they like."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pynetdicom import AE, evt

from hilum.errors import PacsError, PacsRefused, PacsUnavailable
from hilum.files import dicom
from hilum.pacs.query import FIND, QueryRetrieve
from hilum.pacs.send import DicomTarget
from hilum.radiograph import ImageUIDs
from query_peer import QueryPeer, running_query_peer
from radiographs import make_radiograph

pytestmark = pytest.mark.filterwarnings(
    # pynetdicom leaves the socket of a refused connection to the collector
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
)

CHEST = make_radiograph(
    StudyInstanceUID="1.2.3", PatientID="P1", StudyDate="20240105", AccessionNumber="A"
)
LATERAL = make_radiograph(StudyInstanceUID="1.2.3", PatientID="P1", StudyDate="20240105")
CT = make_radiograph(StudyInstanceUID="1.2.3", PatientID="P1", Modality="CT")
OTHER = make_radiograph(
    StudyInstanceUID="1.2.4", PatientID="P2", StudyDate="20240201", PatientName="Ü^Ä"
)


def asking(target: DicomTarget) -> QueryRetrieve:
    return QueryRetrieve(target, calling_aet="HILUM", timeout_s=20)


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryPeer]:
    """Return DCMTK's query/retrieve server with two studies in it."""
    with running_query_peer(tmp_path_factory.mktemp("dcmqrscp")) as running:
        running.keep(CHEST, LATERAL, CT, OTHER)
        yield running


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({"StudyDate": "20240101-20240131"}, {"1.2.3"}),
        ({"StudyDate": "20240201"}, {"1.2.4"}),
        ({"PatientID": "P2"}, {"1.2.4"}),
        ({"PatientID": "P*"}, set()),
        ({"StudyInstanceUID": "1.2.3"}, {"1.2.3"}),
        ({"StudyInstanceUID": "1.2"}, set()),
    ],
)
def test_studies_are_found_by_what_is_asked(peer, keys, found):
    """An asterisk in a Patient ID is a letter of it, not a wildcard."""
    studies = asking(peer.target).studies(keys)
    assert found == {each.study_instance_uid for each in studies}


def test_study_says_whose_it_is(peer):
    """In the character set of the answer."""
    (study,) = asking(peer.target).studies({"StudyInstanceUID": "1.2.4"})
    assert ("P2", "Ü^Ä", "19700101") == (
        study.person.patient_id,
        study.person.name,
        study.person.birth_date,
    )
    assert "20240201" == study.date


def test_only_series_of_the_wanted_modalities_are_listed(peer):
    """A CT of the same study has a thousand images."""
    images = asking(peer.target).images("1.2.3", {"CR", "DX"})
    assert {ImageUIDs.of(CHEST), ImageUIDs.of(LATERAL)} == set(images)


def test_files_come_over_c_get_as_they_are(peer):
    """Every element, and each file once."""
    came: list[bytes] = []
    asking(peer.target).get([ImageUIDs.of(CHEST), ImageUIDs.of(CHEST)], came.append)
    (file,) = came
    got = dicom.read(file, name="it").dataset

    assert CHEST.PixelData == got.PixelData
    assert str(CHEST.PatientName) == str(got.PatientName)


def test_compressed_file_is_not_converted(tmp_path: Path, chest_lossless_path: Path):
    """A peer that would have to decompress it often cannot, and calls that a failure."""
    came: list[bytes] = []
    with running_query_peer(tmp_path / "peer") as running:
        running.keep_file(chest_lossless_path, compressed=True)
        uids = ImageUIDs.of(dcmread(chest_lossless_path, stop_before_pixels=True))
        asking(running.target).get([uids], came.append)
    (file,) = came
    got = dicom.read(file, name="it").dataset

    assert "1.2.840.10008.1.2.4.90" == got.file_meta.TransferSyntaxUID
    assert dcmread(chest_lossless_path).PixelData == got.PixelData


def test_archive_that_takes_no_file_is_the_error(peer):
    """Not what the other PACS says of it."""

    def full(_: bytes) -> None:
        raise PacsUnavailable("The archive is full.", "Make room.")

    with pytest.raises(PacsUnavailable, match="The archive is full"):
        asking(peer.target).get([ImageUIDs.of(CHEST)], full)


def test_unknown_destination_is_named(peer):
    """C-MOVE needs an AE title that the other PACS knows."""
    with pytest.raises(PacsRefused, match=r"A801H: it does not know the AE title"):
        asking(peer.target).move([ImageUIDs.of(CHEST)], "ELSEWHERE")


def test_pacs_that_is_not_there_is_named():
    """With where it was looked for."""
    with pytest.raises(PacsUnavailable, match=r"Nothing answers at 127\.0\.0\.1:9"):
        asking(DicomTarget("MAIN", "127.0.0.1", 9)).studies({"PatientID": "P1"})


Answers = Callable[[Any], Iterator[tuple[int, Dataset | None]]]


@pytest.fixture
def scripted() -> Iterator[Callable[[Answers], QueryRetrieve]]:
    """Return what makes a peer that answers queries as it is told to, and knows nothing else."""
    servers: list[Any] = []

    def make(answers: Answers) -> QueryRetrieve:
        entity = AE()
        entity.add_supported_context(FIND)
        handlers = [(evt.EVT_C_FIND, answers)]
        server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        servers.append(server)
        return asking(DicomTarget("PEER", *server.server_address))

    yield make
    for server in servers:
        server.shutdown()


def answer(**said: Any) -> Dataset:
    made = Dataset()
    for keyword, value in said.items():
        setattr(made, keyword, value)
    return made


def test_answers_to_another_question_are_dropped(scripted):
    """Some peers ignore the keys that they do not match, and answer with all they have."""

    def everything(_: Any) -> Iterator[tuple[int, Dataset | None]]:
        yield 0xFF00, answer(StudyInstanceUID="1.1", PatientID="P1", StudyDate="20240101")
        yield 0xFF01, answer(StudyInstanceUID="1.2", PatientID="P2", StudyDate="20240101")
        yield 0xFF00, answer(StudyInstanceUID="1.3", PatientID="P1", StudyDate="20250101")
        yield 0xFF00, answer(StudyInstanceUID="1.4", PatientID="P1 ", StudyDate="")
        yield 0xFF00, answer(StudyInstanceUID="1.1", PatientID="P1", StudyDate="20240101")
        yield 0xFF00, answer(StudyInstanceUID="", PatientID="P1")

    found = scripted(everything).studies({"PatientID": "P1", "StudyDate": "20240101-20241231"})
    assert ["1.1", "1.4"] == [each.study_instance_uid for each in found]


def test_one_modality_of_a_study_is_one(scripted):
    """A value with a backslash is several, one without is no list."""

    def both(_: Any) -> Iterator[tuple[int, Dataset | None]]:
        yield 0xFF00, answer(StudyInstanceUID="1.1", ModalitiesInStudy="CR")
        yield 0xFF00, answer(StudyInstanceUID="1.2", ModalitiesInStudy=["CR", "SR"])
        yield 0xFF00, answer(StudyInstanceUID="1.3")

    found = [set(each.modalities) for each in scripted(both).studies({})]
    assert [{"CR"}, {"CR", "SR"}, set()] == found


@pytest.mark.parametrize(
    ("status", "kind"),
    [(0xA700, PacsUnavailable), (0xA900, PacsRefused), (0xC001, PacsRefused)],
)
def test_question_that_fails_is_an_error(scripted, status, kind):
    """What came before is not the whole answer."""

    def half(_: Any) -> Iterator[tuple[int, Dataset | None]]:
        yield 0xFF00, answer(StudyInstanceUID="1.1")
        yield status, None

    with pytest.raises(kind, match=f"{status:04X}H"):
        scripted(half).studies({})


def test_connection_that_breaks_is_an_error(scripted):
    """As above."""

    def breaks(event: Any) -> Iterator[tuple[int, Dataset | None]]:
        yield 0xFF00, answer(StudyInstanceUID="1.1")
        event.assoc.abort()
        yield 0xFF00, answer(StudyInstanceUID="1.2")

    with pytest.raises(PacsError, match="closed the connection"):
        scripted(breaks).studies({})


def test_pacs_without_c_get_is_told_apart(scripted):
    """Many have C-MOVE only."""
    with pytest.raises(PacsRefused, match="does not support C-GET"):
        scripted(lambda _: iter(())).get([ImageUIDs("1", "1.1", "1.1.1")], pytest.fail)
