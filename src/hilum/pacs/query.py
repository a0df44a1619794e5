"""Another PACS that is asked what it has (C-FIND), and for copies of it (C-GET or C-MOVE).

Peers keep little of what PS3.4 asks: some ignore keys that they do not match, some return as
many answers as they like, some call a retrieval a success whose images are not there. So
answers are matched again here, questions are small (one day, one person), and whoever
retrieves asks the archive afterwards.

Sources
-------
PS3.4 C.4.1 to C.4.3 (statuses), C.6.2 (Study Root); PS3.7 D.3.3.4 (roles, for C-GET).
"""

import ssl
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from pydicom import Dataset
from pydicom import uid as uids
from pynetdicom import _config
from pynetdicom.association import Association

from hilum.errors import PacsError, PacsRefused, PacsUnavailable, SettingInvalid
from hilum.language import Message
from hilum.pacs.credentials import tls_files
from hilum.pacs.send.associations import Opener, Pair
from hilum.pacs.send.target import DicomTarget, parse_target
from hilum.radiograph import ImageUIDs
from hilum.settings import PacsSettings, Settings
from hilum.settings.pacs import QuerySource
from hilum.values.persons import Person

MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"
"""The services of Study Root (PS3.4 C.6.2)."""

PLAIN: Final = (uids.ImplicitVRLittleEndian, uids.ExplicitVRLittleEndian)

IMAGES: Final = (
    uids.ComputedRadiographyImageStorage,
    uids.DigitalXRayImageStorageForPresentation,
    uids.DigitalXRayImageStorageForProcessing,
    uids.SecondaryCaptureImageStorage,
)
"""What a series of radiographs is made of; a peer sends nothing else over C-GET."""

COMPRESSED: Final = (
    uids.JPEG2000Lossless,
    uids.JPEGLosslessSV1,
    uids.JPEGLSLossless,
    uids.RLELossless,
    uids.JPEG2000,
    uids.JPEGBaseline8Bit,
    uids.JPEGExtended12Bit,
    uids.JPEGLSNearLossless,
    uids.JPEGLossless,
)
SYNTAXES: Final = (
    *PLAIN,
    uids.ExplicitVRBigEndian,
    uids.DeflatedExplicitVRLittleEndian,
    *COMPRESSED,
)
"""How its files may be written: each is proposed, so that none is converted or left out."""

PROPOSALS: Final = (SYNTAXES, *((each,) for each in COMPRESSED))
"""What is proposed one after the other while images do not come: a peer may take the first context
of a class, whatever its syntax, and fail to convert a file to that. DCMTK's does."""

SUCCESS: Final = 0x0000
OUT_OF_RESOURCES: Final = 0xA700
PENDING: Final = frozenset({0xFF00, 0xFF01})
PASSING: Final = range(0xA700, 0xA800)
"""Out of resources."""

MEANINGS: Final = {
    0x0122: Message("it does not support that"),
    0x0124: Message("our AE title may not ask for that"),
    0xA701: Message("it has too many matches"),
    0xA702: Message("it could not send the images"),
    0xA801: Message("it does not know the AE title that they should go to"),
    0xA900: Message("it does not understand the query"),
    0xB000: Message("it could not send all of the images"),
    0xFE00: Message("it canceled the request"),
}
"""Status → what it says."""

NOT_ALL_SENT: Final = frozenset({0xA702, 0xB000})

PERSON: Final = (
    *("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex"),
)
"""What tells a `Person`, in its order."""

STUDY_KEYS: Final = ("StudyInstanceUID", "StudyDate", "ModalitiesInStudy", *PERSON)


@dataclass(frozen=True, slots=True)
class RemoteStudy:
    """A study that another PACS has."""

    study_instance_uid: str
    date: str
    """Study Date, as it stands."""
    person: Person
    modalities: frozenset[str]
    """Of its series; empty where that PACS does not say."""

    def may_have(self, modalities: Collection[str]) -> bool:
        """Whether it has series of some modalities, as far as that is known."""
        return not self.modalities or not self.modalities.isdisjoint(modalities)


class NotAllSent(PacsUnavailable):
    """The other PACS could not send all of the images, or none."""


class QueryRetrieve:
    """One PACS that answers questions. For one thread at a time.

    Everything may raise `PacsUnavailable` (it does not answer, or not now) and `PacsRefused`.
    """

    def __init__(
        self,
        target: DicomTarget,
        *,
        calling_aet: str,
        timeout_s: float,
        context: ssl.SSLContext | None = None,
    ) -> None:
        # pynetdicom's documented switches: identifiers name patients
        _config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
        self.target: Final = target
        self._opener = Opener(target, calling_aet=calling_aet, timeout_s=timeout_s, context=context)

    def studies(self, keys: Mapping[str, str]) -> list[RemoteStudy]:
        """Return the studies that match keyword → value, without wildcards; dates may be ranges."""
        wanted = {**dict.fromkeys(STUDY_KEYS, ""), **keys}
        found = {}
        for answer in self._find("STUDY", wanted):
            study = _study(answer)
            if study.study_instance_uid and _matches(answer, keys):
                found[study.study_instance_uid] = study
        return list(found.values())

    def images(self, study_instance_uid: str, modalities: Collection[str]) -> list[ImageUIDs]:
        """Return the images of a study whose series are of some modalities."""
        of_study = {"StudyInstanceUID": study_instance_uid}
        asked = {**of_study, "SeriesInstanceUID": "", "Modality": ""}
        series = {
            _text(answer, "SeriesInstanceUID")
            for answer in self._find("SERIES", asked)
            if _text(answer, "Modality") in modalities and _matches(answer, of_study)
        }
        found: dict[ImageUIDs, None] = {}
        for each in sorted(series - {""}):
            of_series = {**of_study, "SeriesInstanceUID": each}
            for answer in self._find("IMAGE", {**of_series, "SOPInstanceUID": ""}):
                sop = _text(answer, "SOPInstanceUID")
                if sop and _matches(answer, of_series):
                    found[ImageUIDs(study_instance_uid, each, sop)] = None
        return list(found)

    def get(self, images: Iterable[ImageUIDs], take: Callable[[bytes], object]) -> None:
        """Retrieve the series of some images over C-GET.

        Parameters
        ----------
        take
            Gets each file; where it raises `PacsError`, so does this, after the rest of the series
            came.
        """
        errors: list[PacsError] = []

        def received(event: Any) -> int:
            try:
                take(event.encoded_dataset())
            except PacsError as exc:
                errors.append(exc)
                return OUT_OF_RESOURCES
            return SUCCESS

        opener = replace(self._opener, received=received, receives=frozenset(IMAGES))
        for keys in _series(images):
            refusals: list[NotAllSent] = []
            for syntaxes in PROPOSALS:
                refusal = self._get(keys, opener, syntaxes)
                if errors:  # ours is the cause of what it says, if it says anything
                    raise errors[0]
                if refusal is None:
                    break
                refusals.append(refusal)
            else:
                raise refusals[0]

    def _get(
        self, series: Mapping[str, str], opener: Opener, syntaxes: Iterable[str]
    ) -> NotAllSent | None:
        """Retrieve a series; return why not all of it came, None when it did."""
        proposed = {Pair(each, syntax) for each in IMAGES for syntax in syntaxes}
        with self._association(GET, opener, proposed) as association:
            try:
                self._ended(association.send_c_get(_identifier("SERIES", series), GET))
            except NotAllSent as exc:
                return exc
        return None

    def move(self, images: Iterable[ImageUIDs], destination: str) -> None:
        """Have the series of some images sent to an AE title that this PACS knows."""
        with self._association(MOVE, self._opener) as association:
            for keys in _series(images):
                self._ended(association.send_c_move(_identifier("SERIES", keys), destination, MOVE))

    def _find(self, level: str, keys: Mapping[str, str]) -> list[Dataset]:
        with self._association(FIND, self._opener) as association:
            answers = association.send_c_find(_identifier(level, keys), FIND)
            return list(self._pending(answers))

    def _pending(self, answers: Iterable[tuple[Dataset, Dataset | None]]) -> Iterator[Dataset]:
        for status, answer in answers:
            if self._is_pending(status) and answer is not None:
                yield answer

    def _ended(self, answers: Iterable[tuple[Dataset, Dataset | None]]) -> None:
        for status, _ in answers:
            self._is_pending(status)

    def _is_pending(self, status: Dataset) -> bool:
        """Whether more comes after a status; raises where it says that something went wrong."""
        if "Status" not in status:
            raise PacsUnavailable(
                "{target} closed the connection, or did not answer in time.",
                "Check that PACS; a larger timeout_s gives it more time.",
                target=self.target,
            )
        code = int(status.Status)
        if code in PENDING or code == SUCCESS:
            return code != SUCCESS
        kind = PacsUnavailable if code in PASSING else PacsRefused
        kind = NotAllSent if code in NOT_ALL_SENT else kind
        problem = Message(
            "{target} answered with status {code}H{meaning}.",
            target=self.target,
            code=f"{code:04X}",
            meaning=Message(": {meaning}", meaning=MEANINGS[code]) if code in MEANINGS else "",
        )
        raise kind(problem, Message("Its log says more."))

    @contextmanager
    def _association(
        self, service: str, opener: Opener, proposed: Collection[Pair] = ()
    ) -> Iterator[Association]:
        own = {Pair(service, syntax) for syntax in PLAIN}
        line = opener.open(frozenset({*own, *proposed}))
        try:
            if own.isdisjoint(line.accepted):
                raise PacsRefused(
                    "{target} does not support {service} for our AE title.",
                    "Set retrieve to get or move as it supports; its conformance statement says "
                    "which.",
                    target=self.target,
                    service=SERVICES[service],
                )
            yield line.association
        finally:
            line.association.release()


def open_query(
    source: QuerySource, pacs: PacsSettings, *, timeout_s: float | None = None
) -> QueryRetrieve:
    """Return a PACS of the settings.

    Parameters
    ----------
    timeout_s
        Seconds to wait for one answer; None: those of its settings.

    Raises
    ------
    SettingInvalid
        Its address is none, or a file for TLS cannot be used.
    """
    target = parse_target(source.node)
    if not isinstance(target, DicomTarget):
        raise SettingInvalid(
            "{node} is not the DICOM address of a PACS.", "Write AET@HOST:PORT.", node=source.node
        )
    return QueryRetrieve(
        replace(target, tls=source.tls),
        calling_aet=pacs.aet,
        timeout_s=timeout_s or source.timeout_s,
        context=tls_files(pacs).context() if source.tls else None,
    )


def query_source(settings: Settings, name: str) -> QuerySource:
    """Return the PACS of that name in the settings, or at that address.

    Raises
    ------
    SettingInvalid
        There is none.
    """
    for each in settings.pacs.query:
        if each.name == name:
            return each
    if "@" in name:
        return QuerySource(name="PACS", node=name)
    raise SettingInvalid(
        "No table [[pacs.query]] has the name {name}.",
        "Give the PACS as AET@HOST:PORT, or add it to the settings; see docs/archives.md.",
        name=name,
    )


SERVICES: Final = {FIND: "C-FIND", GET: "C-GET", MOVE: "C-MOVE"}


def _identifier(level: str, keys: Mapping[str, str]) -> Dataset:
    identifier = Dataset()
    if not all(value.isascii() for value in keys.values()):
        identifier.SpecificCharacterSet = "ISO_IR 192"
    identifier.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    return identifier


def _series(images: Iterable[ImageUIDs]) -> list[dict[str, str]]:
    """Return the keys of each series of some images, once."""
    series = dict.fromkeys((each.study_instance_uid, each.series_instance_uid) for each in images)
    return [{"StudyInstanceUID": study, "SeriesInstanceUID": each} for study, each in series]


def _study(answer: Dataset) -> RemoteStudy:
    modalities = answer.get("ModalitiesInStudy") or ()
    modalities = (modalities,) if isinstance(modalities, str) else modalities
    return RemoteStudy(
        _text(answer, "StudyInstanceUID"),
        _text(answer, "StudyDate"),
        Person(*(_text(answer, keyword) for keyword in PERSON)),
        frozenset(map(str, modalities)),
    )


def _matches(answer: Dataset, keys: Mapping[str, str]) -> bool:
    """Whether an answer is one to the question; what it does not say contradicts nothing."""
    return all(_is_in(_text(answer, keyword), wanted) for keyword, wanted in keys.items())


def _is_in(said: str, wanted: str) -> bool:
    first, dash, last = wanted.partition("-")
    if not said or not wanted or said == wanted:
        return True
    is_range = dash and (first + last).isdigit()
    return bool(is_range) and (not first or first <= said) and (not last or said <= last)


def _text(answer: Dataset, keyword: str) -> str:
    return str(answer.get(keyword) or "").strip(" \0")
