"""Which way up an image is stored, as its header says (PS3.3 C.7.6.1.1.1)."""

from typing import Final

from pydicom import Dataset

from hilum.pixels.decisions import DecisionRecord
from hilum.radiograph import Turn
from hilum.values.attributes import number_of, text_of, values_of
from hilum.values.quoting import quoted

FULL_TURN: Final = 360
"""Degrees."""


def read_turn(dataset: Dataset, record: DecisionRecord) -> Turn:
    """Return what brings an image upright; none where the header does not tell.

    Field of View Rotation and Horizontal Flip say what was done to the detector's image
    before it was stored. They are not asked: Patient Orientation is of the stored one.
    """
    rotation, flip = (
        number_of(dataset, "ImageRotation") or 0,
        text_of(dataset, "ImageHorizontalFlip"),
    )
    if rotation % FULL_TURN or flip == "Y":
        record.add("display_turn_noted", rotation=f"{rotation:g}", flip=flip or "N")
    values = [str(value).strip(" \0") for value in values_of(dataset, "PatientOrientation")]
    said = quoted("\\".join(values))
    turn = Turn.stated(values)
    if turn is None:
        if any(values):
            record.add("orientation_unusable", said=said)
        return Turn()
    if turn != Turn():
        record.add("mirrored_upright" if turn.mirrors else "turned_upright", said=said)
    return turn
