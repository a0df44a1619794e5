"""A site's own label file, as sites write them."""

from pathlib import Path

import numpy as np
import pytest

from hilum.errors import SourceUnreadable
from hilum.evaluation.label_table import Fact, Key, LabelTable, Policy
from hilum.evaluation.labels import read_labels, stacked


def read(folder: Path, content: str | bytes, policy: Policy | None = None) -> LabelTable:
    """Return what is read from a file with this content."""
    path = folder / "labels.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (table,) = read_labels([path], policy or Policy(), ("Effusion", "Mass", "Lung Opacity"))
    return table


def values(table: LabelTable, finding: str = "Effusion") -> list[float | None]:
    """Return a finding's labels, None for not known."""
    column = table.truth[:, table.findings.index(finding)]
    return [None if np.isnan(value) else value for value in column]


PORTUGUESE = "Número de acesso;Paciente;Sexo;Idade;Data do exame;Derrame pleural\n"


@pytest.mark.parametrize(
    "content",
    [
        "file,Effusion\na.dcm,1\nb.dcm,0\n",
        "\ufefffile;Effusion\r\na.dcm;1\r\nb.dcm;0\r\n",
        "sep=;\nfile;Effusion\na.dcm;1,0\nb.dcm;0,0\n",
        "file\tpleural effusion\na.dcm\tyes\nb.dcm\tno\n",
        "arquivo|Derrame pleural\na.dcm|sim\nb.dcm|não\n",
        "archivo;Derrame pleural\na.dcm;sí\nb.dcm;no\n",
        '"File name","Pleural_Effusion"\n"a.dcm","TRUE"\n"b.dcm","FALSE"\n',
        "file,Effusion\n\na.dcm,1.0\n\nb.dcm,0.0\n\n",
        "file,findings\na.dcm,Pleural effusion|Mass\nb.dcm,No finding\n",
        "file,findings\na.dcm,derrame pleural;massa\nb.dcm,normal\n",
    ],
)
def test_columns_and_cells_are_read_as_people_write_them(tmp_path: Path, content: str):
    """Separators, marks, decimal commas, three languages, a list of findings."""
    table = read(tmp_path, content)

    assert [1, 0] == values(table)
    assert ["a.dcm", "b.dcm"] == table.keys[Key.FILE]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8-sig", "utf-16", "latin-1"])
def test_every_encoding_of_spreadsheets_is_read(tmp_path: Path, encoding: str):
    """Accents are what they were."""
    text = PORTUGUESE + "0012;José;F;57;15/03/2026;não\n"
    table = read(tmp_path, text.encode(encoding))

    assert [0] == values(table)
    assert ["0012"] == table.keys[Key.ACCESSION]
    assert ["José\x0020260315"] == table.keys[Key.PATIENT_DATE]
    assert ["57"] == table.facts[Fact.AGE]


def test_blank_and_uncertain_go_by_policy(tmp_path: Path):
    """Not known unless said, and how many there are is told."""
    content = "file,Effusion\na,\nb,?\nc,-1\nd,1\n"
    table = read(tmp_path, content)

    assert [None, None, None, 1] == values(table)
    meant = "Blank cells count as not known, uncertain ones as not known."
    assert {"1 cell is blank.", "2 cells are uncertain.", meant} == set(table.notes)
    assert [0, 1, 1, 1] == values(read(tmp_path, content, Policy(0.0, 1.0)))


def test_columns_can_be_named(tmp_path: Path):
    """A column with a name of its own, and a key."""
    policy = Policy(columns={"Effusion": "DP", "file name": "Nr"})
    table = read(tmp_path, "Nr,DP,Effusion\na,1,0\n", policy)

    assert [1] == values(table)
    assert ["a"] == table.keys[Key.FILE]


def test_spreadsheets_quoting_is_taken_off(tmp_path: Path):
    """What keeps zeros in front of numbers is no part of them."""
    table = read(tmp_path, 'AccessionNumber,Effusion\n"=""0012""",1\n\'0013,0\n')

    assert ["0012", "0013"] == table.keys[Key.ACCESSION]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("file,Efusionn\na,1\n", "no column of a finding"),
        ("name,Effusion\na,1\n", "no column that names the image"),
        ("file,Effusion\na,maybe not\n", "line 2: Effusion says 'maybe not'"),
        ("file,Effusion\na,0.7\n", "neither yes nor no"),
        ("file,Effusion,Pleural effusion\na,1,0\n", "two columns of Effusion"),
        ("file,Effusion\n", "no rows"),
        ("", "no rows"),
        (b"PK\x03\x04 no archive", "damaged"),
        (b"\xd0\xcf\x11\xe0old", "spreadsheet"),
        (b"file,Effusion\na\x00b,1\n", "not a text file"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(tmp_path: Path, content: str | bytes, said: str):
    """With what to do about it."""
    with pytest.raises(SourceUnreadable, match=said):
        read(tmp_path, content)


def test_a_named_column_that_is_not_there_is_said(tmp_path: Path):
    """With those that are."""
    with pytest.raises(SourceUnreadable, match="no column 'X': it has file, Effusion"):
        read(tmp_path, "file,Effusion\na,1\n", Policy(columns={"Mass": "X"}))


def test_rows_that_are_too_wide_are_told(tmp_path: Path):
    """And read all the same; rows that are too short have blanks."""
    table = read(tmp_path, "file,Effusion,Mass\na,1,0,5\nb,1\n")

    assert [1, 1] == values(table)
    assert [0, None] == values(table, "Mass")
    assert "1 row has more cells" in " ".join(table.notes)


def test_files_of_one_dataset_are_labels_together(tmp_path: Path):
    """As CheXpert's two parts; what a file does not say is not known."""
    contents = ("file,Effusion,site\na.dcm,1,X\n", "file,Mass\nb.dcm,0\nc.dcm,1\n")
    found = stacked([read(tmp_path, content) for content in contents])

    assert ["a.dcm", "b.dcm", "c.dcm"] == found.keys[Key.FILE]
    assert [1, None, None] == values(found)
    assert [None, 0, 1] == values(found, "Mass")
    assert ["X", "", ""] == found.facts[Fact.SITE]
