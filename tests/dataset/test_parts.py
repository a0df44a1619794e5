"""Parts of a dataset's results: typed, whole or not there, and of one run."""

import json
from pathlib import Path

import numpy as np
import pytest

from hilum.dataset import schema
from hilum.dataset.parts import (
    DatasetRun,
    parts_in,
    read_part,
    read_results,
    resume,
    write_part,
)
from hilum.errors import PartDamaged, SourceUnreadable

RUN = DatasetRun(
    ("Mass", "Edema"),
    {"model": "densenet", "model_sha256": "ab", "operating_points": {"Mass": 0.2, "Edema": 0.3}},
)
OTHER = DatasetRun(RUN.labels, {**RUN.about, "model_sha256": "cd"})


def row(path: str, **values):
    """Return a row of an image that was refused, or as told."""
    texts = {column.name: "x" for column in schema.columns(()) if column.type == "string"}
    lists = {c.name: [] for c in schema.columns(()) if c.type == "list<string>"}
    rest = {"model_verified": True, "demonstration": False, "status": "refused"}
    return {**texts, **lists, **rest, "path": path, **values}


def read_row(path: str, score: float):
    """Return a row of an image that was read."""
    return row(path, status="read", **{"Mass score": score, "Mass positive": score >= 0.5})


def test_columns_come_back_as_arrays(tmp_path):
    """Numbers, texts and lists, with what stands for none in each."""
    write_part(tmp_path, RUN, [read_row("a", 0.75), row("b", reasons=["modality"], view=None)])
    columns = read_results(tmp_path)

    assert ["a", "b"] == list(columns["path"])
    assert 0.75 == columns["Mass score"][0]
    assert np.isnan(columns["Mass score"][1])
    assert [True, False] == list(columns["Mass positive"])
    assert [[], ["modality"]] == list(columns["reasons"])
    assert ["x", ""] == list(columns["view"])


def test_only_columns_that_are_asked_for_are_read(tmp_path):
    """Ten million rows have room in memory, but not all of their texts."""
    write_part(tmp_path, RUN, [read_row("a", 0.75)])

    assert ["status", "Mass score"] == list(read_results(tmp_path, ["status", "Mass score"]))


def test_run_comes_back_with_its_thresholds_in_order(tmp_path):
    """What made the results is told in each of them."""
    run = read_part(write_part(tmp_path, RUN, [read_row("a", 0.75)])).run

    assert RUN == run
    assert ["Mass", "Edema"] == list(run.about["operating_points"])


def test_schema_file_names_every_column_once():
    """It is what others read the results by."""
    columns = schema.columns(RUN.labels)

    assert len(columns) == len({column.name for column in columns})
    assert "Edema calibrated_probability_at_this_site" == columns[-1].name
    assert [c.name for c in columns] == schema.arrow_schema(RUN.labels).names


def test_column_without_values_has_its_type(tmp_path):
    """A first part of refusals alone says the same of its columns as the others."""
    write_part(tmp_path, RUN, [row("a")])
    write_part(tmp_path, RUN, [read_row("b", 0.5)])
    first, second = (read_part(path).table.schema for path in parts_in(tmp_path))

    assert first == second


@pytest.mark.parametrize("kept", [0, 3, 100, 0.5, -1])
def test_part_that_is_cut_off_is_found_and_made_anew(tmp_path, kept):
    """Wherever it ends: its sources are not taken for read."""
    path = write_part(tmp_path, RUN, [read_row("a", 0.75)])
    write_part(tmp_path, RUN, [read_row("b", 0.75)])
    content = path.read_bytes()
    path.write_bytes(content[: kept if isinstance(kept, int) else int(len(content) * kept)])
    damaged, whole = sorted(resume(tmp_path, RUN), key=lambda each: not isinstance(each, Path))

    assert path == damaged
    assert ["b"] == whole.table.to_pydict()["path"]
    assert not path.exists()


def test_part_with_a_flipped_bit_is_found(tmp_path):
    """Pages have check sums."""
    path = write_part(tmp_path, RUN, [read_row("a" * 1000, 0.75)])
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)

    with pytest.raises(PartDamaged):
        read_part(path)


def test_part_of_another_program_is_none(tmp_path):
    """A Parquet file without our description has no images of ours."""
    pa = schema.arrow()
    pa.parquet.write_table(pa.table({"path": ["a"]}), tmp_path / "part-0.parquet")

    with pytest.raises(PartDamaged):
        read_part(tmp_path / "part-0.parquet")


def test_results_of_another_model_are_not_added_to(tmp_path):
    """The line says what differs."""
    write_part(tmp_path, RUN, [read_row("a", 0.75)])

    with pytest.raises(SourceUnreadable, match="another run: model_sha256 differ"):
        list(resume(tmp_path, OTHER))


def test_results_of_two_runs_are_not_read_as_one(tmp_path):
    """Whoever copies them together hears of it."""
    write_part(tmp_path, RUN, [read_row("a", 0.75)])
    write_part(tmp_path, OTHER, [read_row("b", 0.75)])

    with pytest.raises(SourceUnreadable, match="another run"):
        read_results(tmp_path)


def test_folder_without_results_is_one_clear_line(tmp_path):
    """It is the wrong folder."""
    with pytest.raises(SourceUnreadable, match="no results"):
        read_results(tmp_path)


def test_what_a_killed_process_left_aside_is_removed(tmp_path):
    """It was never a part."""
    (tmp_path / "part-0.parquet.part").write_bytes(b"PAR1")
    list(resume(tmp_path, RUN))

    assert [] == list(tmp_path.iterdir())


def test_full_disk_is_one_clear_line(tmp_path, monkeypatch):
    """What was written before stays."""
    monkeypatch.setattr("hilum.dataset.parts.replacing", _no_space)

    with pytest.raises(SourceUnreadable, match=r"No space left on device\. Free space"):
        write_part(tmp_path, RUN, [read_row("a", 0.75)])


def _no_space(*_):
    raise OSError(28, "No space left on device")


def test_parts_are_named_by_their_sources_and_their_run():
    """The same work gives the same name, other work another."""
    names = {
        RUN.part_name(["a", "b"]),
        RUN.part_name(["b", "a"]),
        RUN.part_name(["ab"]),
        OTHER.part_name(["a", "b"]),
    }

    assert 4 == len(names)
    assert RUN.part_name(["a", "b"]) == DatasetRun.of_metadata(RUN.metadata).part_name(["a", "b"])


def test_schema_file_is_what_the_docs_show():
    """docs/datasets.md has a row for each column of the file."""
    docs = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")
    document = json.loads(json.dumps(schema.document()))
    names = [each["name"] for each in (*document["columns"], *document["finding_columns"])]

    assert [] == [name for name in names if f"| `{name}` |" not in docs]
