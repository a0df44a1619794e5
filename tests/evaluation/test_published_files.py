"""Label files of public datasets in every form in which they are published, odd rows included."""

from pathlib import Path

import numpy as np
import pytest

from hilum.evaluation.label_table import ABSENT, Fact, Key, LabelTable, Policy, Rules
from hilum.evaluation.labels import read_labels
from hilum.evaluation.results import in_training

STANFORD = (
    "Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,Lung Lesion,Edema,Consolidation,"
    "Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,Support Devices,"
    "No Finding"
)
VINDR = "Aortic enlargement,Cardiomegaly,ILD,Nodule/Mass,Pleural effusion,No finding"

BOXES = "image_id,class_name,x_min,y_min,x_max,y_max\n"


def read(folder: Path, content: str, policy: Policy | None = None) -> LabelTable:
    """Return what is read from a file with this content."""
    path = folder / "labels.csv"
    path.write_text(content, encoding="utf-8")
    (table,) = read_labels([path], policy or Policy())
    return table


def values(table: LabelTable, finding: str = "Effusion") -> list[float | None]:
    """Return a finding's labels, None for not known."""
    column = table.truth[:, table.findings.index(finding)]
    return [None if np.isnan(value) else value for value in column]


@pytest.mark.parametrize(("rules", "effusion"), [(Rules.TXRV, [1, 1]), (Rules.EXACT, [0, 1])])
def test_vindrs_three_readers_do_not_contradict_each_other(tmp_path: Path, rules, effusion):
    """The file of whole images has a row a reader: any of them, or two of three."""
    rows = (
        *("a,R1,0,0,0,0,0,1", "a,R2,0,0,0,0,0,1", "a,R3,0,0,0,0,1,0"),
        *("b,R1,0,1,0,0,1,0", "b,R2,0,0,0,0,1,0", "b,R3,0,0,0,1,0,0"),
    )
    table = read(tmp_path, "\n".join((f"image_id,rad_id,{VINDR}", *rows)), Policy(rules=rules))

    assert ("VinDr-CXR", ["a", "b"]) == (table.dataset, table.keys[Key.FILE])
    assert effusion == values(table)


@pytest.mark.parametrize(
    "content",
    [
        f"image_id,{VINDR}\na,0,0,0,0,0,1\nb,0,0,0,0,1,0\nc,0,0,0,0,0,0\n",
        BOXES + "a,No finding,,,,\nb,Pleural effusion,1,2,3,4\nc,Cardiomegaly,1,2,3,4\n",
    ],
)
@pytest.mark.parametrize("rules", Rules)
def test_vindrs_test_set_has_one_answer_an_image(tmp_path: Path, content: str, rules: Rules):
    """Five readers agreed on it, and no row says who: one is enough by any rule."""
    table = read(tmp_path, content, Policy(rules=rules))

    assert "VinDr-CXR" == table.dataset
    assert [0, 1, 0] == values(table)


def test_chexperts_test_set_has_its_patients_in_the_path(tmp_path: Path):
    """Its file has labels and nothing else; two views are one patient's."""
    path = "CheXpert/test/patient90001/study1/view"
    zeros = ",".join("0" * 13)
    table = read(
        tmp_path, f"Path,{STANFORD}\n{path}1_frontal.jpg,{zeros},1\n{path}2_lateral.jpg,{zeros},1\n"
    )

    assert "CheXpert test set" == table.dataset
    assert in_training(table.dataset, ["CheXpert, Stanford Hospital"]) is None
    assert ["patient90001"] * 2 == table.facts[Fact.PATIENT]
    assert [0, 0] == values(table)


def test_mimics_labelled_test_set_is_read(tmp_path: Path):
    """It names studies only, and has an opacity by two names."""
    zeros = ",".join("0" * 13)
    table = read(tmp_path, f"study_id,Airspace Opacity,{STANFORD}\n50000001,0,{zeros},1\n")

    assert ("MIMIC-CXR", ["s50000001"]) == (table.dataset, table.keys[Key.FOLDER])
    assert Fact.PATIENT not in table.facts


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (Policy(), "Blank cells count as not known, uncertain ones as not known."),
        (Policy(blank=ABSENT), "Blank cells count as absent, uncertain ones as not known."),
    ],
)
def test_what_blank_and_uncertain_became_is_noted(tmp_path: Path, policy: Policy, said: str):
    """It decides over every figure: the report repeats it."""
    blank = "," * 12
    table = read(tmp_path, f"Path,{STANFORD}\npatient90001/a.jpg,{blank},\n", policy)

    assert said in map(str, table.notes)


def test_a_blank_outline_of_siim_is_no_pneumothorax(tmp_path: Path):
    """Nobody said what is there."""
    table = read(tmp_path, "ImageId, EncodedPixels\na,-1\nb,55 2\nc,\n")

    assert [0, 1, None] == values(table, "Pneumothorax")


def test_padchests_lists_are_read_with_what_is_odd_in_them(tmp_path: Path):
    """Blanks around names, a NaN in the list, a list that is cut off."""
    head = "ImageID,StudyDate_DICOM,PatientID,PatientBirth,Projection,Labels\n"
    lists = ("\"['pleural effusion ', '']\"", "\"[' nodule', nan]\"", "\"['pneumothorax', 'mass\"")
    rows = "".join(f"{n}.png,20140915,p,1930.0,PA,{each}\n" for n, each in enumerate(lists))
    table = read(tmp_path, head + rows, Policy(rules=Rules.EXACT))

    assert [1, 0, 0] == values(table)
    assert [0, 1, 0] == values(table, "Nodule")
    assert [0, 0, 1] == values(table, "Pneumothorax")
    assert [] == [note for note in map(str, table.notes) if note.startswith("0 ")]
