"""What the web application needs of the node, passed in at start."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hilum.pacs.archive import Archive
from hilum.pacs.credentials import PacsAddress
from hilum.radiograph import ImageUIDs
from hilum.records import Database
from hilum.records.job import Job
from hilum.settings import Settings
from hilum.web.study_tools import StudyTools


@dataclass(frozen=True, slots=True)
class NodeCheck:
    """One line of the state of health."""

    name: str
    """What was looked at, in a few words."""
    ok: bool
    """Whether it is as it should be."""
    text: str
    """What was found."""
    remedy: str = ""
    """What a person can do; empty when there is nothing to do."""


@dataclass(frozen=True, slots=True)
class HealthSource:
    """What the node says of itself, asked anew each time."""

    beat_age_s: Callable[[], float | None]
    """Seconds since the last heartbeat, None when there was none yet."""
    checks: Callable[[], Sequence[NodeCheck]]
    """Whether images are read now: the model, the PACS, the database, the disk."""
    metrics: Callable[[], bytes]
    """Prometheus' text."""


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model as the operations page shows it."""

    name: str
    version: str
    sha256: str
    """Those of its card."""
    in_use: bool
    installed: bool
    verified: bool
    demonstration: bool
    """Whether it reads now, is here, matches a published hash, is no trained one."""
    text: str = ""
    """Its description, training data and limits, as the card says them."""


def nothing() -> Sequence[Any]:
    """Return nothing: a page without a node."""
    return ()


def nothing_asked(_: Iterable[ImageUIDs]) -> int:
    """Retry nothing: a page without a node."""
    return 0


@dataclass(frozen=True, slots=True, eq=False)
class WebContext:
    """What the web application works with; built once at start."""

    settings: Settings
    """All settings."""
    database: Database
    """Records, sessions, users."""
    archive: str
    """The archive's name in the records."""
    address: PacsAddress
    """How the PACS is called: for DICOMweb, which is handed through."""
    pacs: Archive
    """The archive itself."""
    read_file: Callable[[bytes, str], Mapping[str, Any]] | None = None
    """File and its name → one ``hilum.reading/1`` document; nothing is stored. None where no model
    can be loaded."""
    retry: Callable[[Iterable[ImageUIDs]], int] = nothing_asked
    """Images → how many of them will be read again."""
    read_study: Callable[[str, bool], int] = lambda _study, _again: 0
    """Queues the images of a study in the archive, also those that were read if that is asked for;
    returns how many."""
    use_points: Callable[[str, str], str] | None = None
    """Name of operating points and who asks → puts them to use; None where no model can be
    loaded. Raises as `hilum.node.points.PointsDesk.use`."""
    card_points: Callable[[], Sequence[str]] = nothing
    """Names of the sets of operating points of the model's card."""
    named_points: Callable[[], tuple[str, str] | None] = lambda: None
    """Name and content of the file of operating points that the setting names, no content of one
    that was written by hand; None where it names a set of the card."""
    retry_deliveries: Callable[[], int] = lambda: 0
    """Lets everything be sent again that failed to arrive; returns how much that is."""
    health: Callable[[], Sequence[NodeCheck]] = nothing
    models: Callable[[], Sequence[InstalledModel]] = nothing
    """What the node says of itself."""
    ask_anatomy: Callable[[Job], bool] | None = None
    """Queues the measurement of the anatomy of an image that was read; False where it is queued or
    done already. None where the settings switch it off."""
    tools: StudyTools | None = None
    """What the study page needs of other packages; None: it shows text and numbers only."""
