"""Lists of sources: which column, relative to what, and what is wrong with them."""

import pytest

from hilum.dataset import schema
from hilum.dataset.lists import ListOptions, is_list, listed
from hilum.errors import SourceUnreadable
from zip_files import zipped


@pytest.fixture
def folder(tmp_path):
    """Return a folder with two files."""
    for name in ("a.dcm", "b.dcm"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def names(folder, text, suffix=".csv", **options):
    """Return what a list names, relative to its folder."""
    file = folder / f"list{suffix}"
    file.write_text(text, encoding=options.pop("encoding", "utf-8"))
    found = listed(file, ListOptions(**options))
    return [candidate.name.removeprefix(f"{folder}/") for candidate in found]


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        ("path\na.dcm\nb.dcm\n", ".csv"),
        ("id,Path,label\n1,a.dcm,0\n2,b.dcm,1\n", ".csv"),
        ("id;Image;label\n1;a.dcm;0\n2;b.dcm;1\n", ".csv"),
        ("id\timage_path\n1\ta.dcm\n2\tb.dcm\n", ".tsv"),
        ('path,note\r\n"a.dcm","one, two"\r\nb.dcm,\r\n', ".csv"),
        ("whatever\na.dcm\nb.dcm\n", ".csv"),
        ("a.dcm\n\n b.dcm\n", ".txt"),
        ("path,label\na.dcm,0\n,1\nb.dcm\n", ".csv"),
    ],
)
def test_column_of_paths_is_found(folder, text, suffix):
    """By its name, or because there is no other."""
    assert ["a.dcm", "b.dcm"] == names(folder, text, suffix)


def test_bytes_that_spreadsheets_put_first_are_no_part_of_the_name(folder):
    """The byte order mark of UTF-8."""
    assert ["a.dcm"] == names(folder, "path,x\na.dcm,1\n", encoding="utf-8-sig")


def test_column_can_be_named(folder):
    """Where several could be meant, the person says."""
    assert ["b.dcm"] == names(folder, "path,Local File\na.dcm,b.dcm\n", column="local file")


def test_parquet_is_read_like_csv(folder):
    """Null is nothing."""
    pa = schema.arrow()
    table = pa.table({"path": ["a.dcm", None, "b.dcm"], "x": [1, 2, 3]})
    pa.parquet.write_table(table, folder / "list.parquet")
    found = listed(folder / "list.parquet", ListOptions())

    assert [str(folder / "a.dcm"), str(folder / "b.dcm")] == [each.name for each in found]


def test_relative_paths_start_where_the_person_says(folder, tmp_path_factory):
    """A list and its images seldom lie together."""
    elsewhere = tmp_path_factory.mktemp("lists")
    (elsewhere / "list.csv").write_text("path\na.dcm\n")
    found = listed(elsewhere / "list.csv", ListOptions(root=folder))

    assert [str(folder / "a.dcm")] == [candidate.name for candidate in found]


def test_missing_file_among_others_is_a_source_that_fails(folder):
    """It gets its row."""
    assert ["a.dcm", "gone.dcm"] == names(folder, "path\na.dcm\ngone.dcm\n")


def test_zip_archives_are_opened_and_addresses_kept(folder):
    """A list may name whatever the command line may, but folders."""
    (folder / "c.zip").write_bytes(zipped(**{"d.dcm": b"x"}))

    assert ["c.zip!d.dcm", "s3://bucket/e.dcm"] == names(folder, "path\nc.zip\ns3://bucket/e.dcm\n")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "has no column path; it has —"),
        ("path\n", "names no sources"),
        ("id,label\n1,0\n", "has no column path; it has id, label"),
        ("path\ngone.dcm\nlost.dcm\n", "none of the first 2 sources exists"),
    ],
)
def test_list_of_nothing_is_one_clear_line(folder, text, complaint):
    """Before anything is read."""
    with pytest.raises(SourceUnreadable, match=complaint):
        names(folder, text)


def test_list_in_another_encoding_is_one_clear_line(folder):
    """No traceback."""
    with pytest.raises(SourceUnreadable, match="no CSV file in UTF-8"):
        names(folder, "path\né.dcm\n", encoding="latin-1")


def test_parquet_list_that_is_cut_off_is_one_clear_line(folder):
    """No traceback."""
    (folder / "list.parquet").write_bytes(b"PAR1")

    with pytest.raises(SourceUnreadable, match="cut off"):
        list(listed(folder / "list.parquet", ListOptions()))


def test_list_is_known_by_its_name(folder):
    """An image of that name would be odd; a folder is none."""
    (folder / "x.csv").mkdir()

    assert not is_list(folder / "a.dcm")
    assert not is_list(folder / "x.csv")
