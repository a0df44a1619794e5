"""Label → coded concept, each with its source; a site may replace any of them."""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydicom.sr.coding import Code

from hilum.encode.identity import digest
from hilum.errors import SettingInvalid
from hilum.settings.section import first_invalid

PRIVATE: Final = "99TXRV"
"""Designator of hilum's own coding scheme; 99 marks private ones (PS3.16 8)."""

ShortText = Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[^\\]+$")]
"""Value Representation SH: Code Value and Coding Scheme Designator."""

LongText = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\\]+$")]
"""Value Representation LO: Code Meaning."""


class CodesTable(BaseModel):
    """A table of the codes file: frozen, and a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CodedEntry(CodesTable):
    """One coded concept and where it was checked."""

    value: ShortText
    scheme: ShortText
    meaning: LongText
    source: str

    @property
    def code(self) -> Code:
        """The concept as pydicom and highdicom take it."""
        return Code(self.value, self.scheme, self.meaning)


class FindingEntry(CodedEntry):
    """The concept of one label, where in the body it is, and its score's own concept."""

    site: str | None = None
    """Name of the part of the body within the table."""
    score: ShortText | None = None
    score_meaning: LongText | None = None
    """Code Value and Code Meaning of "score of this finding"; derived when not given."""


class StructureEntry(CodesTable):
    """Which part of the body a structure of a segmentation network is."""

    site: str
    """Name of the part of the body within the table."""
    side: Literal["right", "left"] | None = None


class SchemeEntry(CodesTable):
    """A private coding scheme, as results declare it."""

    uid: Annotated[str, Field(pattern=r"^[0-2](\.(0|[1-9]\d*))+$", max_length=64)]
    name: str
    organization: str


class CodeTable(CodesTable):
    """All codes that hilum writes, beyond those that PS3.16 fixes for its templates."""

    schemes: Mapping[str, SchemeEntry] = {}
    """Designator → private coding scheme."""
    sites: Mapping[str, CodedEntry] = {}
    """Name within this table → part of the body."""
    findings: Mapping[str, FindingEntry] = {}
    """The model's label → concept of the finding."""
    structures: Mapping[str, StructureEntry] = {}
    """The segmentation network's name → part of the body and side."""
    concepts: Mapping[str, CodedEntry] = {}
    """Name within this table → concept that the reports need."""

    def finding(self, label: str) -> Code:
        """Return the concept of a label; a private one, derived from it, when it is unknown."""
        entry = self.findings.get(label)
        return private_code(label) if entry is None else entry.code

    def site(self, label: str) -> Code | None:
        """Return the part of the body that the label is about, None when nobody said."""
        entry = self.findings.get(label)
        return None if entry is None or entry.site is None else self.sites[entry.site].code

    def site_probability(self, *, demonstration: bool) -> Code:
        """Return the code of a calibrated probability at a site."""
        return self.concept(f"{'demonstration_' * demonstration}site_probability")

    def score(self, label: str, *, demonstration: bool = False) -> Code:
        """Return the concept "score of this finding": viewers show it beside the region."""
        entry = self.findings.get(label)
        value = entry.score if entry is not None and entry.score else hashed("SCORE-", label)
        said = None if entry is None else entry.score_meaning
        meaning = said or f"{self.finding(label).meaning[:58]} score"
        if demonstration:
            return Code(f"D-{value}"[:16], PRIVATE, f"DEMONSTRATION {meaning}"[:64])
        return Code(value, PRIVATE, meaning)

    def concept(self, name: str) -> Code:
        """Return a concept that the reports need."""
        return self.concepts[name].code

    @property
    def digest(self) -> str:
        """Digest of the whole table: other codes give other results other UIDs."""
        return digest(self.model_dump(mode="json"))


def private_code(label: str) -> Code:
    """Return the private concept of a label that no table has, the same every time."""
    printable = "".join(letter if letter.isprintable() else " " for letter in label)
    readable = re.sub(r"[\\^=\s_]+", " ", printable).strip() or "unnamed"
    return Code(hashed("L-", label), PRIVATE, readable[:64])


def hashed(prefix: str, label: str) -> str:
    """Return a Code Value for a label that is too long, or too free, to be one."""
    return prefix + hashlib.sha256(label.encode()).hexdigest()[:8].upper()


@cache
def load_codes(replacement: Path | None = None) -> CodeTable:
    """Return hilum's codes, and over each the site's of that name, from a file like ``codes.toml``.

    Raises
    ------
    SettingInvalid
        The file cannot be read, or an entry in it cannot be used.
    """
    ours = tomllib.loads(files(__package__).joinpath("codes.toml").read_text("utf-8"))
    if replacement is None:
        return CodeTable(**ours)
    theirs = _read(replacement)
    try:
        table = CodeTable(**_merged(ours, theirs))
    except ValidationError as exc:
        name, why = first_invalid(exc)
        raise SettingInvalid(
            "The code {name} in {replacement} cannot be used: {why}.",
            "See docs/conformance.md for the format of that file.",
            name=name,
            replacement=replacement,
            why=why,
        ) from exc
    _check(table, replacement)
    return table


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as exc:
        raise SettingInvalid(
            "The codes file {path} cannot be read: {exc}.",
            "Correct it, or unset report.codes_file.",
            path=path,
            exc=exc,
        ) from exc


def _merged(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    merged = dict(ours)
    for section, entries in theirs.items():
        known = ours.get(section, {})
        merged[section] = {**known, **entries} if isinstance(entries, dict) else entries
    return merged


def _check(table: CodeTable, path: Path) -> None:
    """Refuse what each entry alone can't tell: unknown sites, undeclared private schemes."""
    named = [("findings", label, entry.site) for label, entry in table.findings.items()]
    named += [("structures", name, entry.site) for name, entry in table.structures.items()]
    for section, label, site in named:
        if site is not None and site not in table.sites:
            raise SettingInvalid(
                "The code {section}.{label} in {path} names the unknown site {site}.",
                "Use one of {sites}, or add it under [sites].",
                section=section,
                label=label,
                path=path,
                site=site,
                sites=", ".join(table.sites),
            )
    coded = (*table.sites.values(), *table.findings.values(), *table.concepts.values())
    for one in coded:
        if one.scheme.startswith("99") and one.scheme not in table.schemes:
            raise SettingInvalid(
                "The code {value} in {path} is of the private scheme {scheme}, which is not "
                "declared.",
                "Add a table [schemes.{scheme}] with uid, name and organization.",
                value=one.value,
                path=path,
                scheme=one.scheme,
            )
