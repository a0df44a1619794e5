"""Which label is whose: label rows and images brought together, and what finds no partner."""

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.errors import SourceUnreadable
from hilum.evaluation.intervals import Floats
from hilum.evaluation.label_table import KEY_NAMES, OF_STUDY, Fact, Key, LabelTable
from hilum.evaluation.own_labels import patient_date
from hilum.evaluation.readings import ReadingTable
from hilum.language import Message

SUFFIXES: Final = (
    *(".dcm", ".dicom", ".dic", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gz"),
)
"""Endings of file names that are no part of the image's name."""

DEEPEST: Final = 5
"""Folders of a path, from the file up, that may tell images apart."""

EXAMPLES: Final = 5
"""Label rows without an image that are shown with what they resemble."""

POOL: Final = 5000
"""Images among which the nearest name is looked for."""

NEAR: Final = 0.75
"""How alike two names are (0 to 1) for one to be suggested for the other."""


@dataclass(frozen=True, slots=True)
class KeyMatch:
    """How far one kind of key brings labels and images together."""

    key: Key
    folders: int
    """For file names: how many folders above the file are compared, too."""
    rows: int
    """Label rows that find an image."""
    several: int
    """Of them, those that find more than one."""

    @property
    def joined(self) -> int:
        """Label rows that are used: a file's name that several images have is nobody's."""
        return self.rows - self.several if self.key is Key.FILE else self.rows


@dataclass(frozen=True, slots=True, eq=False)
class Join:
    """Labels of the images that were read.

    Attributes
    ----------
    truth
        Shape ``(images, findings)``, rows as in the readings: 1, 0, or NaN for not known.
    labelled
        Shape ``(images,)``: which images have a label row at all.
    """

    key: Key
    matches: tuple[KeyMatch, ...]
    """What every kind of key would have found, the best first."""
    truth: Floats
    labelled: NDArray[np.bool_]
    facts: Mapping[Fact, Sequence[str]]
    """Of each image, from the label file where it says so, else from the readings."""
    rows: NDArray[np.intp]
    """Shape ``(images,)``: a label row of the image, −1 without one."""
    unmatched: tuple[str, ...]
    """Names in the label file that no image has."""
    nearest: Mapping[str, str]
    """Of some of them, the image's name that is most like it."""
    ambiguous: tuple[str, ...]
    """Names that several images have which are not of one study; left out."""
    shared: int
    """Images that have the label of their whole study, which has more of them."""
    contradictions: int
    """Labels that rows of the same image contradict; not known."""


def file_key(name: str, folders: int) -> str:
    """Return a path as it is compared: its last parts, no ending, no case."""
    parts = name.replace("\\", "/").replace("!", "/").rstrip("/").casefold().split("/")
    last = parts[-1]
    while last.endswith(SUFFIXES):
        last = last.rpartition(".")[0]
    return "/".join([*parts[-1 - folders : -1], last] if folders else [last])


def accession_key(text: str) -> str:
    """Return an accession number as it is compared: zeros in front get lost in spreadsheets."""
    return text.strip().casefold().lstrip("0")


def keys_of(
    readings: ReadingTable, facts: Mapping[Fact, Sequence[str]], accessions: Sequence[str]
) -> dict[Key, list[str]]:
    """Return what label rows may name an image by, one text an image each."""
    parents = [path.replace("\\", "/").replace("!", "/").split("/") for path in readings.paths]
    keys = {
        Key.INSTANCE: list(readings.instances),
        Key.FILE: list(readings.paths),
        Key.STUDY: list(readings.studies),
        Key.ACCESSION: list(accessions),
        Key.FOLDER: [parts[-2] if len(parts) > 1 else "" for parts in parents],
    }
    if Fact.PATIENT in facts and Fact.DATE in facts:
        keys[Key.PATIENT_DATE] = [
            patient_date(patient, day)
            for patient, day in zip(facts[Fact.PATIENT], facts[Fact.DATE], strict=True)
        ]
    return keys


def _compared(key: Key, texts: Sequence[str], folders: int) -> list[str]:
    if key is Key.FILE:
        return [file_key(text, folders) if text else "" for text in texts]
    if key is Key.ACCESSION:
        return [accession_key(text) for text in texts]
    return [text.strip().casefold() for text in texts]


def join(
    labels: LabelTable,
    readings: ReadingTable,
    *,
    facts: Mapping[Fact, Sequence[str]],
    accessions: Sequence[str] = (),
    by: Key | None = None,
) -> Join:
    """Bring label rows and images together by the key that finds most.

    Parameters
    ----------
    facts
        Of each image, what readings and headers say.
    accessions
        Accession number of each image, empty when not known.
    by
        The key to use; None: the best.

    Raises
    ------
    SourceUnreadable
        No label finds an image.
    """
    ours = keys_of(readings, facts, accessions or [""] * len(readings))
    matches = sorted(
        (
            found
            for key, texts in labels.keys.items()
            if key in ours and by in {None, key}
            for found in _matches(key, texts, ours[key])
        ),
        key=lambda found: (
            -found.joined,
            found.several if found.key not in OF_STUDY else 0,
            list(Key).index(found.key),
            found.folders,
        ),
    )
    if not matches or not matches[0].rows:
        raise nothing_joins(labels, ours, by)
    best = matches[0]
    theirs = _compared(best.key, labels.keys[best.key], best.folders)
    mine = _compared(best.key, ours[best.key], best.folders)
    by_kind: dict[Key, KeyMatch] = {}
    for found in matches:
        by_kind.setdefault(found.key, found)
    return _joined(labels, readings, facts, tuple(by_kind.values()), (theirs, mine))


def _matches(key: Key, theirs: Sequence[str], ours: Sequence[str]) -> list[KeyMatch]:
    """Return what a kind of key finds; for files, with each number of folders that helps."""
    found: list[KeyMatch] = []
    for folders in range(DEEPEST + 1 if key is Key.FILE else 1):
        counted = Counter(_compared(key, ours, folders))
        del counted[""]
        hits = [counted[text] for text in _compared(key, theirs, folders)]
        match = KeyMatch(key, folders, sum(map(bool, hits)), sum(hit > 1 for hit in hits))
        if found and match.rows < found[-1].rows and not found[-1].several:
            break
        found.append(match)
        if not match.several:
            break
    return found


def nothing_joins(
    labels: LabelTable, ours: Mapping[Key, Sequence[str]], by: Key | None
) -> SourceUnreadable:
    """Return the error for labels of which none finds an image, with an example of each."""
    if by is not None and by not in labels.keys:
        return SourceUnreadable(
            "{name} has no column of {key}: it names images by {keys}.",
            "Leave --key out, or say with --column which column it is.",
            name=labels.source,
            key=KEY_NAMES[by],
            keys=Message.joined(", ", [KEY_NAMES[each] for each in labels.keys]),
        )
    asked = labels.keys if by is None else (by,)
    key = next((each for each in asked if any(ours.get(each, ()))), None)
    if key is None:
        return SourceUnreadable(
            "No label of {name} finds an image: it names images by {keys}, which the readings "
            "lack.",
            "Give the folder of the images with --images, or labels with SOPInstanceUID or file "
            "name.",
            name=labels.source,
            keys=Message.joined(", ", [KEY_NAMES[each] for each in asked]),
        )
    return SourceUnreadable(
        "No label of {name} finds an image: by {key} it has {theirs!r}, the readings have "
        "{ours!r}.",
        "hilum labels check FILE --readings READINGS shows what is alike.",
        name=labels.source,
        key=KEY_NAMES[key],
        theirs=next(filter(None, labels.keys[key]), "").replace("\0", " "),
        ours=next(filter(None, ours[key]), "").replace("\0", " "),
    )


def _joined(
    labels: LabelTable,
    readings: ReadingTable,
    facts: Mapping[Fact, Sequence[str]],
    matches: tuple[KeyMatch, ...],
    compared: tuple[Sequence[str], Sequence[str]],
) -> Join:
    best, (theirs, mine) = matches[0], compared
    images: dict[str, list[int]] = {}
    for number, text in enumerate(mine):
        if text:
            images.setdefault(text, []).append(number)
    of_study = best.key in OF_STUDY
    truth = np.full((len(readings), len(labels.findings)), np.nan)
    rows = np.full(len(readings), -1, dtype=np.intp)
    again = np.zeros(truth.shape, dtype=np.bool_)
    ambiguous, unmatched = [], []
    for row, text in enumerate(theirs):
        named = images.get(text, [])
        if not named:
            unmatched.append(labels.keys[best.key][row].replace("\0", " "))
        elif len(named) > 1 and best.key is Key.FILE:
            ambiguous.append(labels.keys[best.key][row])
        else:
            for image in named:
                _add(truth[image], labels.truth[row], again[image])
                rows[image] = row
    truth[again] = np.nan
    counted = Counter(text for number, text in enumerate(mine) if rows[number] >= 0)
    return Join(
        key=best.key,
        matches=matches,
        truth=truth,
        labelled=rows >= 0,
        facts=_facts_of(labels, facts, rows),
        rows=rows,
        unmatched=tuple(unmatched),
        nearest=_nearest(unmatched, list(images), best),
        ambiguous=tuple(ambiguous),
        shared=sum(count for count in counted.values() if count > 1) if of_study else 0,
        contradictions=int(again.sum()),
    )


def _add(there: Floats, said: Floats, again: NDArray[np.bool_]) -> None:
    """Add what a further row says of an image; what it contradicts is marked."""
    both = ~np.isnan(there) & ~np.isnan(said)
    again |= both & (there != said)
    take = np.isnan(there)
    there[take] = said[take]


def _facts_of(
    labels: LabelTable, facts: Mapping[Fact, Sequence[str]], rows: NDArray[np.intp]
) -> dict[Fact, list[str]]:
    """Return what is known of each image, the label file's word first."""
    found = {}
    for fact in Fact:
        said, other = labels.facts.get(fact), facts.get(fact)
        if said is None and other is None:
            continue
        found[fact] = [
            (said[row] if said is not None and row >= 0 else "") or (other[image] if other else "")
            for image, row in enumerate(rows)
        ]
    return found


def _nearest(unmatched: Sequence[str], known: Sequence[str], best: KeyMatch) -> dict[str, str]:
    """Return for some names without an image the name of one that is much like it."""
    found = {}
    for name in unmatched[:EXAMPLES]:
        text = _compared(best.key, [name], best.folders)[0]
        alike = difflib.get_close_matches(text, known[:POOL], 1, NEAR)
        if alike:
            found[name] = alike[0].replace("\0", " ")
    return found
