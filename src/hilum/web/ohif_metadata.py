"""What OHIF is told of DICOM objects, so that it shows them; the files stay as they are."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

SPACING: Final = re.compile(
    rb'("00(?:280030|181164|182010)"\s*:\s*)\{[^{}]*?"Value"\s*:\s*\[([^\[\]{}]*)\][^{}]*\}'
)
"""A pixel spacing in DICOM JSON: Pixel, Imager Pixel and Nominal Scanned Pixel Spacing."""

SEGMENTATION: Final = "1.2.840.10008.5.1.4.1.1.66.4"
SOP_CLASS: Final = "00080016"
SHARED, PER_FRAME = "52009229", "52009230"
"""Functional groups: those of all frames, and those of each."""

NO_PLACE: Final[Mapping[str, Mapping[str, Any]]] = {
    "00289110": {"vr": "SQ", "Value": [{}]},
    "00209116": {
        "vr": "SQ",
        "Value": [{"00200037": {"vr": "DS", "Value": [1, 0, 0, 0, 1, 0]}}],
    },
}
"""Pixel Measures, and a Plane Orientation: that which OHIF takes for an image without one."""


def for_ohif(metadata: bytes) -> bytes:
    """Return DICOM JSON with which OHIF 3.13 shows what it describes."""
    return with_planes(without_zero_spacing(metadata))


def without_zero_spacing(metadata: bytes) -> bytes:
    """Return DICOM JSON in which a spacing that is not positive has no value.

    OHIF 3.13 draws nothing where a pixel has no size.
    """

    def kept(found: re.Match[bytes]) -> bytes:
        try:
            fine = all(float(each.strip(b' "\n\r\t')) > 0 for each in found[2].split(b","))
        except ValueError:
            fine = False
        return found[0] if fine else found[1] + b'{"vr":"DS"}'

    return SPACING.sub(kept, metadata)


def with_planes(metadata: bytes) -> bytes:
    """Return DICOM JSON in which each segmentation has a plane.

    A radiograph lies nowhere in the patient, and neither does its segmentation, which is bound to
    it by its source images (PS3.3 C.7.6.16.2.6). OHIF 3.13 reads the plane of both all the same.
    """
    if SEGMENTATION.encode() not in metadata:
        return metadata
    try:
        objects = json.loads(metadata)
        for each in objects:
            if each.get(SOP_CLASS, {}).get("Value") == [SEGMENTATION]:
                _give_plane(each)
    except (ValueError, TypeError, AttributeError, KeyError):  # not what it says: OHIF will say so
        return metadata
    return json.dumps(objects).encode()


def _give_plane(segmentation: dict[str, Any]) -> None:
    frames = segmentation[PER_FRAME]["Value"]
    shared = segmentation.setdefault(SHARED, {"vr": "SQ"}).setdefault("Value", [{}])[0]
    for group, value in NO_PLACE.items():
        if group not in shared and not any(group in frame for frame in frames):
            shared[group] = value
