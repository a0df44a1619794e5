"""Label files of the public datasets, read as TorchXRayVision's dataset classes read them.

Sources
-------
TorchXRayVision 1.5 ``datasets.py``; the datasets' own descriptions. docs/evaluation.md has a
table of what each file means by blank, uncertain and absent.
"""

import ast
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hilum.errors import SourceUnreadable
from hilum.evaluation.intervals import Floats
from hilum.evaluation.label_files import TextTable
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
from hilum.language import Message

NIH_LABELS: Final = (
    *("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema"),
    *("Fibrosis", "Hernia", "Infiltration", "Mass", "Nodule", "Pleural_Thickening", "Pneumonia"),
    "Pneumothorax",
)

PADCHEST_LABELS: Final = (
    *("Air Trapping", "Aortic Atheromatosis", "Aortic Elongation", "Atelectasis"),
    *("Bronchiectasis", "Cardiomegaly", "Consolidation", "Costophrenic Angle Blunting", "Edema"),
    *("Effusion", "Emphysema", "Fibrosis", "Flattened Diaphragm", "Fracture", "Granuloma"),
    *("Hemidiaphragm Elevation", "Hernia", "Hilar Enlargement", "Infiltration", "Mass", "Nodule"),
    *("Pleural_Thickening", "Pneumonia", "Pneumothorax", "Scoliosis", "Support Devices"),
    *("Tube'", "Tuberculosis"),
)
"""The quotation mark of the tube keeps to names that end so."""

PADCHEST_ALSO: Final[Mapping[str, tuple[str, ...]]] = {
    "Infiltration": (
        *("infiltrates", "interstitial pattern", "ground glass pattern"),
        *("reticular interstitial pattern", "reticulonodular interstitial pattern"),
        *("alveolar pattern", "consolidation", "air bronchogram"),
    ),
    "Pleural_Thickening": ("pleural thickening",),
    "Consolidation": ("air bronchogram",),
    "Hilar Enlargement": ("adenopathy", "pulmonary artery enlargement"),
    "Support Devices": ("device", "pacemaker"),
    "Tube'": ("stent'",),
}

PADCHEST_EXACT: Final[Mapping[str, tuple[str, ...]]] = {
    "Effusion": ("pleural effusion",),
    "Fibrosis": ("pulmonary fibrosis",),
    "Edema": ("pulmonary edema",),
    "Mass": ("mass", "pulmonary mass"),
    "Nodule": ("nodule", "multiple nodules"),
    "Hernia": ("hiatal hernia", "hernia"),
    "Tuberculosis": ("tuberculosis", "tuberculosis sequelae"),
    "Tube'": ("stent", "chest drain tube", "endotracheal tube", "nsg tube"),
    "Fracture": ("rib fracture", "clavicle fracture", "humeral fracture", "vertebral fracture"),
}
"""Whole names that a label means, where they are not the label itself."""

STANFORD_LABELS: Final = (
    *("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum"),
    *("Fracture", "Lung Lesion", "Lung Opacity", "Pleural Effusion", "Pleural Other"),
    *("Pneumonia", "Pneumothorax", "Support Devices"),
)
"""Columns of CheXpert and MIMIC."""

NOT_ZEROED: Final = "Support Devices"
"""What an image without findings may have all the same, in CheXpert."""

CHEXPERT_TEST: Final = "CheXpert test set"
"""No model learned from it: it was published years after the rest."""

VINDR_LABELS: Final = (
    *("Aortic enlargement", "Atelectasis", "Calcification", "Cardiomegaly", "Consolidation"),
    *("Effusion", "ILD", "Infiltration", "Lung Opacity", "Nodule/Mass", "Other Lesion"),
    *("Pleural_Thickening", "Pneumothorax", "Pulmonary Fibrosis"),
)
VINDR_ALSO: Final = {"Pleural_Thickening": "pleural thickening", "Effusion": "pleural effusion"}

OPENI_LABELS: Final = (
    *("Atelectasis", "Calcified Granuloma", "Cardiomegaly", "Edema", "Effusion", "Emphysema"),
    *("Fibrosis", "Fracture", "Granuloma", "Hernia", "Infiltration", "Lesion", "Mass", "Nodule"),
    *("Opacity", "Pleural_Thickening", "Pneumonia", "Pneumothorax"),
)
OPENI_ALSO: Final = {
    "Pleural_Thickening": "pleural thickening",
    "Infiltration": "infiltrate",
    "Atelectasis": "atelectases",
}
RENAMED: Final = {
    "Pleural Effusion": "Effusion",
    "Airspace opacity": "Lung Opacity",
    "Nodule or mass": "Nodule/Mass",
    "Opacity": "Lung Opacity",
    "Lesion": "Lung Lesion",
    "Tube'": "Tube",
}
"""A file's name of a finding → TorchXRayVision's."""

PADCHEST_YEAR: Final = 2019
"""Year of PadChest's paper: TorchXRayVision counts ages from it to leave children out."""


@dataclass(frozen=True, slots=True)
class PublicDataset:
    """One dataset: how to know its file, and how to read it."""

    name: str
    needs: tuple[str, ...]
    """Columns that tell it."""
    read: Callable[[TextTable, Mapping[str, TextTable], Policy], LabelTable]
    """Takes the file, the other files given, by kind, and the policy."""


def contained(texts: Sequence[str], names: Mapping[str, Iterable[str]]) -> Floats:
    """Return for each text which names it contains, shape ``(rows, names)``."""
    parts = list(names.values())
    said = {text: [any(part in text for part in each) for each in parts] for text in set(texts)}
    return np.array([said[text] for text in texts], np.float64).reshape(len(texts), len(parts))


def renamed(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that TorchXRayVision gives a file's findings."""
    return tuple(RENAMED.get(name, name) for name in names)


def _facts(table: TextTable, **columns: str) -> dict[Fact, list[str]]:
    facts = {Fact(kind): table.column(column) for kind, column in columns.items()}
    return {fact: cells for fact, cells in facts.items() if any(cells)}


def facts_beside(
    table: TextTable | None, key: str, names: Sequence[str], **columns: str
) -> dict[Fact, list[str]]:
    """Return the facts that a second file has of named images, ``""`` where it has none.

    Parameters
    ----------
    key
        Its column of names.
    columns
        Fact → its column.
    """
    if table is None:
        return {}
    at = {name: number for number, name in enumerate(table.column(key))}
    return {
        Fact(kind): [cells[at[name]] if name in at else "" for name in names]
        for kind, cells in ((kind, table.column(column)) for kind, column in columns.items())
    }


def _nih_facts(table: TextTable) -> dict[Fact, list[str]]:
    sex = "Patient Sex" if "Patient Sex" in table.columns else "Patient Gender"
    return _facts(table, patient="Patient ID", age="Patient Age", sex=sex, view="View Position")


def nih(table: TextTable, _: Mapping[str, TextTable], __: Policy) -> LabelTable:
    """Read NIH ChestX-ray14: what is not listed is absent."""
    names = {label: (label,) for label in NIH_LABELS}
    truth = contained(table.column("Finding Labels"), names)
    keys = {Key.FILE: table.column("Image Index")}
    return LabelTable(table.name, NIH_LABELS, truth, keys, _nih_facts(table), "NIH ChestX-ray14")


def google(table: TextTable, _: Mapping[str, TextTable], __: Policy) -> LabelTable:
    """Read Google's labels of NIH images: YES, and all else is absent."""
    columns = ("Airspace opacity", "Fracture", "Nodule or mass", "Pneumothorax")
    truth = np.array([[cell == "YES" for cell in table.column(name)] for name in columns], float).T
    keys = {Key.FILE: table.column("Image Index")}
    findings = renamed(columns)
    return LabelTable(table.name, findings, truth, keys, _nih_facts(table), "Google NIH")


def padchest(table: TextTable, _: Mapping[str, TextTable], policy: Policy) -> LabelTable:
    """Read PadChest: lists written as Python writes them, by parts of words or whole names."""
    texts = ["" if cell == "nan" else cell for cell in table.column("Labels")]
    names = {label: (label.lower(), *PADCHEST_ALSO.get(label, ())) for label in PADCHEST_LABELS}
    by_rules = contained if policy.rules is Rules.TXRV else _padchest_exact
    truth = by_rules(texts, names)
    truth[[not text for text in texts]] = UNKNOWN_LABEL
    facts = _facts(
        table,
        patient="PatientID",
        sex="PatientSex_DICOM",
        view="Projection",
        manufacturer="Manufacturer_DICOM",
        date="StudyDate_DICOM",
    )
    born = table.column("PatientBirth")
    facts[Fact.AGE] = [
        _age(day, year) for day, year in zip(table.column("StudyDate_DICOM"), born, strict=True)
    ]
    child = np.array([not (_number(year) < PADCHEST_YEAR - 10) for year in born])
    truth[child] = UNKNOWN_LABEL  # also where the year of birth is not known
    counted = (
        Message("{count} row without labels", "{count} rows without labels", count=texts.count("")),
        Message(
            "{count} row of a child, or of unknown age, left out",
            "{count} rows of children, or of unknown age, left out",
            count=int(child.sum()),
        ),
    )
    notes = tuple(note for note in counted if note.values["count"])
    keys = {Key.FILE: table.column("ImageID")}
    findings = renamed(PADCHEST_LABELS)
    return LabelTable(table.name, findings, truth, keys, facts, "PadChest", notes)


def _padchest_exact(texts: Sequence[str], names: Mapping[str, tuple[str, ...]]) -> Floats:
    """Return labels by whole names; an image that its readers excluded is not known."""
    whole = {label: {*names[label], *PADCHEST_EXACT.get(label, ())} for label in names}
    said = {text: {part.strip() for part in _list_in(text)} for text in set(texts)}
    truth = np.array(
        [[bool(each & said[text]) for each in whole.values()] for text in texts], float
    )
    truth[["exclude" in said[text] for text in texts]] = UNKNOWN_LABEL
    return truth


def _list_in(text: str) -> list[str]:
    """Return the list that Python wrote as text; what is none, as one name."""
    try:
        found = ast.literal_eval(text) if text.startswith("[") else [text]
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return re.findall(r"'([^']*)(?:'|$)", text)  # cut off, or with a NaN that is no text
    return [str(each) for each in found]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _age(day: str, year: str) -> str:
    """Return the age at the study from its date and the year of birth."""
    taken, born = _number(day[:4]), _number(year)
    return "" if math.isnan(taken - born) else f"{taken - born:.0f}"


def stanford_truth(table: TextTable, policy: Policy, *, devices_too: bool) -> Floats:
    """Return CheXpert's kind of labels: 1, 0, −1 for uncertain, blank for not mentioned."""
    values = {"1": PRESENT, "0": ABSENT, "-1": policy.uncertain, "": policy.blank}
    columns = [
        [values.get(cell.removesuffix(".0"), UNKNOWN_LABEL) for cell in table.column(name)]
        for name in STANFORD_LABELS
    ]
    truth = np.array(columns, np.float64).T
    normal = np.array([cell.startswith("1") for cell in table.column("No Finding")])
    zeroed = np.array([devices_too or name != NOT_ZEROED for name in STANFORD_LABELS])
    truth[np.ix_(normal, zeroed)] = ABSENT
    return truth


def chexpert(table: TextTable, _: Mapping[str, TextTable], policy: Policy) -> LabelTable:
    """Read CheXpert: uncertain and blank are not known, a normal image has none but devices."""
    facts = _facts(table, age="Age", sex="Sex", view="AP/PA")
    paths = table.column("Path")
    facts[Fact.PATIENT] = [
        found[0] if (found := re.search(r"patient\d+", path)) else "" for path in paths
    ]
    facts[Fact.AGE] = ["" if age == "0" else age for age in table.column("Age")]
    lateral = table.column("Frontal/Lateral")
    facts[Fact.VIEW] = [
        "L" if side == "Lateral" else view
        for side, view in zip(lateral, table.column("AP/PA"), strict=True)
    ]
    truth = stanford_truth(table, policy, devices_too=False)
    keys = {Key.FILE: paths}
    findings, notes = renamed(STANFORD_LABELS), (policy.note,)
    name = CHEXPERT_TEST if all(map(re.compile(r"(?:^|/)test/").search, paths)) else "CheXpert"
    return LabelTable(table.name, findings, truth, keys, facts, name, notes)


def mimic(table: TextTable, others: Mapping[str, TextTable], policy: Policy) -> LabelTable:
    """Read MIMIC-CXR: one row a study; its metadata file names the images and their views."""
    truth = stanford_truth(table, policy, devices_too=True)
    findings = renamed(STANFORD_LABELS)
    studies = table.column("study_id")
    patients = table.column("subject_id")
    metadata = others.get("MIMIC-CXR metadata")
    if metadata is None:
        folders = [f"s{study}" for study in studies]
        facts = {Fact.PATIENT: patients} if any(patients) else {}
        keys = {Key.FOLDER: folders}
        return LabelTable(table.name, findings, truth, keys, facts, "MIMIC-CXR", (policy.note,))
    at = {study: number for number, study in enumerate(studies)}
    of_study = [
        (row, at[study]) for row, study in enumerate(metadata.column("study_id")) if study in at
    ]
    rows, studies_of = ([pair[side] for pair in of_study] for side in (0, 1))
    columns = {
        Fact.PATIENT: "subject_id",
        Fact.VIEW: "ViewPosition",
        Fact.DATE: "StudyDate",
    }
    facts = {fact: _picked(metadata.column(name), rows) for fact, name in columns.items()}
    keys = {Key.FILE: _picked(metadata.column("dicom_id"), rows)}
    source = f"{table.name}, {metadata.name}"
    truth = truth[studies_of]
    return LabelTable(source, findings, truth, keys, facts, "MIMIC-CXR", (policy.note,))


def _picked(cells: Sequence[str], rows: Sequence[int]) -> list[str]:
    return [cells[row] for row in rows]


def grouped(names: Sequence[str]) -> tuple[list[str], list[list[int]]]:
    """Return the distinct names, in their order, and the rows of each."""
    rows: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        rows.setdefault(name, []).append(number)
    return list(rows), list(rows.values())


def rsna(table: TextTable, others: Mapping[str, TextTable], _: Policy) -> LabelTable:
    """Read the RSNA challenge: a row a box; sex, age and view are in a second file."""
    names, rows = grouped(table.column("patientId"))
    target = table.column("Target")
    shown = np.array([any(target[row] == "1" for row in those) for those in rows], float)
    headers = others.get("RSNA headers")
    columns = {"sex": "PatientSex", "age": "PatientAge", "view": "ViewPosition"}
    facts = facts_beside(headers, "PatientID", names, **columns)
    source = table.name if headers is None else f"{table.name}, {headers.name}"
    findings = ("Lung Opacity", "Pneumonia")
    truth = np.stack([shown, shown], axis=1)
    return LabelTable(source, findings, truth, {Key.FILE: names}, facts, "RSNA")


def siim(table: TextTable, _: Mapping[str, TextTable], __: Policy) -> LabelTable:
    """Read the SIIM challenge: an outline is a pneumothorax, −1 is none; several rows an image."""
    names, rows = grouped(table.column("ImageId"))
    outlines = table.column("EncodedPixels")
    said = [{outlines[row] for row in those} - {""} for those in rows]
    shown = np.array([UNKNOWN_LABEL if not each else each != {"-1"} for each in said], float)
    keys = {Key.INSTANCE: names, Key.FILE: names}
    return LabelTable(table.name, ("Pneumothorax",), shown[:, None], keys, {}, "SIIM")


def vindr(table: TextTable, _: Mapping[str, TextTable], policy: Policy) -> LabelTable:
    """Read VinDr-CXR: a row a box, or a row an image with a column a class; a reader each, or none.

    Any reader counts, or two of three by the exact rules; the test set has one answer an image.
    """
    images = table.column("image_id")
    names, rows = grouped(images)
    readers = table.column("rad_id")
    said = _boxes(table) if "class_name" in table.columns else _ticked(table)
    parts = {label: (label.lower(), VINDR_ALSO.get(label, label.lower())) for label in VINDR_LABELS}
    if policy.rules is Rules.TXRV:
        texts = ["|".join(sorted(set().union(*(said[row] for row in those)))) for those in rows]
        truth = contained(texts, parts)
    else:
        truth = np.zeros((len(names), len(parts)))
        fewest = 2 if any(readers) else 1
        for number, those in enumerate(rows):
            for column, wanted in enumerate(parts.values()):
                who = {readers[row] for row in those if said[row] & set(wanted)}
                truth[number, column] = len(who) >= fewest
    return LabelTable(table.name, VINDR_LABELS, truth, {Key.FILE: names}, {}, "VinDr-CXR")


def _boxes(table: TextTable) -> list[set[str]]:
    return [{name.lower()} for name in table.column("class_name")]


def _ticked(table: TextTable) -> list[set[str]]:
    """Return the classes of each row whose column says 1."""
    said: list[set[str]] = [set() for _ in table.rows]
    for name in set(table.columns) - {"image_id", "rad_id", ""}:
        for classes, cell in zip(said, table.column(name), strict=True):
            if cell.removesuffix(".0") == "1":
                classes.add(name.lower())
    return said


DATASETS: Final = (
    PublicDataset("Google NIH", ("Image Index", "Airspace opacity", "Nodule or mass"), google),
    PublicDataset("NIH ChestX-ray14", ("Image Index", "Finding Labels"), nih),
    PublicDataset("PadChest", ("ImageID", "Labels", "PatientBirth", "Projection"), padchest),
    PublicDataset("CheXpert", ("Path", "Pleural Other", "Pleural Effusion"), chexpert),
    PublicDataset("MIMIC-CXR", ("study_id", "Pleural Other", "Pleural Effusion"), mimic),
    PublicDataset("RSNA", ("patientId", "Target", "x"), rsna),
    PublicDataset("SIIM", ("ImageId", "EncodedPixels"), siim),
    PublicDataset("VinDr-CXR", ("image_id", "class_name", "x_min"), vindr),
    PublicDataset("VinDr-CXR", ("image_id", "Aortic enlargement", "Nodule/Mass"), vindr),
)

COMPANIONS: Final = {
    "MIMIC-CXR metadata": ("dicom_id", "subject_id", "study_id", "ViewPosition"),
    "RSNA headers": ("PatientID", "ViewPosition", "Filename", "Modality"),
    "Open-i metadata": ("imageid", "View Position", "Manufacturer"),
}
"""Second files of a dataset, and the columns that tell them."""


def dataset_of(table: TextTable) -> PublicDataset | None:
    """Return the dataset whose label file this is, None for a site's own."""
    return next((each for each in DATASETS if set(each.needs) <= set(table.columns)), None)


def companion_of(table: TextTable) -> str | None:
    """Return which dataset's second file this is, None for another file."""
    return next(
        (kind for kind, needs in COMPANIONS.items() if set(needs) <= set(table.columns)), None
    )


def public_labels(
    dataset: PublicDataset, table: TextTable, others: Mapping[str, TextTable], policy: Policy
) -> LabelTable:
    """Read a public dataset's label file.

    Raises
    ------
    SourceUnreadable
        Nothing in it can be read as that dataset's.
    """
    found = dataset.read(table, others, policy)
    if not len(found):
        raise SourceUnreadable(
            "{name} looks like {dataset}, but no row of it can be read.",
            "Check that it is the whole file.",
            name=table.name,
            dataset=dataset.name,
        )
    return found
