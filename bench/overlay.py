"""From a reading to the overlay as a DICOM file, against doing it at full size."""

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from time import process_time

import data_store
import numpy as np
from highdicom.sc import SCImage
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from bench.row import Row, alternate_ms
from hilum import pixels
from hilum.encode import ResultContext, secondary_capture, to_bytes
from hilum.explain import heat, overlay, relative
from hilum.explain.drawing import heat_palette
from hilum.language import ENGLISH
from hilum.radiograph import FieldOfView
from hilum.reading import Finding, Heatmap, ModelIdentity, Reading
from hilum.settings import PixelSettings, ReportSettings

SCORES = {"Effusion": 0.91, "Lung Opacity": 0.71, "Cardiomegaly": 0.66}
NEGATIVE = 15
WHEN = datetime(2026, 1, 2, 10, 30, tzinfo=UTC)


def reading() -> Reading:
    """Return an invented reading of the real radiograph: three positives of 18."""
    (path,) = Path(data_store.__file__).parent.rglob("RG1_UNCR.dcm")
    radiograph = pixels.radiograph_from_dicom(dcmread(path), PixelSettings())
    side = min(radiograph.rows, radiograph.columns)
    field = FieldOfView((radiograph.rows - side) // 2, (radiograph.columns - side) // 2, side, side)
    scores = {**SCORES, **{f"Finding {n}": 0.02 * n for n in range(NEGATIVE)}}
    findings = tuple(Finding(label, s * 0.6, 0.3, s) for label, s in scores.items())
    maps = np.random.default_rng(7).normal(size=(len(findings), 7, 7)).astype(np.float32)
    return Reading(
        radiograph,
        ModelIdentity("bench", "1", "0" * 64, verified=True, demonstration=False, input_size=224),
        findings,
        tuple(Heatmap(f.label, m, field) for f, m in zip(findings, maps, strict=True)),
    )


def ours(read: Reading) -> bytes:
    """Return the sheet as a DICOM file."""
    sheet = overlay(read, when=WHEN, language=ENGLISH)
    return to_bytes(
        secondary_capture(sheet, ResultContext.of(read, when=WHEN, settings=ReportSettings()))
    )


def full_size(read: Reading) -> bytes:
    """Return one finding's heat over the whole matrix, as highdicom writes it uncompressed."""
    radiograph = read.radiograph
    assert radiograph.header is not None
    share = heat(relative(read.heatmaps[0]), radiograph.rows, radiograph.columns)[..., None]
    palette = np.frombuffer(heat_palette(), np.uint8).reshape(256, 3)
    colour = palette[(255 * share[..., 0]).astype(np.uint8)]
    grey = (radiograph.pixels[..., None] + 1024) / 2048 * 255
    picture = (grey * (1 - 0.5 * share) + colour * 0.5 * share).astype(np.uint8)
    result = SCImage.from_ref_dataset(
        radiograph.header,
        pixel_array=picture,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        series_instance_uid=generate_uid(),
        series_number=903,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="bench",
        patient_orientation=("L", "F"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    buffer = BytesIO()
    result.save_as(buffer)
    return buffer.getvalue()


def rows() -> Iterator[Row]:
    """Measure the processor's time, and size."""
    read = reading()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # highdicom: the referring physician is "ward"
        fast, slow = alternate_ms(
            lambda: ours(read), lambda: full_size(read), repeats=9, clock=process_time
        )
        large = len(full_size(read))
    yield Row(
        "overlay of RG1, 3 positives, as a DICOM file (CPU)",
        fast,
        "ms",
        reference=slow,
        against="one finding at full size, highdicom",
        limit=40,
    )
    yield Row(
        "its size",
        len(ours(read)) / 1000,
        "kB",
        reference=large / 1000,
        against="uncompressed",
        limit=1000,
    )
