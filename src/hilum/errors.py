"""Every error that hilum raises on purpose.

::

    HilumError                   says what happened and what the person can do, always
    ├── SettingInvalid           stop: the settings cannot be used
    ├── SourceUnreadable         a path, archive or file that cannot be opened
    │   └── PartDamaged          a part of a dataset's results that is cut off
    ├── StoreUnavailable         retried: an object store does not answer, or not now
    ├── RadiographRefused        final: the gate or the pixels said no, with coded reasons
    ├── ModelError
    │   ├── ModelUnknown         no card of that name
    │   ├── WeightsMissing       the card is known, its weights are not here
    │   ├── TermsNotAccepted     the weights have terms that nobody accepted
    │   ├── WeightsUntrusted     size, SHA-256 or contents are not what the card says
    │   ├── StatisticsDamaged    statistics of the reference images that cannot be read
    │   ├── ProviderMissing      the execution provider of the settings cannot be used here
    │   ├── ArithmeticWrong      a library computes something else than it should
    │   └── CardInvalid          a model card that cannot be used
    ├── EncodingFailed           the reading cannot be written down as DICOM
    ├── PacsError
    │   ├── PacsUnavailable      retried: no answer, or not now
    │   │   └── PacsNotOurs      retried: another program has the port of our Orthanc
    │   └── PacsRefused          final: the archive answered no
    │       ├── NotInPacs        final: it is not there, or not any more
    │       └── FileTooLarge     final: it has more bytes than may be fetched
    ├── DatasetError
    │   ├── SchedulerUnavailable no Dask scheduler answers, or not any more
    │   ├── WorkerDiffers        a worker has another hilum, model or settings
    │   └── WorkersDied          whatever the workers are given, their processes end
    ├── DeliveryError
    │   ├── ReceiverUnavailable  retried: a system beside the PACS did not take a message
    │   └── DeliveryRefused      final: it will not take it
    └── NodeError
        ├── PortTaken            a port of the settings is in use by something else
        ├── AlreadyRunning       another node uses this data folder
        ├── NotOnThisSystem      the command needs Linux
        ├── ProgramNotInstalled  Orthanc, another program or an optional package is not installed
        ├── PacsNotStarted       the Orthanc that hilum started ended or gave no answer
        ├── InferenceWorkerDied  retried once: the process that read an image ended
        ├── InferenceTimeout     retried once: it took longer than it may
        ├── FeedMoved            retried: another process follows the same feed
        └── DatabaseUnavailable  retried: the database cannot be used now
"""

from collections.abc import Sequence
from typing import ClassVar, Final

from hilum.eligibility import Reason
from hilum.language import Message
from hilum.language.message import filled_in


class HilumError(Exception):
    """Base of the tree above.

    Whoever shows it says `problem` and `remedy` in their own language; logs have the English.

    Parameters
    ----------
    problem
        What happened, to which file or study, as one sentence, with gaps for the `values`.
    remedy
        What the person can do, as one sentence.
    values
        What fills the gaps of both.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, problem: str, remedy: str, /, **values: object) -> None:
        self.problem = filled_in(problem, values)
        self.remedy = filled_in(remedy, values)
        super().__init__(self.problem, self.remedy)  # both in args, so it survives pickling

    @property
    def message(self) -> Message:
        """Problem and remedy."""
        return Message.joined(" ", (self.problem, self.remedy))

    def __str__(self) -> str:
        return str(self.message)


class SettingInvalid(HilumError):
    """A setting has a value that cannot be used."""


class SourceUnreadable(HilumError):
    """A path, archive or file cannot be opened as what it says it is."""


class PartDamaged(SourceUnreadable):
    """A part of a dataset's results is cut off, or is none: its images have to be read again."""


class StoreUnavailable(HilumError):
    """An object store does not answer, or not now: asking again may help."""

    retryable = True


class RadiographRefused(HilumError):
    """The image may not be read by the model; every reason is named.

    Parameters
    ----------
    reasons
        All objections at once, so that whoever fixes the sender needs one visit.
    """

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__(
            Message.joined("; ", [reason.text for reason in reasons]),
            Message("Send a frontal chest radiograph for presentation, or see docs/gate.md."),
        )
        self.args = (tuple(reasons),)
        self.reasons = tuple(reasons)


class ModelError(HilumError):
    """A model cannot be used."""


class ModelUnknown(ModelError):
    """There is no model card of that name."""


class WeightsMissing(ModelError):
    """The model is known, but its weights are not on this machine."""


class TermsNotAccepted(ModelError):
    """The weights have terms that a person must accept first."""


class WeightsUntrusted(ModelError):
    """A weights file is not what its card says, or holds more than tensors."""


class StatisticsDamaged(ModelError):
    """The statistics of the reference images are not what was written."""


class ProviderMissing(ModelError):
    """The execution provider of the settings cannot be used on this machine."""


class ArithmeticWrong(ModelError):
    """A library computes something else than it should on this machine."""


class CardInvalid(ModelError):
    """A model card that cannot be used."""


class EncodingFailed(HilumError):
    """A reading cannot be written down as DICOM."""


class PacsError(HilumError):
    """The PACS did not do what was asked."""


class PacsUnavailable(PacsError):
    """No answer, or not now: asking again may help."""

    retryable = True


class PacsNotOurs(PacsUnavailable):
    """Another program listens in the place of our Orthanc, and was told nothing."""


class PacsRefused(PacsError):
    """The PACS answered no: asking again will not help."""


class NotInPacs(PacsRefused):
    """The PACS does not hold what was asked for, or not any more."""


class FileTooLarge(PacsRefused):
    """A file in the PACS has more bytes than may be fetched."""

    def __init__(self, size: int, most: int) -> None:
        super().__init__(
            Message(
                "A file in the PACS has {size} bytes, {most} are allowed.", size=size, most=most
            ),
            Message(
                "Set node.max_file_bytes to a larger number if the machine has the memory for it."
            ),
        )
        self.args = (size, most)  # with which it is made again from a pickle
        self.sizes = Message("{size} bytes, {most} are allowed", size=size, most=most)


class NodeError(HilumError):
    """The node cannot start, or cannot go on."""


class PortTaken(NodeError):
    """A port of the settings is in use by another program."""


class AlreadyRunning(NodeError):
    """Another node uses this data folder."""


class NotOnThisSystem(NodeError):
    """The command needs Linux."""


class ProgramNotInstalled(NodeError):
    """A program that hilum starts, or an optional package, is not installed."""


class PacsNotStarted(NodeError):
    """The Orthanc that hilum started ended, or gave no answer."""


class InferenceWorkerDied(NodeError):
    """An inference worker ended while it analyzed an image."""

    retryable = True


class InferenceTimeout(NodeError):
    """An inference worker was ended because it took longer than it may."""

    retryable = True


class FeedMoved(NodeError):
    """Another process wrote down a position of the same feed; nothing of ours was kept."""

    retryable = True


class AuditRepositoryUnavailable(HilumError):
    """The audit record repository does not take the trail, or it is not known whether it did."""

    retryable = True


class DatasetError(HilumError):
    """A dataset run cannot go on; what it has read so far is kept."""


class SchedulerUnavailable(DatasetError):
    """No Dask scheduler answers at an address, or not any more."""


class WorkerDiffers(DatasetError):
    """A worker would not give the same results: another hilum, other weights or settings."""


class WorkersDied(DatasetError):
    """Every process that is given an image ends."""


SEE_DELIVERIES: Final = Message("See docs/deliveries.md.")


class DeliveryError(HilumError):
    """A system beside the PACS did not take a message; `problem` quotes nothing of it."""

    def __init__(self, problem: str, remedy: str = SEE_DELIVERIES, /, **values: object) -> None:
        super().__init__(problem, remedy, **values)


class ReceiverUnavailable(DeliveryError):
    """It did not, or not now; the message may be there all the same."""

    retryable = True


class DeliveryRefused(DeliveryError):
    """It will not take this message."""


class DatabaseUnavailable(NodeError):
    """The database cannot be used now, e.g. because its disk is full."""

    retryable = True
