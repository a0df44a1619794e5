"""The self-test: a phantom passes the whole chain, and the findings must equal the reference.

A model for patients refuses images for quality control. The phantom of a self-test is let
through because the database says so: its UID was made a moment ago and written down before
it was sent, with the digest of its pixels, and is forgotten minutes later. Nothing in the
image opens the gate, so nothing that can be copied does.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from pydicom import Dataset
from pydicom.uid import generate_uid

from hilum import constancy, encode, phantom, pipeline
from hilum.constancy import Comparison, PhantomResponse
from hilum.encode.kinds import PICTURE, REGIONS_REPORT, TEXT_REPORT, result_name
from hilum.errors import HilumError, NodeError, RadiographRefused
from hilum.files import dicom
from hilum.files.find import file_candidate
from hilum.language import Message
from hilum.outcome import Outcome, Refused, Status
from hilum.pacs import credentials
from hilum.pacs.archive import Archive
from hilum.pacs.credentials import PacsAddress
from hilum.pacs.send import DicomTarget, WebTarget, deliver, open_sender
from hilum.pacs.send.outcome import ARRIVED
from hilum.predict import find_card
from hilum.radiograph import ImageUIDs
from hilum.records import Database, images, readings
from hilum.records import constancy as records
from hilum.records.constancy import SelfTestEnd, SelfTestMode, SelfTestStart, SelfTestState
from hilum.records.images import ImageRecord
from hilum.records.states import SETTLED, State
from hilum.settings import PacsKind, Settings

SEED: Final = 64
FINDINGS: Final = ("effusion", "mass")
"""The phantom: never changed without a word in the change log, for every reference is of it."""

NAME: Final = "PHANTOM^SELFTEST"
PATIENT_ID: Final = "PHANTOM-SELFTEST"
DESCRIPTION: Final = "PHANTOM SELF-TEST, NOBODY"

WANTED: Final = frozenset(kind.file_name for kind in (TEXT_REPORT, REGIONS_REPORT, PICTURE))
"""Results that every image that was read has."""

MARGIN: Final = timedelta(seconds=60)
"""For how long after the last look the phantom may still be read."""

WHY_NOT: Final = {
    State.HELD: Message("it is waiting for a model: the node has no usable one"),
    State.QUEUED: Message("it is waiting in the queue"),
    State.READING: Message("it is being analyzed"),
}


@dataclass(frozen=True, slots=True, eq=False)
class LiveSelfTest:
    """The whole chain that a self-test uses."""

    settings: Settings
    """All settings."""
    database: Database
    """The node's records."""
    archive: str
    """Name of the PACS in them."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    """The clock."""


def make_phantom() -> Dataset:
    """Return the phantom of the self-test, the same pixels each time under new UIDs."""
    dataset = phantom.make(SEED, findings=FINDINGS).dataset
    dataset.PatientName, dataset.PatientID = NAME, PATIENT_ID
    dataset.StudyDescription = DESCRIPTION
    for level in ("Study", "Series"):
        setattr(dataset, f"{level}InstanceUID", generate_uid(prefix=None))
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def phantom_name(dataset: Dataset) -> str:
    """Return what the phantom is called in a reference: other pixels are another phantom."""
    digest = constancy.pixels_digest(dataset)[: constancy.SHOWN_DIGITS]
    return f"{digest}, seed {SEED}, {' and '.join(FINDINGS)}"


def run_offline(through: LiveSelfTest, *, record: bool) -> SelfTestEnd:
    """Read the phantom in this process.

    Raises
    ------
    HilumError
        There is no usable model, or the database cannot be used.
    """
    dataset = make_phantom()
    number = _begin(through, _begun(through, dataset, SelfTestMode.OFFLINE))
    answer, ended = None, SelfTestEnd(SelfTestState.ALARM)
    try:
        answer, seconds = _read_here(dataset, through.settings)
        ended = replace(ended, seconds=seconds)
    except HilumError as exc:
        ended = replace(ended, lines=(str(exc),))
    return _end(through, number, answer, ended, record=record)


def _read_here(dataset: Dataset, settings: Settings) -> tuple[PhantomResponse, dict[str, float]]:
    """Return what the model of the settings says of the phantom, and how long each part took."""
    context = pipeline.open_pipeline(settings)
    start = perf_counter()
    result = pipeline.process(dataset, context, self_test=True)
    if isinstance(result, Refused):
        raise RadiographRefused(result.reasons)
    seconds = {**result.seconds, "all": round(perf_counter() - start, 4)}
    uids = ImageUIDs.of(dataset)
    outcome = Outcome(uids.sop_instance_uid, Status.READ, uids, read=result)
    document = encode.reading_document(outcome, context.model.identity, settings)
    return constancy.answer_of(document, phantom_name(dataset)), seconds


def run_live(through: LiveSelfTest, *, record: bool, keep: bool) -> SelfTestEnd:
    """Send the phantom to the PACS, wait for the node, and look at all that came back.

    The answer becomes the reference where it is to be recorded; phantom and results are deleted
    unless they are to be kept.

    Raises
    ------
    HilumError
        The database cannot be used, or nothing reads here: see the message.
    """
    settings = through.settings
    if find_card(settings.model.name, settings.data_folder).demonstration:
        raise NodeError(
            "A node with the demonstration model analyzes nothing, so there is nothing to test.",
            "Run hilum selftest --offline, or install a model and set model.name.",
        )
    if settings.pacs.kind is PacsKind.DICOMWEB and not keep:
        raise NodeError(
            "Over DICOMweb the phantom cannot be deleted from every archive.",
            "Run hilum selftest --offline, or hilum selftest --keep and delete it there.",
        )
    address = credentials.load(settings)
    dataset = make_phantom()
    begun = _begun(through, dataset, SelfTestMode.LIVE)
    number = _begin(through, begun)
    trip = SelfTestResult(through, address)
    answer = None
    try:
        with closing(address.connect(timeout_s=settings.pacs.timeout_s)) as pacs:
            try:
                answer = trip.there_and_back(dataset, pacs)
            finally:
                if not keep:
                    trip.clean(begun, pacs)
    except HilumError as exc:
        trip.problems.append(str(exc))
    ended = SelfTestEnd(SelfTestState.ALARM, lines=tuple(trip.problems), seconds=trip.seconds)
    return _end(through, number, answer, ended, record=record)


class SelfTestResult:
    """The run of one phantom, and the problems found."""

    def __init__(self, through: LiveSelfTest, address: PacsAddress) -> None:
        self._through = through
        self._address = address
        self.problems: list[str] = []
        self.seconds: dict[str, float] = {}
        self._sent = False

    def there_and_back(self, dataset: Dataset, pacs: Archive) -> PhantomResponse | None:
        """Return what the node said of the phantom; None when it said nothing."""
        start = perf_counter()
        if lost := send(dataset, self._address, self._through.settings):
            self.problems.append(Message("The PACS did not accept the phantom: {lost}", lost=lost))
            return None
        self._sent = True
        self.seconds["send"] = round(perf_counter() - start, 4)
        through, wait_s = self._through, self._through.settings.constancy.wait_s
        uids = ImageUIDs.of(dataset)
        entry = images.wait_for(through.database, through.archive, uids, timeout_s=wait_s)
        self.seconds["all"] = round(perf_counter() - start, 4)
        if entry is None or entry.state is not State.STORED:
            self.problems.append(self._why_not(entry))
            return None
        self.seconds |= entry.seconds or {}
        self.problems += look_at_results(pacs, entry.results, dataset)
        with self._through.database.look() as connection:
            kept = readings.get(connection, self._through.archive, entry.uids)
        if kept is None:
            self.problems.append("The node stored results but kept no reading of the phantom.")
            return None
        return constancy.answer_of(kept.document, phantom_name(dataset))

    def clean(self, begun: SelfTestStart, pacs: Archive) -> None:
        """Delete the phantom's study from the PACS, and its lines from the records."""
        try:
            pacs.delete_study(begun.study_instance_uid)
        except HilumError as exc:
            if self._sent:
                study = begun.study_instance_uid
                self.problems.append(
                    Message(
                        "The phantom's study {study} is still in the PACS: {exc}",
                        study=study,
                        exc=exc,
                    )
                )
            return
        with self._through.database.transaction() as connection:
            records.forget(connection, begun)

    def _why_not(self, entry: ImageRecord | None) -> str:
        waited = Message(
            "There is no result after {wait_s:g} s", wait_s=self._through.settings.constancy.wait_s
        )
        if entry is None:
            return Message(
                "{waited}: the node did not see the phantom. Is hilum up running?", waited=waited
            )
        if entry.state not in SETTLED:
            return Message(
                "{waited}: {why_not}. See hilum jobs list.",
                waited=waited,
                why_not=WHY_NOT[entry.state],
            )
        reasons = "; ".join(reason.text for reason in entry.reasons)
        return Message(
            "The node did not analyze the phantom; it is {state}: {reasons}",
            state=entry.state,
            reasons=reasons,
        )


def send(dataset: Dataset, address: PacsAddress, settings: Settings) -> str:
    """Send the phantom as images come in; return why it did not arrive, or nothing."""
    target: WebTarget | DicomTarget = DicomTarget(
        address.aet, address.dicom_host, address.dicom_port, tls=settings.pacs.dicom_tls
    )
    if settings.pacs.kind is PacsKind.DICOMWEB:
        target = address.target()
    sender = open_sender(target, timeout_s=settings.pacs.timeout_s, files=address.tls)
    try:
        with TemporaryDirectory(prefix="hilum-selftest-") as folder:
            path = Path(folder, "phantom.dcm")
            dataset.save_as(path, enforce_file_format=True)
            (sent,) = deliver([file_candidate(path)], sender)
    finally:
        sender.close()
    return "" if sent.sent in ARRIVED else sent.detail


def look_at_results(pacs: Archive, uids: tuple[str, ...], source: Dataset) -> list[str]:
    """Return what is wrong with the results that the PACS shows; nothing when they are right."""
    problems, found = [], set()
    for uid in uids:
        references = pacs.find_objects(uid, study=str(source.StudyInstanceUID))
        if not references:
            problems.append(Message("The PACS does not show the result {uid}.", uid=uid))
            continue
        file = pacs.fetch(references[0])
        result = dicom.parse(file, name="a result")
        name = result_name(result)
        found.add(name)
        problems += [
            Message(
                "The result {name} has another {keyword} than the phantom.",
                name=name,
                keyword=keyword,
            )
            for keyword in ("PatientID", "PatientName", "StudyInstanceUID")
            if dicom.text(result, keyword) != dicom.text(source, keyword)
        ]
        if str(source.SOPInstanceUID).encode() not in file:
            problems.append(
                Message("The result {name} does not say which image it is about.", name=name)
            )
    lacking = sorted(WANTED - found)
    return [
        *problems,
        *(Message("There is no {name} among the results.", name=name) for name in lacking),
    ]


def _begun(through: LiveSelfTest, dataset: Dataset, mode: SelfTestMode) -> SelfTestStart:
    now = through.now()
    wait = timedelta(seconds=through.settings.constancy.wait_s)
    return SelfTestStart(
        through.archive,
        mode,
        now,
        now + wait + MARGIN,
        str(dataset.StudyInstanceUID),
        str(dataset.SOPInstanceUID),
        constancy.pixels_digest(dataset),
    )


def _begin(through: LiveSelfTest, begun: SelfTestStart) -> int:
    with through.database.transaction() as connection:
        return records.begin(connection, begun)


def _end(
    through: LiveSelfTest,
    number: int,
    answer: PhantomResponse | None,
    ended: SelfTestEnd,
    *,
    record: bool,
) -> SelfTestEnd:
    """Compare with the reference, or make one, and write the end down."""
    now, settings = through.now(), through.settings.constancy
    with through.database.transaction() as connection:
        if answer is not None:
            ended = replace(ended, model=f"{answer.model['name']} {answer.model['version']}")
            known = records.reference(connection, answer.model["name"])
            if not ended.lines and (record or known is None):
                records.record(connection, answer, now)
                ended = replace(ended, state=SelfTestState.RECORDED)
            elif known is not None:
                ended = _judged(ended, constancy.compare(known[0], answer, settings.tolerance))
        records.end(connection, number, ended, now, keep=settings.keep_runs)
    return ended


def _judged(ended: SelfTestEnd, held: Comparison) -> SelfTestEnd:
    alarms = (*ended.lines, *held.alarms)
    state = SelfTestState.ALARM if alarms else SelfTestState.OK
    return replace(ended, state=state, lines=(*alarms, *held.notes), worst=held.worst)
