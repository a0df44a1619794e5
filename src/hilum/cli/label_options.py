"""What ``hilum evaluate`` and ``hilum labels`` ask alike: label files, and how to read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from hilum.cli.node_readings import NODE, node_readings
from hilum.cli.option_sets import option_set
from hilum.cli.terminal import say
from hilum.dataset.parts import read_results
from hilum.evaluation.headers import HeaderFacts, header_facts
from hilum.evaluation.joining import Join, join
from hilum.evaluation.label_files import file_name
from hilum.evaluation.label_table import (
    ABSENT,
    PRESENT,
    UNKNOWN_LABEL,
    Fact,
    Key,
    LabelTable,
    Policy,
    Rules,
)
from hilum.evaluation.readings import ReadingTable, of_run, read_readings

MEANINGS: Final = {"unknown": UNKNOWN_LABEL, "absent": ABSENT, "present": PRESENT}
"""Choice of the options → value of the label."""

KEYS: Final = {
    "instance": Key.INSTANCE,
    "file": Key.FILE,
    "study": Key.STUDY,
    "accession": Key.ACCESSION,
    "patient-date": Key.PATIENT_DATE,
}

BY_HEADER: Final = frozenset({Key.ACCESSION, Key.PATIENT_DATE})
"""Keys of images that only their headers tell."""


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """What a person says about label files, and how they join readings."""

    blank: str
    uncertain: str
    """What an empty cell and an uncertain label mean, as choices of the options."""
    columns: tuple[str, ...]
    """``NAME=COLUMN`` where a column is called otherwise."""
    rules: str
    """Names of findings in public label files."""
    key: str | None
    """By what labels and readings join; None: by what finds most."""
    images: Path | None
    """Folder where the images lie now; None: where they were read."""

    @property
    def policy(self) -> Policy:
        """How labels are read.

        Raises
        ------
        click.UsageError
            A column has no equals sign.
        """
        named = pairs(self.columns, "--column")
        return Policy(MEANINGS[self.blank], MEANINGS[self.uncertain], Rules(self.rules), named)


label_options: Final = option_set(
    LabelOptions,
    "how",
    click.option(
        "--blank",
        type=click.Choice(list(MEANINGS)),
        default="unknown",
        show_default=True,
        help="What an empty cell means.",
    ),
    click.option(
        "--uncertain",
        type=click.Choice(list(MEANINGS)),
        default="unknown",
        show_default=True,
        help="What an uncertain label means.",
    ),
    click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="NAME=COLUMN",
        help="Column of a finding, or of file, accession, patient, date, sex, age, view, "
        "manufacturer or site, where it is called otherwise; may be repeated.",
    ),
    click.option(
        "--label-rules",
        "rules",
        type=click.Choice([rule.value for rule in Rules]),
        default=Rules.TXRV.value,
        show_default=True,
        help="Names of findings in public label files: parts of words, as TorchXRayVision, "
        "or whole names.",
    ),
    click.option(
        "--key",
        type=click.Choice(list(KEYS)),
        help="Join by this. Default: what finds most.",
    ),
    click.option(
        "--images",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Folder where the images lie now. Default: where they were read.",
    ),
)
"""Adds the options about labels to a command."""


def pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    """Return what ``NAME=VALUE`` options say.

    Raises
    ------
    click.UsageError
        One has no equals sign.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise click.UsageError(
                say("{option} takes NAME=VALUE, not {text!r}.", option=option, text=text)
            )
        found[name.strip()] = value.strip()
    return found


def open_readings(path: Path) -> ReadingTable:
    """Read readings: a file of ``hilum read``, the folder of a dataset run, or a node's own.

    Raises
    ------
    SourceUnreadable
        They cannot be read.
    ProgramNotInstalled
        It is a folder, and pyarrow is not installed.
    """
    if str(path).startswith(NODE):
        return node_readings(str(path).removeprefix(NODE))
    if path.is_dir():
        return of_run(read_results(path), file_name(path))
    return read_readings(path)


def joined(labels: LabelTable, readings: ReadingTable, how: LabelOptions) -> Join:
    """Join labels and readings; headers of the images are read where they can add something.

    Raises
    ------
    SourceUnreadable
        No label finds an image.
    """
    by = None if how.key is None else KEYS[how.key]
    asked = labels.keys.keys() if by is None else {by}
    facts: Mapping[Fact, Sequence[str]] = readings.facts
    headers: HeaderFacts | None = None
    untold = asked <= BY_HEADER and not readings.accessions
    if not facts or how.images is not None or untold:
        headers = header_facts(readings.paths, how.images)
        if headers.found:
            facts = {**headers.facts} if not facts else {**facts, **_better(headers)}
    return join(
        labels,
        readings,
        facts=facts,
        accessions=readings.accessions if headers is None else headers.accessions,
        by=by,
    )


def _better(headers: HeaderFacts) -> Mapping[Fact, Sequence[str]]:
    """Return what headers say better than a dataset run, which has no name, site or day."""
    return {fact: headers.facts[fact] for fact in (Fact.PATIENT, Fact.SITE, Fact.DATE)}
