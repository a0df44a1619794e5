"""Label files of the public datasets, against TorchXRayVision's own classes."""

import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from hilum.errors import SourceUnreadable
from hilum.evaluation.label_table import Fact, Key, LabelTable, Policy, Rules
from hilum.evaluation.labels import read_labels
from label_look_alikes import (
    CHEXPERT,
    FILES,
    MIMIC,
    MIMIC_METADATA,
    NIH,
    PADCHEST,
    RSNA,
    RSNA_HEADERS,
    SIIM,
    VINDR,
)
from reference_environment import reference_python

COUNTS = json.loads((Path(__file__).parent / "label_counts.json").read_text(encoding="utf-8"))
"""Dataset → files, and label → images with it and without, as TorchXRayVision counts them."""


def labels_in(folder: Path, *texts: str, policy: Policy | None = None) -> LabelTable:
    """Return what is read from files with these texts."""
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"{number}.csv")
        paths[-1].write_text(text, encoding="utf-8")
    (table,) = read_labels(paths, policy or Policy())
    return table


def said(table: LabelTable, finding: str) -> list[float | None]:
    """Return a finding's labels, None for not known."""
    column = table.truth[:, table.findings.index(finding)]
    return [None if np.isnan(value) else value for value in column]


@pytest.mark.parametrize("dataset", FILES)
def test_each_dataset_is_known_by_its_columns(tmp_path: Path, dataset: str):
    """Whatever its file is called."""
    assert dataset == labels_in(tmp_path, FILES[dataset]).dataset


def test_nih_lists_what_is_there(tmp_path: Path):
    """All else is absent; patients, sex and view come along."""
    table = labels_in(tmp_path, NIH)

    assert [1, 0, 0] == said(table, "Effusion")
    assert [0, 0, 1] == said(table, "Nodule")
    assert ["M", "M", "F"] == table.facts[Fact.SEX]
    assert ["90000001", "90000001", "90000002"] == table.facts[Fact.PATIENT]


def test_padchest_by_parts_of_words_and_by_whole_names(tmp_path: Path):
    """A pseudonodule is a nodule for TorchXRayVision; children and rows without labels are out."""
    loose = labels_in(tmp_path, PADCHEST)
    exact = labels_in(tmp_path, PADCHEST, policy=Policy(rules=Rules.EXACT))

    assert [1, 1, 0, None, None, 0] == said(loose, "Nodule")
    assert [0, 1, 0, None, None, None] == said(exact, "Nodule")
    assert [0, 0, 1, None, None, 0] == said(loose, "Emphysema")
    assert [0, 0, 0, None, None, None] == said(exact, "Emphysema")
    assert [0, 1, 0, None, None, 0] == said(loose, "Tube")
    assert [0, 0, 1, None, None, 0] == said(loose, "Infiltration")
    assert "84" == loose.facts[Fact.AGE][0]


def test_chexpert_leaves_open_what_was_not_said(tmp_path: Path):
    """Blank and uncertain are not known, unless the policy says so; normal has none but devices."""
    table = labels_in(tmp_path, CHEXPERT)
    bold = labels_in(tmp_path, CHEXPERT, policy=Policy(blank=0.0, uncertain=1.0))

    assert [0, None, None] == said(table, "Cardiomegaly")
    assert [0, 1, 1] == said(bold, "Cardiomegaly")
    assert [1, None, None] == said(table, "Support Devices")
    assert [0, 1, 1] == said(table, "Effusion")
    assert ["68", "", "87"] == table.facts[Fact.AGE]
    assert ["AP", "PA", "L"] == table.facts[Fact.VIEW]
    assert 2 == len(set(table.facts[Fact.PATIENT]))


def test_mimic_labels_a_study_and_its_metadata_names_the_images(tmp_path: Path):
    """Without the metadata the study's folder is the key."""
    alone = labels_in(tmp_path, MIMIC)
    both = labels_in(tmp_path, MIMIC, MIMIC_METADATA)

    assert ["s50000001", "s50000002"] == alone.keys[Key.FOLDER]
    assert ["aaaa-1", "bbbb-1", "bbbb-2"] == both.keys[Key.FILE]
    assert [0, 1, 1] == said(both, "Effusion")
    assert [0, None, None] == said(both, "Support Devices")


def test_boxes_of_one_image_are_one_row(tmp_path: Path):
    """RSNA and SIIM have a row a box or outline."""
    rsna = labels_in(tmp_path, RSNA, RSNA_HEADERS)
    siim = labels_in(tmp_path, SIIM)

    assert ["9000-a", "9000-b"] == rsna.keys[Key.FILE]
    assert [0, 1] == said(rsna, "Pneumonia") == said(rsna, "Lung Opacity")
    assert ["AP", "PA"] == rsna.facts[Fact.VIEW]
    assert [0, 1] == said(siim, "Pneumothorax")
    assert ["1.2.3.900.1", "1.2.3.900.2"] == siim.keys[Key.INSTANCE]


def test_three_readers_are_any_or_two(tmp_path: Path):
    """TorchXRayVision takes any reader's word; by the exact rules two have to say it."""
    loose = labels_in(tmp_path, VINDR)
    exact = labels_in(tmp_path, VINDR, policy=Policy(rules=Rules.EXACT))

    assert [1, 1] == said(loose, "Effusion")
    assert [0, 1] == said(exact, "Effusion")
    assert [0, 1] == said(loose, "Cardiomegaly")
    assert [0, 0] == said(exact, "Cardiomegaly")


REPORT = """<eCitation><uId id="CXR9"/><MeSH><major>Cardiomegaly/mild</major>
<automatic>Cardiomegaly</automatic><automatic>pleural effusions</automatic></MeSH>
<parentImage id="CXR9_IM-1"/><parentImage id="CXR9_IM-2"/></eCitation>"""


def test_openi_reports_are_read_from_their_archive(tmp_path: Path):
    """The automatic terms, for each image of a report."""
    path = tmp_path / "reports.tgz"
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("ecgen-radiology/9.xml")
        info.size = len(REPORT)
        archive.addfile(info, io.BytesIO(REPORT.encode()))

    (table,) = read_labels([path], Policy())

    assert ["CXR9_IM-1", "CXR9_IM-2"] == table.keys[Key.FILE]
    assert [1, 1] == said(table, "Effusion") == said(table, "Cardiomegaly")
    assert [0, 0] == said(table, "Lung Lesion")


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", gzip.compress(b"nothing", mtime=0)],
    ids=["empty", "text", "cut"],
)
def test_a_broken_archive_is_one_line(tmp_path: Path, content: bytes):
    """It says what is wanted."""
    path = tmp_path / "reports.tgz"
    path.write_bytes(content)

    with pytest.raises(SourceUnreadable, match=r"NLMCXR_reports|damaged"):
        read_labels([path], Policy())


def test_packed_files_are_unpacked(tmp_path: Path):
    """Gzip, and a ZIP with one file in it."""
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(NIH.encode()))
    with zipfile.ZipFile(tmp_path / "b.csv.zip", "w") as archive:
        archive.writestr("b.csv", NIH)

    counts = [read_labels([path], Policy())[0].counts() for path in sorted(tmp_path.iterdir())]

    assert counts[0] == counts[1]


def test_a_second_file_alone_has_no_labels(tmp_path: Path):
    """It says that the label file is missing."""
    with pytest.raises(SourceUnreadable, match="has no labels"):
        labels_in(tmp_path, RSNA_HEADERS)


@pytest.mark.reference
@pytest.mark.parametrize("dataset", COUNTS["datasets"])
def test_counts_are_those_of_torchxrayvision(dataset: str):
    """Each label of each file that comes with the package, present and absent."""
    python = reference_python()
    if python is None:
        pytest.skip("TorchXRayVision is not installed")
    found = next(python.parents[1].glob("lib/python3*/site-packages/torchxrayvision/data"))
    expected = COUNTS["datasets"][dataset]
    (table,) = read_labels([found / name for name in expected["files"]], Policy())
    kept = np.ones(len(table), dtype=bool)
    broken = set(COUNTS["broken"])
    kept[[key in broken for key in table.keys[Key.FILE]]] = False

    counted = {
        name: [int((column[kept] == value).sum()) for value in (1, 0)]
        for name, column in zip(table.findings, table.truth.T, strict=True)
    }

    assert expected["labels"] == counted
