"""Cells that list the findings of an image, and the names that findings have."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Final

import numpy as np

from hilum.evaluation.intervals import Floats
from hilum.evaluation.label_files import squashed
from hilum.evaluation.label_table import PRESENT, UNKNOWN_LABEL
from hilum.language import LANGUAGES, Message
from hilum.wording import FINDING_NAMES, finding_name

OTHER_NAMES: Final = {
    "pleuraleffusion": "Effusion",
    "pulmonaryedema": "Edema",
    "pulmonaryoedema": "Edema",
    "oedema": "Edema",
    "airspaceopacity": "Lung Opacity",
    "opacity": "Lung Opacity",
    "opacidade": "Lung Opacity",
    "opacidad": "Lung Opacity",
    "derrame": "Effusion",
    "pulmonaryfibrosis": "Fibrosis",
    "lesion": "Lung Lesion",
    "infiltrate": "Infiltration",
    "infiltrates": "Infiltration",
    "hiatalhernia": "Hernia",
    "enlargedheart": "Cardiomegaly",
}
"""Squashed names of findings that are neither labels nor their names on the page."""

NORMAL: Final = frozenset(
    {
        *("nofinding", "nofindings", "normal", "none", "0", "unremarkable"),
        *("semachados", "semalteracoes", "semalteracao", "nenhum", "examenormal", "toraxnormal"),
        *("sinhallazgos", "sinalteraciones", "ninguno"),
    }
)
"""Squashed words that say: none of them."""

LONGEST_NAME: Final = 40
"""Characters of a finding's name at most; what is longer is a sentence."""

SHORTEST_MENTION: Final = 4
"""Letters of a name that tell a finding within other words."""

BETWEEN: Final = re.compile(r"[,+/&]|\s(?:e|y|and|com|con|with)\s", re.IGNORECASE)
"""Parts the names of findings where no bar or semicolon does."""


@cache
def _names() -> Mapping[str, str]:
    """Return squashed name → label, of every name that hilum itself gives a finding."""
    known = dict(OTHER_NAMES)
    for label in FINDING_NAMES:
        known[squashed(label)] = label
        for language in LANGUAGES:
            known.setdefault(squashed(finding_name(label, language)), label)
    return known


def label_of(name: str, labels: Sequence[str] = ()) -> str | None:
    """Return the label that a column or a word means, None for none that is known.

    Parameters
    ----------
    labels
        Those of a model, which it may have of its own.
    """
    plain = squashed(name)
    own = {squashed(label): label for label in labels}
    return own.get(plain) or _names().get(plain)


@dataclass(frozen=True, slots=True, eq=False)
class ListedFindings:
    """What cells say that list findings."""

    findings: tuple[str, ...]
    truth: Floats
    """Shape ``(rows, findings)``."""
    other_words: int
    """Cells with a finding in other words, which is not known there."""
    free_text: int
    """Cells with sentences, of which nothing is known."""

    @property
    def notes(self) -> list[Message]:
        """The same in words."""
        texts = {
            Message(
                "{count} cell names a finding in other words: not known there.",
                "{count} cells name a finding in other words: not known there.",
                count=self.other_words,
            ): self.other_words,
            Message(
                "{count} cell is free text: not known.",
                "{count} cells are free text: not known.",
                count=self.free_text,
            ): self.free_text,
        }
        return [text for text, count in texts.items() if count]


def listed_findings(cells: Sequence[str], labels: Sequence[str]) -> ListedFindings:
    """Return findings and truth of cells that list what is there: ``Effusion|Mass``.

    A blank cell is not known, nor one with sentences; one that says normal has none of them. A
    finding in other words, such as *small effusion on the left*, may be there or not: not known.
    """
    rows = [list(_parts(cell, labels)) for cell in cells]
    parts = {
        part
        for row in rows
        for part in row
        if len(part) <= LONGEST_NAME and squashed(part) not in NORMAL
    }
    mentioned = {part: _mentioned(part, labels) for part in parts}
    names = {part: label_of(part, labels) or part for part in parts if not mentioned[part]}
    findings = tuple(sorted({*names.values(), *chain.from_iterable(mentioned.values())}))
    at = {name: number for number, name in enumerate(findings)}
    truth = np.zeros((len(cells), len(findings)))
    other_words = free_text = 0
    for number, row in enumerate(rows):
        sentences = any(len(part) > LONGEST_NAME for part in row)
        free_text += sentences
        if sentences or not row:
            truth[number] = UNKNOWN_LABEL
            continue
        named = [names[part] for part in row if part in names]
        unclear = {label for part in row for label in mentioned.get(part, ())} - set(named)
        other_words += bool(unclear)
        truth[number, [at[label] for label in unclear]] = UNKNOWN_LABEL
        truth[number, [at[label] for label in named]] = PRESENT
    return ListedFindings(findings, truth, other_words, free_text)


def _parts(cell: str, labels: Sequence[str]) -> Iterator[str]:
    """Yield the names of a cell; commas part them where that makes names that are known."""
    for part in filter(None, map(str.strip, re.split(r"[|;\n]", cell))):
        pieces = [piece.strip() for piece in BETWEEN.split(part) if piece.strip()]
        whole = label_of(part, labels) or squashed(part) in NORMAL
        if whole or not any(label_of(piece, labels) for piece in pieces):
            yield part
        else:
            yield from pieces


def _mentioned(part: str, labels: Sequence[str]) -> set[str]:
    """Return the findings whose names stand within words that are no name."""
    if label_of(part, labels):
        return set()
    plain = squashed(part)
    known = {**{squashed(label): label for label in labels}, **_names()}
    return {
        label for name, label in known.items() if len(name) >= SHORTEST_MENTION and name in plain
    }
