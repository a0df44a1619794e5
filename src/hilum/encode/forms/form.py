"""What a result form is: a file format for a reading, beside DICOM."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hilum.outcome import Outcome
from hilum.reading import Reading
from hilum.settings import ReportSettings


@dataclass(frozen=True, slots=True, eq=False)
class FormSource:
    """What every form of one reading is made from."""

    outcome: Outcome
    """Outcome of an image that was read."""
    reading: Reading
    document: Mapping[str, Any]
    """The same as a hilum.reading/1 document."""
    when: datetime
    """Time of the analysis, with its UTC offset."""
    settings: ReportSettings
    """Language and codes."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write down a reading."""

    name: str
    """What a person asks for."""
    title: str
    """What it is called on the page, the same in every language."""
    suffix: str
    """Ending of its files."""
    media_type: str
    make: Callable[[FormSource], bytes]
    """Makes the content of a file."""
    needs_image: bool = False
    """Whether it takes header and pixels of the image, which a reading is kept without."""
    for_people: bool = False
    """Whether the page makes it in the language of who asks; others have that of the settings."""
