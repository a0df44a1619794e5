"""A site's own label file: columns found by name, cells read as people write them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Final

import numpy as np

from hilum.errors import SourceUnreadable
from hilum.evaluation.intervals import Floats
from hilum.evaluation.label_files import TextTable, first_of, squashed
from hilum.evaluation.label_table import (
    ABSENT,
    PRESENT,
    UNKNOWN_LABEL,
    Fact,
    Key,
    LabelTable,
    Policy,
)
from hilum.language import LANGUAGES, Message
from hilum.values.dates import read_day
from hilum.wording import FINDING_NAMES, finding_name

KEY_COLUMNS: Final[Mapping[Key, tuple[str, ...]]] = {
    Key.INSTANCE: (
        *("sopinstanceuid", "instanceuid", "imageuid", "sopuid", "sop", "objectuid"),
        "uiddaimagem",
    ),
    Key.FILE: (
        *("path", "filepath", "file", "filename", "imagepath", "imageindex", "imageid", "image"),
        *("imagefile", "imagename", "dicomid", "arquivo", "nomedoarquivo", "caminho", "imagem"),
        *("archivo", "nombredearchivo", "ruta", "imagen", "id"),
    ),
    Key.STUDY: ("studyinstanceuid", "studyuid", "uiddoestudo", "uiddelestudio"),
    Key.ACCESSION: (
        *("accessionnumber", "accession", "accessionno", "acc", "accno", "numerodeacesso"),
        *(
            "numeroacesso",
            "numerodeacceso",
            "numeroacceso",
            "pedido",
            "numerodopedido",
            "atendimento",
        ),
    ),
}
"""Key → squashed names of the column that it is in, in English, Portuguese and Spanish."""

FACT_COLUMNS: Final[Mapping[Fact, tuple[str, ...]]] = {
    Fact.PATIENT: (
        *("patientid", "patient", "subjectid", "subject", "mrn", "pid", "paciente"),
        *(
            "idpaciente",
            "iddopaciente",
            "prontuario",
            "registro",
            "historiaclinica",
            "iddelpaciente",
        ),
    ),
    Fact.SEX: ("sex", "patientsex", "gender", "patientgender", "sexo", "genero"),
    Fact.AGE: ("age", "patientage", "ageyears", "idade", "edad"),
    Fact.VIEW: (
        "viewposition",
        "view",
        "projection",
        "incidencia",
        "projecao",
        "proyeccion",
        "vista",
    ),
    Fact.MANUFACTURER: ("manufacturer", "scanner", "vendor", "fabricante", "equipamento", "equipo"),
    Fact.SITE: (
        *("site", "institution", "institutionname", "hospital", "unit", "centre", "center"),
        *("unidade", "local", "instituicao", "centro", "sede", "institucion", "unidad"),
    ),
    Fact.DATE: (
        *("studydate", "date", "examdate", "acquisitiondate", "data", "datadoexame"),
        *("dataexame", "datadoestudo", "fecha", "fechadelestudio", "fechaestudio"),
    ),
}
"""Fact → the same."""

LIST_COLUMNS: Final = (
    *("findinglabels", "labels", "findings", "finding", "label", "achados", "achado", "hallazgos"),
    *("hallazgo", "diagnosticos", "diagnoses"),
)
"""Names of a column that lists the findings of an image; what it does not name is absent."""

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
    {"nofinding", "nofindings", "normal", "none", "semachados", "sinhallazgos", "0", "nenhum"}
)
"""Squashed words that say: none of them."""

WORDS: Final = {
    PRESENT: "1 yes y true t present positive pos + x sim s sí si presente positivo verdadeiro "
    "verdadero v",
    ABSENT: "0 no n false f absent negative neg não nao ausente negativo falso",
}
UNCERTAIN_WORDS: Final = frozenset(
    {
        *("-1", "?", "u", "uncertain", "unsure", "possible", "probable", "indeterminate"),
        *("duvidoso", "incerto", "provável", "possível", "indeterminado"),
        *("dudoso", "incierto", "posible"),
    }
)
BLANK_WORDS: Final = frozenset({"", "nan", "na", "n/a", "#n/a", "none", "null", "-", ".", "nd"})
"""What cells say, in lower case."""

VALUES: Final = {word: value for value, words in WORDS.items() for word in words.split()}


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


def own_labels(table: TextTable, policy: Policy, labels: Sequence[str] = ()) -> LabelTable:
    """Read a site's own table.

    Parameters
    ----------
    labels
        Findings of the model.

    Raises
    ------
    SourceUnreadable
        No column is a finding or a key, or a cell says what is no label.
    """
    keys, facts = columns_of(table, policy)
    columns = _finding_columns(table, policy, labels)
    listed = first_of(table.columns, LIST_COLUMNS) if not columns else None
    notes: list[Message] = []
    if columns:
        truth = np.stack([_cells(table, column, policy) for column in columns.values()], axis=1)
        findings = tuple(columns)
        notes += _unclear(table, columns.values())
    elif listed is not None:
        findings, truth = listed_findings(table.column(listed), labels)
    if not (columns or listed):
        raise SourceUnreadable(
            "{name} has no column of a finding that is known: it has {columns}.",
            "Name a column like the finding, or say which it is: --column Effusion=NAME.",
            name=table.name,
            columns=", ".join(table.columns[:20]),
        )
    if not keys:
        raise SourceUnreadable(
            "{name} has no column that names the image: it has {columns}.",
            "It needs SOPInstanceUID, a file name, AccessionNumber, or patient and date.",
            name=table.name,
            columns=", ".join(table.columns[:20]),
        )
    if table.ragged:
        notes.append(
            Message(
                "{count} row has more cells than columns; the rest of it was ignored.",
                "{count} rows have more cells than columns; the rest of them was ignored.",
                count=table.ragged,
            )
        )
    return LabelTable(table.name, findings, truth, keys, facts, notes=tuple(notes))


def columns_of(
    table: TextTable, policy: Policy
) -> tuple[dict[Key, list[str]], dict[Fact, list[str]]]:
    """Return the keys and facts that a table has columns of."""
    said = {squashed(name): column for name, column in policy.columns.items()}

    def column_of(kind: Key | Fact, names: Sequence[str]) -> str | None:
        asked = next((said[name] for name in (squashed(kind), *names) if name in said), None)
        return asked or first_of(table.columns, names)

    facts = {
        fact: [cell.lstrip("'") for cell in table.column(column)]
        for fact, names in FACT_COLUMNS.items()
        if (column := column_of(fact, names))
    }
    keys = {
        key: [plain_key(cell) for cell in table.column(column)]
        for key, names in KEY_COLUMNS.items()
        if (column := column_of(key, names))
    }
    if Fact.PATIENT in facts and Fact.DATE in facts:
        keys[Key.PATIENT_DATE] = [
            patient_date(patient, day)
            for patient, day in zip(facts[Fact.PATIENT], facts[Fact.DATE], strict=True)
        ]
    return keys, facts


def plain_key(cell: str) -> str:
    """Return an identifier without what spreadsheets put around it: ``="0123"``, ``'0123``."""
    return cell.strip(" \0").removeprefix("=").strip("\"'")


def patient_date(patient: str, day: str) -> str:
    """Return the key of a patient's images of one day; ``""`` where either is not known."""
    found = read_day(day)
    return "" if not patient or found is None else f"{plain_key(patient)}\0{found:%Y%m%d}"


def _finding_columns(table: TextTable, policy: Policy, labels: Sequence[str]) -> dict[str, str]:
    """Return finding → column, those that the person named first.

    Raises
    ------
    SourceUnreadable
        A named column is not there, or two columns are one finding.
    """
    kinds = {squashed(kind) for kind in (*Key, *Fact)}
    kinds |= {name for names in (*KEY_COLUMNS.values(), *FACT_COLUMNS.values()) for name in names}
    columns: dict[str, str] = {}
    for name, column in policy.columns.items():
        if column not in table.columns:
            raise SourceUnreadable(
                "{name} has no column {column!r}: it has {columns}.",
                "Write the column as the file does.",
                name=table.name,
                column=column,
                columns=", ".join(table.columns[:20]),
            )
        if squashed(name) not in kinds:
            columns[label_of(name, labels) or name] = column
    taken = set(policy.columns.values())
    for column in table.columns:
        label = None if column in taken else label_of(column, labels)
        if label is None or columns.get(label) in taken:
            continue
        if label in columns:
            raise SourceUnreadable(
                "{name} has two columns of {label}: {one} and {other}.",
                "Say which it is: --column {label}=NAME.",
                name=table.name,
                label=label,
                one=columns[label],
                other=column,
            )
        columns[label] = column
    return columns


def _cells(table: TextTable, column: str, policy: Policy) -> Floats:
    """Return a column as labels.

    Raises
    ------
    SourceUnreadable
        A cell says what is neither yes nor no, nor that it is not known.
    """
    values = []
    for number, cell in enumerate(table.column(column)):
        value = cell_value(cell, policy)
        if value is None:
            raise SourceUnreadable(
                "{name}, line {line}: {column} says {cell!r}, which is neither yes nor no.",
                "Write 1 or 0, -1 for uncertain, or leave it empty.",
                name=table.name,
                line=number + 2,
                column=column,
                cell=cell[:40],
            )
        values.append(value)
    return np.array(values, dtype=np.float64)


def cell_value(cell: str, policy: Policy) -> float | None:
    """Return what a cell says, None for what is no label."""
    word = cell.strip(" '\"").casefold()
    if word in BLANK_WORDS:
        return policy.blank
    if word in UNCERTAIN_WORDS:
        return policy.uncertain
    if word in VALUES:
        return VALUES[word]
    try:
        number = float(word.replace(",", "."))
    except ValueError:
        return None
    return {1.0: PRESENT, 0.0: ABSENT, -1.0: policy.uncertain}.get(number)


def _unclear(table: TextTable, columns: Iterable[str]) -> list[Message]:
    """Return how many cells are blank and uncertain, where there are some."""
    found: Counter[str] = Counter()
    for column in columns:
        for cell in table.column(column):
            word = cell.strip(" '\"").casefold()
            found["blank"] += word in BLANK_WORDS
            found["uncertain"] += word in UNCERTAIN_WORDS
    texts = {
        "blank": Message(
            "{count} cell is blank.", "{count} cells are blank.", count=found["blank"]
        ),
        "uncertain": Message(
            "{count} cell is uncertain.", "{count} cells are uncertain.", count=found["uncertain"]
        ),
    }
    return [text for kind, text in texts.items() if found[kind]]


def listed_findings(cells: Sequence[str], labels: Sequence[str]) -> tuple[tuple[str, ...], Floats]:
    """Return findings and truth of cells that list what is there: ``Effusion|Mass``.

    A blank cell is not known; one that says normal has none of them.
    """
    rows = [[part.strip() for part in cell.replace(";", "|").split("|")] for cell in cells]
    names = {
        part: label_of(part, labels) or part
        for row in rows
        for part in row
        if part and squashed(part) not in NORMAL
    }
    findings = tuple(sorted(set(names.values())))
    at = {name: number for number, name in enumerate(findings)}
    truth = np.zeros((len(cells), len(findings)))
    for number, row in enumerate(rows):
        if not any(row):
            truth[number] = UNKNOWN_LABEL
        for part in row:
            if part in names:
                truth[number, at[names[part]]] = PRESENT
    return findings, truth
