"""What the process of the segmentation network does: one file → its anatomy, as objects.

The network is loaded when the first image comes. It has this process, and its memory, to
itself: whatever happens in it, the findings are read meanwhile.
"""

from datetime import datetime

from hilum import encode, pipeline, pixels
from hilum.files import dicom
from hilum.node.processed import MeasuredAnatomy, Result
from hilum.predict.segmentation import SegmentationModel, load_segmentation
from hilum.records.restored import restored
from hilum.records.stored_reading import StoredReading
from hilum.settings import Settings
from hilum.wording import anatomy_statements


def measured(
    file: bytes,
    settings: Settings,
    when: datetime,
    reading: StoredReading | None,
    *,
    in_demonstration: bool,
) -> MeasuredAnatomy:
    """Return the anatomy of one image.

    Raises
    ------
    ModelError
        There is no usable network.
    RadiographRefused, SourceUnreadable
        The image cannot be opened, or the network must not look at it.
    """
    network = _network(settings)
    image = dicom.parse(file, name="the image")
    pipeline.require_visible(image, network.identity, in_demonstration=in_demonstration)
    decoded = pipeline.with_text_decoded(image, settings).dataset
    radiograph = pixels.radiograph_from_dicom(decoded, settings.pixels)
    known = None
    if reading is not None and reading.origin is None:
        known = restored(reading, radiograph.header, radiograph.pixel_digest)
    found = pipeline.find_anatomy(radiograph, network, settings, reading=known)
    objects = encode.anatomy_objects(found, when=when, settings=settings.report)
    return MeasuredAnatomy(
        encode.anatomy_document(found),
        tuple(anatomy_statements(found)),
        tuple(Result(str(each.SOPInstanceUID), encode.to_bytes(each)) for each in objects),
    )


_NETWORKS: dict[str, SegmentationModel] = {}
"""The network of this process, by its name: there is one at a time."""


def _network(settings: Settings) -> SegmentationModel:
    name = settings.anatomy.model
    if name not in _NETWORKS:
        _NETWORKS.clear()
        _NETWORKS[name] = load_segmentation(settings)
    return _NETWORKS[name]
