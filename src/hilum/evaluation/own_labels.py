"""A site's own label file: columns found by name, cells read as people write them."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np

from hilum.errors import SourceUnreadable
from hilum.evaluation.intervals import Floats
from hilum.evaluation.label_files import MOST_TITLES, TextTable, first_of, squashed
from hilum.evaluation.label_table import (
    ABSENT,
    PRESENT,
    UNKNOWN_LABEL,
    Fact,
    Key,
    LabelTable,
    Policy,
)
from hilum.evaluation.listed_labels import label_of, listed_findings
from hilum.language import Message
from hilum.values.dates import day_stands_first, read_date, read_day

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
        *("patientid", "subjectid", "mrn", "pid", "idpaciente", "iddopaciente"),
        *("iddelpaciente", "prontuario", "registro", "historiaclinica"),
        *("patient", "subject", "paciente"),  # may be a name
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

DAY_FIRST: Final = frozenset(
    {
        *("data", "datadoexame", "dataexame", "datadoestudo"),
        *("fecha", "fechadelestudio", "fechaestudio"),
    }
)
"""Names of columns of dates in languages that never write the month first."""

LIST_COLUMNS: Final = (
    *("findinglabels", "labels", "findings", "finding", "label", "achados", "achado", "hallazgos"),
    *("hallazgo", "diagnosticos", "diagnoses"),
)
"""Names of a column that lists the findings of an image; what it does not name is absent."""

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
UNKNOWN_WORDS: Final = frozenset(
    {
        *("unknown", "unk", "missing", "not reported", "not assessed", "not done"),
        *("ni", "n/i", "n.i.", "não informado", "nao informado", "não avaliado", "nao avaliado"),
        *("não realizado", "nao realizado", "não se aplica", "nao se aplica", "desconhecido"),
        *("sem informação", "sem informacao", "ignorado"),
        *("no informado", "no evaluado", "no realizado", "no aplica", "desconocido"),
    }
)
BLANK_WORDS: Final = frozenset({"", "nan", "na", "n/a", "#n/a", "none", "null", "-", ".", "nd"})
"""What cells say, in lower case."""

TOTALS: Final = frozenset(
    {
        *("total", "totals", "totais", "totales", "totalgeral", "totalgeneral", "grandtotal"),
        *("subtotal", "sum", "soma", "suma", "count", "contagem", "contar"),
    }
)
"""Squashed first words of a row that counts the others."""

ANSWERS: Final = re.compile(
    r"\s*\((?:0 ?/ ?1|1 ?/ ?0|s/n|y/n|sim/n[ãa]o|s[ií]/no|yes/no)\)\s*$", re.IGNORECASE
)
"""What stands behind a column's name to say how to fill it in."""

VALUES: Final = {word: value for value, words in WORDS.items() for word in words.split()}


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
    notes: list[Message] = []
    table = _named(table, policy, labels, notes)
    table = _without_totals(table, notes)
    keys, facts, used = columns_of(table, policy, notes)
    columns = _finding_columns(table, policy, labels)
    listed = first_of(table.columns, LIST_COLUMNS) if not columns else None
    if columns:
        truth = np.stack([_cells(table, column, policy) for column in columns.values()], axis=1)
        findings = tuple(columns)
        unclear = _unclear(table, columns.values())
        notes += [*unclear, policy.note] if unclear else []
    elif listed is not None:
        found = listed_findings(table.column(listed), labels)
        if not found.findings and found.free_text:
            raise SourceUnreadable(
                "{name}: {column} is free text, not names of findings.",
                "Write a column of 1 and 0 for each finding, or nothing but names: Effusion|Mass.",
                name=table.name,
                column=listed,
            )
        findings, truth = found.findings, found.truth
        notes += found.notes
    if not (columns or listed):
        raise SourceUnreadable(
            "{name} has no column of a finding that is known: it has {columns}.",
            "Name a column like the finding, or say which it is: --column Effusion=NAME.",
            name=table.name,
            columns=", ".join(filter(None, table.columns[:20])),
        )
    if not keys:
        raise SourceUnreadable(
            "{name} has no column that names the image: it has {columns}.",
            "It needs SOPInstanceUID, a file name, AccessionNumber, or patient and date.",
            name=table.name,
            columns=", ".join(filter(None, table.columns[:20])),
        )
    if table.ragged:
        notes.append(
            Message(
                "{count} row has more cells than columns; the rest of it was ignored.",
                "{count} rows have more cells than columns; the rest of them was ignored.",
                count=table.ragged,
            )
        )
    used = {*used, *columns.values(), listed or "", ""}
    unused = tuple(column for column in table.columns if column not in used)
    return LabelTable(table.name, findings, truth, keys, facts, notes=tuple(notes), unused=unused)


def _named(
    table: TextTable, policy: Policy, labels: Sequence[str], notes: list[Message]
) -> TextTable:
    """Return the table from its column names on, where titles or merged cells stand above them."""
    if _names_columns(table.columns, policy, labels):
        return table
    for number, row in enumerate(table.rows[:MOST_TITLES]):
        if _names_columns([cell.strip() for cell in row], policy, labels):
            line = table.lines[number]
            notes.append(Message("The column names are those of line {line}.", line=line))
            return table.below(number)
    return table


def _names_columns(names: Sequence[str], policy: Policy, labels: Sequence[str]) -> bool:
    """Whether names are those of columns: a finding and what names an image."""
    said = set(policy.columns.values()) & set(names)
    finding = (
        said
        or any(label_of(ANSWERS.sub("", name), labels) for name in names)
        or first_of(names, LIST_COLUMNS)
    )
    key = said or any(first_of(names, known) for known in KEY_COLUMNS.values())
    by_day = all(first_of(names, FACT_COLUMNS[fact]) for fact in (Fact.PATIENT, Fact.DATE))
    return bool(finding and (key or by_day))


def _without_totals(table: TextTable, notes: list[Message]) -> TextTable:
    """Return the table without rows that count the others."""
    kept = [
        number
        for number, row in enumerate(table.rows)
        if squashed(next(filter(None, map(str.strip, row)), "")) not in TOTALS
    ]
    if len(kept) == len(table.rows):
        return table
    count = len(table.rows) - len(kept)
    notes.append(
        Message(
            "{count} row of totals was left out.",
            "{count} rows of totals were left out.",
            count=count,
        )
    )
    return table.of_rows(kept)


def columns_of(
    table: TextTable, policy: Policy, notes: list[Message]
) -> tuple[dict[Key, list[str]], dict[Fact, list[str]], set[str]]:
    """Return the keys and facts that a table has columns of, and which columns these are.

    Parameters
    ----------
    notes
        Get what was decided about dates.
    """
    said = {squashed(name): column for name, column in policy.columns.items()}

    def column_of(kind: Key | Fact, names: Sequence[str]) -> str | None:
        asked = next((said[name] for name in (squashed(kind), *names) if name in said), None)
        return asked or first_of(table.columns, names)

    columns: dict[Key | Fact, str] = {}
    for names_of in (FACT_COLUMNS, KEY_COLUMNS):
        for kind, names in names_of.items():
            if column := column_of(kind, names):
                columns[kind] = column
    facts = {
        fact: [cell.lstrip("'") for cell in table.column(columns[fact])]
        for fact in FACT_COLUMNS
        if fact in columns
    }
    keys = {
        key: [plain_key(cell) for cell in table.column(columns[key])]
        for key in KEY_COLUMNS
        if key in columns
    }
    if Fact.DATE in facts:
        facts[Fact.DATE] = _days(facts[Fact.DATE], columns[Fact.DATE], notes)
    if Fact.PATIENT in facts and Fact.DATE in facts:
        keys[Key.PATIENT_DATE] = [
            patient_date(patient, day)
            for patient, day in zip(facts[Fact.PATIENT], facts[Fact.DATE], strict=True)
        ]
    return keys, facts, set(columns.values())


def _days(cells: Sequence[str], column: str, notes: list[Message]) -> list[str]:
    """Return dates as ``2026-03-09``: the column tells which of two numbers is the day.

    A cell that says less than a day, such as a month, stays as it is.
    """
    order = day_stands_first(cells)
    if order is None and squashed(column) in DAY_FIRST:
        order = True
    days = [read_day(cell, day_first=order) for cell in cells]
    doubtful = sum(
        day is None and bool(cell) and not _is_month(cell)
        for day, cell in zip(days, cells, strict=True)
    )
    if doubtful:
        notes.append(
            Message(
                "{count} date can be meant in two ways, or cannot be read: write it as 2026-03-09.",
                "{count} dates can be meant in two ways, or cannot be read: write them as "
                "2026-03-09.",
                count=doubtful,
            )
        )
    return [
        cell if day is None else f"{day:%Y-%m-%d}" for day, cell in zip(days, cells, strict=True)
    ]


def _is_month(cell: str) -> bool:
    """Whether it is a month of one year, which is all that a group of images needs."""
    span = read_date(cell)
    return span is not None and span.first.day == 1 and span.first.month == span.last.month


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
        label = None if column in taken else label_of(ANSWERS.sub("", column), labels)
        if label is None or columns.get(label) in taken:
            continue
        if columns.get(label) == column:
            raise SourceUnreadable(
                "{name} has two columns named {column}.",
                "Rename one of them.",
                name=table.name,
                column=column,
            )
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
                line=table.lines[number],
                column=column,
                cell=cell[:40],
            )
        values.append(value)
    return np.array(values, dtype=np.float64)


def cell_value(cell: str, policy: Policy) -> float | None:
    """Return what a cell says, None for what is no label."""
    word = cell.strip(" '\"").casefold()
    if word in UNKNOWN_WORDS:
        return UNKNOWN_LABEL
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
            found["unknown"] += word in UNKNOWN_WORDS
    texts = {
        "blank": Message(
            "{count} cell is blank.", "{count} cells are blank.", count=found["blank"]
        ),
        "uncertain": Message(
            "{count} cell is uncertain.", "{count} cells are uncertain.", count=found["uncertain"]
        ),
        "unknown": Message(
            "{count} cell says that it is not known.",
            "{count} cells say that it is not known.",
            count=found["unknown"],
        ),
    }
    return [text for kind, text in texts.items() if found[kind]]
