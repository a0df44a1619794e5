"""The patient's name as results have it, where the archive reads the image's otherwise.

Orthanc takes text without a character set for its DefaultEncoding, and drops what it cannot
decode. There its bytes are asked for, and decoded as those of the image are.
"""

import re
from typing import Any, Final

from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from hilum.pacs.archive import Archive
from hilum.settings import DefaultCharacterSet
from hilum.values.character_sets import UTF_8, WIDER, Declaration
from hilum.values.texts import decoded, text_in

TEXTS: Final = (
    *("PatientName", "PatientID", "AccessionNumber", "StudyDescription"),
    *("InstitutionName", "ReferringPhysicianName"),
)
"""Attributes of the page's records that are free text."""

LOST: Final = "\ufffd"
"""Replacement for bytes that could not be decoded."""

ESCAPED: Final = re.compile(r"\$[@B()]|\([BJ]")
"""What is left of an escape sequence without its first byte."""


def stored_text(
    archive: Archive, reference: str, tags: dict[str, Any], default: DefaultCharacterSet | None
) -> dict[str, str]:
    """Return texts of an image by keyword; none where the archive's own are right.

    Raises
    ------
    PacsError
        It does not answer.
    """
    if not is_doubtful(tags):
        return {}
    header = Dataset()
    said = str(tags.get("SpecificCharacterSet") or "").encode("latin-1", "replace")
    stored = {"SpecificCharacterSet": said} | {
        keyword: archive.stored(reference, keyword) for keyword in TEXTS if keyword in tags
    }
    for keyword, value in stored.items():
        tag, vr = Tag(keyword), dictionary_VR(keyword)
        header[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)  # noqa: FBT003  pydicom's order
    letters = decoded(header, default).dataset
    return {keyword: text_in(letters[keyword]) for keyword in TEXTS if keyword in letters}


def is_doubtful(tags: dict[str, Any]) -> bool:
    """Whether an archive may have read an image's texts otherwise than its results have them."""
    said = str(tags.get("SpecificCharacterSet") or "")
    texts = "".join(str(tags.get(keyword) or "") for keyword in TEXTS)
    declaration = Declaration.of(said)
    several = len(declaration.terms) > 1 and UTF_8 in declaration.terms  # Orthanc takes the first
    if declaration.is_defined and not several and not said.startswith("ISO 2022 IR 6\\"):
        return LOST in texts or not WIDER.keys().isdisjoint(declaration.codecs)
    return bool(said) or not texts.isascii() or ESCAPED.search(texts) is not None
