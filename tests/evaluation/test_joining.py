"""Which label is whose."""

import numpy as np
import pytest

from hilum.errors import SourceUnreadable
from hilum.evaluation.joining import Join, join
from hilum.evaluation.label_table import Fact, Key, LabelTable
from hilum.evaluation.readings import ReadingTable, of_document
from label_look_alikes import document, reading_row

SCORES = {"Effusion": 0.7}


def read(*paths: str, uids: tuple[str, ...] = ()) -> ReadingTable:
    """Return readings of images at these paths."""
    names = uids or ("",) * len(paths)
    rows = [reading_row(path, SCORES, uid) for path, uid in zip(paths, names, strict=True)]
    return of_document(document(rows), "readings.json")


def labelled(key: Key, *names: str, truth: tuple[float, ...] = ()) -> LabelTable:
    """Return labels of images that are named by a key."""
    values = np.array(truth or (1.0,) * len(names))[:, None]
    return LabelTable("labels.csv", ("Effusion",), values, {key: names})


def brought(labels: LabelTable, readings: ReadingTable, accessions: tuple[str, ...] = ()) -> Join:
    """Join without facts from headers."""
    return join(labels, readings, facts={}, accessions=accessions)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/data/a/001.dcm", "001.dcm"),
        ("/data/a/001.dcm", "001.png"),
        ("/data/a/001.DCM", "001"),
        ("scans/monday.zip!ward/001.dcm", "001"),
        ("C:\\images\\001.dcm", "001.dcm"),
        ("/data/a/001.dcm", "images/001.jpg"),
        ("/data/1.2.840.1.dcm", "1.2.840.1"),
    ],
)
def test_file_names_match_with_or_without_path_and_ending(path: str, name: str):
    """As the same image is called before and after its conversion."""
    assert brought(labelled(Key.FILE, name), read(path, "/data/a/002.dcm")).labelled[0]


def test_folders_count_where_file_names_do_not_tell():
    """CheXpert's images are all called view1_frontal."""
    readings = read("/d/p1/s1/view1.jpg", "/d/p2/s1/view1.jpg", "/d/p2/s2/view1.jpg")
    labels = labelled(
        Key.FILE, "x/p1/s1/view1.jpg", "x/p2/s1/view1.jpg", "x/p2/s2/view1.jpg", truth=(1, 0, 1)
    )

    found = brought(labels, readings)

    assert [1, 0, 1] == found.truth[:, 0].tolist()
    assert () == found.ambiguous


def test_folders_count_where_few_of_the_labelled_images_were_read():
    """More rows find an image by the bare name, but none of them a single one."""
    labels = labelled(Key.FILE, *(f"x/p{n}/s1/view1.jpg" for n in range(9)), truth=(1,) * 9)

    found = brought(labels, read("/d/p1/s1/view1.jpg", "/d/p2/s1/view1.jpg"))

    assert [True, True] == found.labelled.tolist()


def test_a_name_that_several_images_have_is_left_out_and_named():
    """Nobody guesses which of them it is."""
    found = brought(labelled(Key.FILE, "1.dcm", "2.dcm"), read("/a/1.dcm", "/b/1.dcm", "/a/2.dcm"))

    assert ("1.dcm",) == found.ambiguous
    assert [False, False, True] == found.labelled.tolist()


def test_a_study_has_one_label_for_all_its_images():
    """Zeros in front of accession numbers get lost in spreadsheets."""
    found = brought(
        labelled(Key.ACCESSION, "12"), read("a.dcm", "b.dcm", "c.dcm"), ("0012", "0012", "0013")
    )

    assert [True, True, False] == found.labelled.tolist()
    assert 2 == found.shared


def test_the_key_that_finds_most_is_taken():
    """And what each would have found is told."""
    labels = LabelTable(
        "labels.csv",
        ("Effusion",),
        np.ones((2, 1)),
        {Key.INSTANCE: ["1.2.3", "9"], Key.FILE: ["a.dcm", "b.dcm"]},
    )

    found = brought(labels, read("a.dcm", "b.dcm", uids=("1.2.3", "1.2.4")))

    assert Key.FILE is found.key
    assert {Key.FILE: 2, Key.INSTANCE: 1} == {each.key: each.rows for each in found.matches}


def test_rows_that_contradict_each_other_are_not_known():
    """Rows that agree are one."""
    labels = labelled(Key.FILE, "a", "a", "b", "b", "b", truth=(1, 1, 0, 1, 0))

    found = brought(labels, read("a.dcm", "b.dcm"))

    assert 1 == found.truth[0, 0]
    assert np.isnan(found.truth[1, 0])
    assert 1 == found.contradictions


def test_other_spellings_are_shown_and_not_joined():
    """The nearest name is suggested."""
    found = brought(
        labelled(Key.FILE, "img_0001", "img-0002"), read("img_0001.dcm", "img_0002.dcm")
    )

    assert ("img-0002",) == found.unmatched
    assert {"img-0002": "img_0002"} == found.nearest


def test_labels_that_find_nothing_say_how_both_look():
    """One line, with an example of each side."""
    with pytest.raises(
        SourceUnreadable, match=r"by file name it has 'X1', the readings have 'a.dcm'"
    ):
        brought(labelled(Key.FILE, "X1"), read("a.dcm"))


def test_labels_by_what_the_readings_lack_say_so():
    """Accession numbers are in the headers."""
    with pytest.raises(
        SourceUnreadable, match=r"accession number, which the readings lack.*--images"
    ):
        brought(labelled(Key.ACCESSION, "12"), read("a.dcm"))


def test_facts_come_from_labels_first():
    """What these do not say is taken from readings and headers."""
    labels = LabelTable(
        "labels.csv",
        ("Effusion",),
        np.ones((2, 1)),
        {Key.FILE: ["a", "b"]},
        {Fact.SEX: ["F", ""]},
    )

    found = join(
        labels, read("a.dcm", "b.dcm"), facts={Fact.SEX: ["M", "M"], Fact.VIEW: ["PA", ""]}
    )

    assert ["F", "M"] == found.facts[Fact.SEX]
    assert ["PA", ""] == found.facts[Fact.VIEW]
