"""From a reading to its two structured reports as DICOM files, against plain highdicom.

Both ways write the same bytes: `tests/encode/test_sr_same_bytes.py` holds it, and this
looks once more before it measures.
"""

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

import data_store
import numpy as np
from pydicom import Dataset, dcmread

from bench.row import Row, alternate_ms
from hilum.encode import ResultContext, load_codes, report_documents, to_bytes
from hilum.radiograph import FieldOfView, PixelDecision, PixelPipeline, Radiograph
from hilum.reading import Finding, Heatmap, ModelIdentity, Reading, Region
from hilum.settings import ReportSettings, SREncoder

SCORES = {"Effusion": 0.91, "Lung Opacity": 0.71, "Cardiomegaly": 0.66}
WHEN = datetime(2026, 1, 2, 10, 30, tzinfo=UTC)


def header() -> Dataset:
    """Return the header of the real radiograph, read anew: nothing of it is decoded yet."""
    (path,) = Path(data_store.__file__).parent.rglob("RG1_UNCR.dcm")
    return dcmread(path, stop_before_pixels=True)


def reading(of: Dataset, scores: dict[str, float]) -> Reading:
    """Return an invented reading: the given scores, low ones for the rest of the 18."""
    low = {label: 0.02 * number for number, label in enumerate(load_codes().findings)}
    findings = tuple(Finding(label, s * 0.6, 0.3, s) for label, s in {**low, **scores}.items())
    side = min(of.Rows, of.Columns)
    field = FieldOfView((of.Rows - side) // 2, (of.Columns - side) // 2, side, side)
    return Reading(
        Radiograph(
            np.zeros((of.Rows, of.Columns), np.float32),
            of,
            PixelPipeline.DISPLAY,
            (PixelDecision("monochrome1_inverted", "MONOCHROME1: inverted"),),
        ),
        ModelIdentity("bench", "1", "0" * 64, verified=True, demonstration=False, input_size=224),
        findings,
        tuple(Heatmap(f.label, np.zeros((7, 7), np.float32), field) for f in findings),
    )


def regions(of: Dataset, labels: Iterator[str]) -> tuple[Region, ...]:
    """Return an outline of 48 points for each label."""
    turn = np.linspace(0, 2 * np.pi, 48)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    circle[-1] = circle[0]
    centre = np.array([of.Columns, of.Rows]) / 2
    return tuple(Region(label, centre + 300 * circle) for label in labels)


def ours(scores: dict[str, float]) -> list[bytes]:
    """Return both reports the way that hilum writes them."""
    of = header()
    outlines = regions(of, iter(scores))
    documents = report_documents(
        ResultContext.of(reading(of, scores), when=WHEN, settings=ReportSettings()), outlines
    )
    return [to_bytes(document) for document in documents]


def theirs(scores: dict[str, float]) -> list[bytes]:
    """Return both reports as highdicom's constructors and pydicom's writer give them."""
    of = header()
    outlines = regions(of, iter(scores))
    by_highdicom = ReportSettings(encoder=SREncoder.HIGHDICOM)
    documents = report_documents(
        ResultContext.of(reading(of, scores), when=WHEN, settings=by_highdicom), outlines
    )
    return [to_bytes(document) for document in documents]


def rows() -> Iterator[Row]:
    """Measure the processor's time, with positives and without, and size."""
    for name, scores in (("3 positives of 18", SCORES), ("none of 18", {})):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # highdicom: the referring physician is "ward"
            assert ours(scores) == theirs(scores), "the two ways must write the same files"
            fast, slow = alternate_ms(
                lambda s=scores: ours(s), lambda s=scores: theirs(s), clock=process_time
            )
        yield Row(
            f"both structured reports of RG1, {name}, built and saved (CPU)",
            fast,
            "ms",
            reference=slow,
            against="the same bytes by plain highdicom",
            limit=20,
        )
    yield Row("their size, 3 positives of 18", sum(map(len, ours(SCORES))) / 1000, "kB")
