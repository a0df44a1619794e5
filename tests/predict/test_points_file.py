"""Files of operating points: what they say, and what is refused."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hilum.errors import CardInvalid
from hilum.predict.operating_points import ChosenPoints, PointsUse, choose_operating_points
from hilum.predict.points_file import (
    MOST_BYTES,
    FindingPoint,
    OfModel,
    OfPixels,
    parse_points,
    read_points,
)
from hilum.settings import PixelSettings
from points_files import CARD, calibrated_points, demonstration_sha256, site_points

POINT = FindingPoint(threshold=0.25, chosen=True, positives=40, negatives=160)


def chosen(path: Path, pixels: PixelSettings | None = None) -> ChosenPoints:
    """Return what is in use where the settings name a file."""
    use = PointsUse(demonstration_sha256(), pixels or PixelSettings(), Path("/nowhere"))
    return choose_operating_points(CARD, str(path), use)


def test_a_file_reads_back_as_it_was_written(tmp_path: Path):
    """Its thresholds are in use, other labels keep the card's, and the origin names nobody."""
    points = site_points()
    path = points.write(tmp_path)
    found = chosen(path)

    assert points.model_dump(exclude={"digest"}) == read_points(path).model_dump(exclude={"digest"})
    assert CARD.operating_points["default"] | {"Effusion": 0.25} == found.thresholds
    assert (points.name, points.origin) == (found.name, found.origin)
    assert found.origin.startswith("sensitivity=0.95, chosen on 200 images of 120 patients")
    assert "ana" not in found.origin


def test_name_tells_thresholds_apart_and_nothing_else():
    """More data behind the same thresholds is the same set."""
    first = site_points()
    later = site_points(created=datetime(2027, 1, 1, tzinfo=UTC), created_by="bo", rule="youden")

    assert first.name == later.name
    assert first.name != site_points(effusion=0.26).name
    assert first.content_digest != later.content_digest


def test_curves_are_in_use_and_part_of_the_name(tmp_path: Path):
    """Another curve is another set, so that results by either are told apart."""
    points = calibrated_points()
    found = chosen(points.write(tmp_path))

    assert {"Effusion": points.curves["Effusion"]} == found.curves
    assert 200 == found.curves["Effusion"].of(0.3).images
    assert points.name == found.name
    names = {calibrated_points(slope=each).name for each in (0.6, 0.7)}
    assert 3 == len({*names, site_points().name})


def test_a_curve_that_falls_is_refused():
    """Whoever forged the digest, too."""
    content = json.loads(calibrated_points().text())
    content["findings"]["Effusion"]["calibration"]["curve"]["slope"] = -1.0

    with pytest.raises(CardInvalid, match="cannot be used"):
        parse_points(json.dumps(content).encode(), "ward.json")


def spoiled(**changes: Any) -> bytes:
    """Return a file in which somebody changed something."""
    return json.dumps(json.loads(site_points().text()) | changes).encode()


def threshold(value: Any) -> bytes:
    """Return a file with another threshold."""
    return spoiled(findings={"Effusion": {**POINT.model_dump(), "threshold": value}})


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (spoiled(rule="youden"), "changed after it was written"),
        (threshold(0.3), "changed after it was written"),
        (spoiled(digest=""), "changed after it was written"),
        (spoiled(digest=None), "changed after it was written"),
        (spoiled(digest=7), "cannot be used: digest"),
        (threshold(0.0), "threshold: it must be greater than 0"),
        (threshold(1), "threshold: it must be less than 1"),
        (threshold("x"), "threshold: a number is needed"),
        (threshold(float("nan")), "not a file of operating points"),
        (threshold(float("inf")), "not a file of operating points"),
        (threshold(0.25).replace(b"0.25", b"1e999"), "threshold"),
        (spoiled(findings={}), "findings"),
        (spoiled(further=1), "further: there is no such name"),
        (spoiled(created="yesterday"), "created"),
        (spoiled(created="2026-11-27T04:00:00"), "created"),
        (spoiled(title="../../etc"), "title"),
        (spoiled(schema="hilum.operating-points/2"), "not a file of operating points"),
        (b"", "not a file of operating points"),
        (b"[]", "not a file of operating points"),
        (b"Effusion = 0.2", "not a file of operating points"),
        (b"[" * 100_000, "not a file of operating points"),
        (b"\xff\xfe", "not a file of operating points"),
        (b" " * (MOST_BYTES + 1), "not a file of operating points"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(content: bytes, match: str):
    """With the file's name, whatever is wrong with it."""
    with pytest.raises(CardInvalid, match=match) as caught:
        parse_points(content, "ward.json")

    assert "ward.json" in caught.value.problem
    assert "\n" not in str(caught.value)


def test_a_digest_is_never_optional():
    """A file without one was not written by hilum."""
    document = json.loads(site_points().text())
    del document["digest"]
    with pytest.raises(CardInvalid, match="changed after"):
        parse_points(json.dumps(document).encode(), "ward.json")


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"model": OfModel(name="x", version="2", sha256="0" * 64)}, "for x 2 with other weights"),
        ({"findings": {"Nodulus": POINT}}, "'Nodulus', which demonstration lacks"),
        (
            {"pixels": OfPixels.of(PixelSettings(pipeline="torchxrayvision"))},
            "pixels.pipeline = torchxrayvision, which is display here",
        ),
        (
            {"pixels": OfPixels.of(PixelSettings(max_clipped_share=0.5))},
            "pixels.max_clipped_share = 0.5, which is 0.75 here",
        ),
    ],
)
def test_a_file_for_something_else_is_refused(tmp_path: Path, more: dict[str, Any], match: str):
    """Thresholds of other weights or other pixels mean nothing here."""
    with pytest.raises(CardInvalid, match=match):
        chosen(site_points(**more).write(tmp_path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    """In one line."""
    with pytest.raises(CardInvalid, match=r"gone\.json cannot be read"):
        chosen(tmp_path / "gone.json")
