"""What the web application needs of the node, passed in at start."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hilum.pacs.credentials import PacsAddress
from hilum.pacs.orthanc.client import Orthanc
from hilum.radiograph import ImageUIDs
from hilum.records import Database
from hilum.settings import Settings
from hilum.web.tools import StudyTools


@dataclass(frozen=True, slots=True)
class NodeCheck:
    """One line of the state of health.

    Attributes
    ----------
    name
        What was looked at, in a few words.
    ok
        Whether it is as it should be.
    text
        What was found.
    remedy
        What a person can do; empty when there is nothing to do.
    """

    name: str
    ok: bool
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model as the operations page shows it.

    Attributes
    ----------
    name, version, sha256
        Those of its card.
    in_use, installed, verified, demonstration
        Whether it reads now, is here, matches a published hash, is no trained one.
    text
        Its description, training data and limits, as the card says them.
    """

    name: str
    version: str
    sha256: str
    in_use: bool
    installed: bool
    verified: bool
    demonstration: bool
    text: str = ""


def nothing() -> Sequence[Any]:
    """Return nothing: a page without a node."""
    return ()


def nothing_asked(_: Iterable[ImageUIDs]) -> int:
    """Retry nothing: a page without a node."""
    return 0


@dataclass(frozen=True, slots=True, eq=False)
class WebContext:
    """What the web application works with; built once at start.

    Attributes
    ----------
    settings
        All settings.
    database
        Records, sessions, users.
    archive
        The archive's name in the records.
    pacs
        How the PACS is called: for DICOMweb, which is handed through.
    orthanc
        Returns a REST client of the PACS; it is shared and safe for several threads.
    read_file
        File and its name → one ``hilum.reading/1`` document; nothing is stored.
        None where no model can be loaded.
    retry
        Images → how many of them will be read again.
    health, models
        What the node says of itself.
    tools
        What the study page needs of other packages; None: it shows text and numbers only.
    """

    settings: Settings
    database: Database
    archive: str
    pacs: PacsAddress
    orthanc: Callable[[], Orthanc]
    read_file: Callable[[bytes, str], Mapping[str, Any]] | None = None
    retry: Callable[[Iterable[ImageUIDs]], int] = nothing_asked
    health: Callable[[], Sequence[NodeCheck]] = nothing
    models: Callable[[], Sequence[InstalledModel]] = nothing
    tools: StudyTools | None = None
