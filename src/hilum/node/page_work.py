"""What an inference worker does for the page: images are opened nowhere else.

Each function is given a file and the settings, and runs in a process of limited memory and
time (`hilum.node.inference_process.page`).
"""

from datetime import datetime
from io import BytesIO
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError
from pydicom import Dataset

from hilum import encode, pipeline, pixels
from hilum.encode import Assessed, Assessment
from hilum.encode.forms import FORMS, FormSource
from hilum.errors import RadiographRefused, SourceUnreadable
from hilum.export import preview
from hilum.export.reasons import WithheldError
from hilum.files import dicom
from hilum.language import Language
from hilum.outcome import Outcome, Read, Status
from hilum.pixels.codestream import frame_of
from hilum.radiograph import ImageUIDs, PixelPipeline
from hilum.records.restored import restored
from hilum.records.review import Review
from hilum.records.stored_reading import StoredReading
from hilum.settings import Settings, UnusableWindow
from hilum.web.displayed import DisplayedImage, as_file, displayed
from hilum.web.displayed import thumbnail as thumbnail_of
from hilum.web.study_tools import ReadingFile


class WantedForm(NamedTuple):
    """A form that was asked for."""

    name: str
    language: Language | None = None
    """That of a form for people; None: that of the settings."""


def picture(file: bytes, settings: Settings) -> DisplayedImage:
    """Return an image as it is displayed, whatever the gate says of it."""
    image = viewed(file, settings)
    return displayed(image.codes, image.facts, image.turn.upright(image.shown))


def thumbnail(file: bytes, settings: Settings) -> bytes:
    """Return the small picture of an image."""
    image = viewed(file, settings)
    return thumbnail_of(image.turn.upright(image.shown))


def release_picture(file: bytes, settings: Settings) -> tuple[bytes, str]:
    """Return what a person looks at before an image is exported, and what tells its pixels."""
    try:
        found = preview.original(file, settings)
    except WithheldError as exc:
        raise RadiographRefused((exc.reason,)) from exc
    return preview.picture(found), found.digest


def viewed(file: bytes, settings: Settings) -> pixels.ViewerImage:
    """Return an image in its own units.

    Raises
    ------
    SourceUnreadable
        The file is damaged.
    RadiographRefused
        It has no pixels that can be shown.
    """
    lenient = {"pipeline": PixelPipeline.DISPLAY, "unusable_window": UnusableWindow.IGNORE}
    return pixels.viewer_image(_image(file, settings), settings.pixels.model_copy(update=lenient))


def png(file: bytes, _settings: Settings) -> bytes:
    """Return the picture of a stored overlay, which is one JPEG (`hilum.encode.secondary_capture`).

    Raises
    ------
    SourceUnreadable
        It is damaged, or no overlay of ours.
    """
    try:
        frame = frame_of(dicom.parse(file, name="the overlay").PixelData)
        return as_file(Image.open(BytesIO(frame), formats=("JPEG",)), "PNG")
    except (AttributeError, UnidentifiedImageError, OSError, ValueError) as exc:
        raise SourceUnreadable(
            "The overlay cannot be opened.", "Download it as DICOM, or analyze the image again."
        ) from exc


def written(
    file: bytes,
    settings: Settings,
    asked: WantedForm,
    reading: StoredReading,
    when: datetime,
) -> ReadingFile:
    """Return a reading in one of its forms; those that need no image do without the file."""
    wanted = FORMS[asked.name]
    if asked.language is not None and wanted.for_people:
        settings = settings.changed("report", language=asked.language)
    if wanted.needs_image:
        # the stored pixels are part of what identifiers are derived from
        seen = pixels.radiograph_from_dicom(_image(file, settings), settings.pixels)
        found = restored(reading, seen.header, seen.pixel_digest)
    else:
        found = restored(reading, None)
    row = reading.document["readings"][0]
    uids = ImageUIDs(*(row[name] or "" for name in ImageUIDs._fields))
    outcome = Outcome(row["path"], Status.READ, uids, found.warnings, Read(found))
    source = FormSource(outcome, found, reading.document, when, settings.report)
    return ReadingFile(wanted.make(source), wanted.suffix, wanted.media_type)


def review_file(
    file: bytes, settings: Settings, review: Review, key: str, judged: bytes | None
) -> tuple[str, bytes]:
    """Return UID and file of the structured report of a reader's review."""
    report = encode.review_report(
        _image(file, settings, header_only=True),
        Assessment(
            review.reader,
            tuple(
                Assessed(each.label, each.positive, each.opinion.value) for each in review.findings
            ),
            review.missing,
            review.comment,
            demonstration=review.demonstration,
            unaided=review.unaided,
        ),
        key=key,
        when=review.at.astimezone(),
        settings=settings.report,
        judged=None if judged is None else dicom.parse(judged, name="the AI's report"),
    )
    return str(report.SOPInstanceUID), encode.to_bytes(report)


def _image(file: bytes, settings: Settings, *, header_only: bool = False) -> Dataset:
    """Return an image with its text decoded, as its reading had it."""
    dataset = dicom.parse(file, name="the image", header_only=header_only)
    return pipeline.with_text_decoded(dataset, settings).dataset
