"""Label files of any kind: a public dataset's, a site's own, or the page's reviews."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from hilum.errors import SourceUnreadable
from hilum.evaluation.label_files import TextTable, file_name, read_table
from hilum.evaluation.label_table import ABSENT, PRESENT, UNKNOWN_LABEL, Key, LabelTable, Policy
from hilum.evaluation.openi_labels import is_archive, openi_labels
from hilum.evaluation.own_labels import own_labels
from hilum.evaluation.public_labels import companion_of, dataset_of, public_labels
from hilum.language import Message

REVIEW_COLUMNS: Final = frozenset({"sop_instance_uid", "label", "answer", "reader", "counts"})
"""Columns that tell the page's export of reviews."""

K = TypeVar("K")

ANSWERS: Final = {"present": PRESENT, "absent": ABSENT}


def read_labels(
    paths: Sequence[Path], policy: Policy, labels: Sequence[str] = ()
) -> list[LabelTable]:
    """Read label files; second files of a dataset are told by their columns.

    Parameters
    ----------
    labels
        Findings of the model whose readings they are for.

    Raises
    ------
    SourceUnreadable
        One cannot be read, or none has labels.
    """
    archives = [path for path in paths if is_archive(path)]
    tables = [read_table(path) for path in paths if path not in archives]
    others = {kind: table for table in tables if (kind := companion_of(table))}
    found = [openi_labels(path, others) for path in archives]
    for table in tables:
        if table in others.values():
            continue
        if set(table.columns) >= REVIEW_COLUMNS:
            found.append(review_labels(table))
        elif dataset := dataset_of(table):
            found.append(public_labels(dataset, table, others, policy))
        else:
            found.append(own_labels(table, policy, labels))
    if not found:
        raise SourceUnreadable(
            "{name} says something about images, but has no labels.",
            "Name the dataset's label file, too.",
            name=", ".join(map(file_name, paths)),
        )
    return found


def stacked(tables: Sequence[LabelTable]) -> LabelTable:
    """Return label files of one dataset as one: its parts, or several files of a site.

    Rows say nothing of findings, keys and facts that their file does not have.

    Raises
    ------
    SourceUnreadable
        They are labels of different datasets, which need not mean the same.
    """
    if len(tables) == 1:
        return tables[0]
    if len({table.dataset for table in tables}) > 1:
        raise SourceUnreadable(
            "{files} are labels of different datasets.",
            "Evaluate against one of them at a time.",
            files=", ".join(table.source for table in tables),
        )
    findings = tuple(dict.fromkeys(chain.from_iterable(table.findings for table in tables)))
    truth = np.full((sum(map(len, tables)), len(findings)), UNKNOWN_LABEL)
    first = 0
    for table in tables:
        columns = [findings.index(finding) for finding in table.findings]
        truth[first : first + len(table), columns] = table.truth
        first += len(table)
    return LabelTable(
        ", ".join(table.source for table in tables),
        findings,
        truth,
        _one_below_the_other(tables, [table.keys for table in tables]),
        _one_below_the_other(tables, [table.facts for table in tables]),
        tables[0].dataset,
        tuple(chain.from_iterable(table.notes for table in tables)),
    )


def _one_below_the_other(
    tables: Sequence[LabelTable], columns: Sequence[Mapping[K, Sequence[str]]]
) -> dict[K, list[str]]:
    """Return columns of several tables as one each, empty where a table has none."""
    return {
        name: [
            cell
            for table, own in zip(tables, columns, strict=True)
            for cell in own.get(name, [""] * len(table))
        ]
        for name in dict.fromkeys(chain.from_iterable(columns))
    }


def review_labels(table: TextTable) -> LabelTable:
    """Read the page's export of reviews: each reader's latest answer, one row an answer."""
    rows = [
        number
        for number, (counts, demonstration) in enumerate(
            zip(table.column("counts"), table.column("demonstration"), strict=True)
        )
        if counts == "true" and demonstration != "true"
    ]
    names, answers = table.column("label"), table.column("answer")
    findings = tuple(sorted({names[row] for row in rows}))
    truth = np.full((len(rows), len(findings)), UNKNOWN_LABEL)
    for number, row in enumerate(rows):
        truth[number, findings.index(names[row])] = ANSWERS.get(answers[row], UNKNOWN_LABEL)
    uids, unaided = table.column("sop_instance_uid"), table.column("unaided")
    notes = (Message("{count} review counts", "{count} reviews count", count=len(rows)),)
    return LabelTable(
        table.name,
        findings,
        truth,
        {Key.INSTANCE: [uids[row] for row in rows]},
        notes=notes,
        reviews=True,
        unaided=tuple(unaided[row] == "true" for row in rows),
    )
