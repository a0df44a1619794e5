"""Label files as people type and export them in spreadsheets: nothing is guessed in silence."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from hilum.errors import SourceUnreadable
from hilum.evaluation.label_table import Fact, Key, LabelTable, Policy
from hilum.evaluation.labels import read_labels
from hilum.evaluation.subgroups import Grouping, groupings


def read(folder: Path, content: str, policy: Policy | None = None) -> LabelTable:
    """Return what is read from a file with this content."""
    path = folder / "labels.csv"
    path.write_text(content, encoding="utf-8")
    (table,) = read_labels([path], policy or Policy(), ("Effusion", "Mass", "Cardiomegaly"))
    return table


def values(table: LabelTable, finding: str = "Effusion") -> list[float | None]:
    """Return a finding's labels, None for not known."""
    column = table.truth[:, table.findings.index(finding)]
    return [None if np.isnan(value) else value for value in column]


@pytest.mark.parametrize(
    ("days", "found"),
    [
        (("03/04/2026", "25/04/2026"), ("20260403", "20260425")),
        (("03/04/2026", "04/25/2026"), ("20260304", "20260425")),
        (("2026-04-03 00:00:00", "20260425"), ("20260403", "20260425")),
        (("03.04.2026", "5/4/26"), ("20260403", "20260405")),
    ],
)
def test_a_column_of_dates_tells_which_is_the_day(tmp_path: Path, days, found):
    """By the days above twelve among them, or by dots."""
    table = read(tmp_path, f"patient,study date,Effusion\np,{days[0]},1\nq,{days[1]},0\n")

    assert [f"p\0{found[0]}", f"q\0{found[1]}"] == table.keys[Key.PATIENT_DATE]


def test_dates_under_a_portuguese_name_have_the_day_first(tmp_path: Path):
    """Where English names leave it open: the key stays empty, and the file is told why."""
    row = "p;03/04/2026;1\n"
    portuguese = read(tmp_path, "prontuário;data do exame;derrame pleural\n" + row)
    english = read(tmp_path, "patient;date;Effusion\n" + row)

    assert ["p\x0020260403"] == portuguese.keys[Key.PATIENT_DATE]
    assert [""] == english.keys[Key.PATIENT_DATE]
    assert "1 date can be meant in two ways, or cannot be read: write it as 2026-03-09." in map(
        str, english.notes
    )


def test_the_patient_is_the_number_not_the_name(tmp_path: Path):
    """A name that is written once for several rows would make them other patients."""
    content = "Arquivo;Paciente;Prontuário;Derrame pleural\na;Ana;17;1\nb;;17;0\n"

    assert ["17", "17"] == read(tmp_path, content).facts[Fact.PATIENT]


@pytest.mark.parametrize(
    "words", [("Mulher", "Homem"), ("mujer", "hombre"), ("Feminino", "Masculino"), ("F", "M")]
)
def test_words_for_sex_are_not_taken_by_their_first_letter(words: tuple[str, str]):
    """Mulher and mujer are women."""
    assert {Grouping.SEX: ["F", "M"]} == groupings({Fact.SEX: words})


def test_findings_in_other_words_are_not_absent(tmp_path: Path):
    """A list says what is there: what it may mean is not known, and that is told."""
    table = read(
        tmp_path,
        "file;achados\na;derrame pleural à direita\nb;Cardiomegalia, derrame pleural\n"
        "c;sem alterações\nd;massa e cardiomegalia\n",
    )

    assert [None, 1, 0, 0] == values(table)
    assert [0, 1, 0, 1] == values(table, "Cardiomegaly")
    assert [0, 0, 0, 1] == values(table, "Mass")
    assert ("Cardiomegaly", "Effusion", "Mass") == table.findings
    assert "1 cell names a finding in other words: not known there." in map(str, table.notes)


def test_free_text_is_no_label_and_goes_nowhere(tmp_path: Path):
    """It may name the patient, and it says more than its words."""
    text = "Paciente Ana Souza, 57 anos: pulmões livres, sem derrame pleural"
    table = read(tmp_path, f'file;achados\na;"{text}"\nb;massa\n')

    assert ("Mass",) == table.findings
    assert [None, 1] == values(table, "Mass")
    assert "1 cell is free text: not known." in map(str, table.notes)
    with pytest.raises(SourceUnreadable, match="achados is free text") as caught:
        read(tmp_path, f'file;achados\na;"{text}"\n')
    assert "Ana" not in str(caught.value)


@pytest.mark.parametrize(
    "above",
    [
        "Radiografias 2026;;;\nIdentificação;;Achados;\n",
        "Radiografias de 2026\n\n",
        "sep=;\n;;;\nRadiografias;;;\n",
    ],
)
def test_lines_above_the_names_are_passed_over(tmp_path: Path, above: str):
    """Titles and merged cells; the file is told which line has the names."""
    table = read(tmp_path, above + "Arquivo;Sexo;Derrame pleural;Massa\na;F;sim;não\n")

    assert [1] == values(table)
    assert ["F"] == table.facts[Fact.SEX]
    assert table.keys[Key.FILE] == ["a"]


def test_a_row_of_totals_is_no_image(tmp_path: Path):
    """Whatever it counts; it is told."""
    table = read(tmp_path, "file;Effusion\na;1\nb;1\n;\nTotal;2\n")

    assert [1, 1] == values(table)
    assert "1 row of totals was left out." in map(str, table.notes)


def test_the_line_of_an_error_is_that_of_the_file(tmp_path: Path):
    """Blank rows and titles count as the spreadsheet counts them."""
    with pytest.raises(SourceUnreadable, match="line 6: Effusion says 'hm'"):
        read(tmp_path, "Title;\nfile;Effusion\na;1\n;\n\nb;hm\n")


def test_what_was_not_assessed_is_not_known_whatever_blank_means(tmp_path: Path):
    """It is said, so no policy for blank cells makes it absent."""
    content = "file;Effusion\na;Não informado\nb;N/I\nc;not assessed\nd;\n"

    assert [None, None, None, 0] == values(read(tmp_path, content, Policy(blank=0.0)))


def test_columns_that_are_not_used_are_listed(tmp_path: Path):
    """So that a finding under a name of its own is missed by nobody."""
    table = read(tmp_path, "file;Derrame pleural (0/1);Cardiomegalia - laudo;médico\na;1;1;X\n")

    assert ("Effusion",) == table.findings
    assert ("Cardiomegalia - laudo", "médico") == table.unused


@pytest.mark.parametrize("member", ["content.xml", "Index/Document.iwa", "xl/workbook.xml"])
def test_spreadsheets_of_any_program_are_told_apart(tmp_path: Path, member: str):
    """LibreOffice, Numbers and Excel save archives of several files."""
    path = tmp_path / "labels.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "x")
        archive.writestr(member, "x")

    with pytest.raises(SourceUnreadable, match="is a spreadsheet"):
        read_labels([path], Policy())


def test_two_columns_of_one_name_cannot_be_told_apart(tmp_path: Path):
    """So what helps is another name, not an option."""
    with pytest.raises(SourceUnreadable, match="Rename one of them"):
        read(tmp_path, "file;Effusion;Effusion\na;1;0\n")
