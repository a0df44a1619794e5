"""Content items that both reports share: who observed, with which algorithm, on what pixels."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Final

from pydicom.sr.coding import Code

from hilum import MANUFACTURER, PRODUCT, RESEARCH_USE_ONLY
from hilum.encode.content import Item, Relation, Text, UIDReference, codes
from hilum.encode.equipment import algorithm_name, device_uid, serial_number
from hilum.language import Language, Message
from hilum.reading import ModelIdentity, Reading
from hilum.wording import REFERENCE, REFERENCE_PERCENTILE

SCORE_UNIT: Final = Code("{score}", "UCUM", "score")
"""Unit of scores: the same as 1 by UCUM, but OHIF shows it, and "0.98 1" reads like 0.981."""

NO_PROBABILITY: Final = Message(
    "A score is not a probability. 0.50 is the score of each finding's operating point."
)

DEMONSTRATED: Final = Message(
    "DEMONSTRATION: this model was not trained on patients. Its findings are meaningless."
)
"""Said of the demonstration model."""

HEAD_OF_WARNING: Final = Message("Warning")
"""Begins each doubt of the gate."""


def single(value: float) -> float:
    """Return a value with nine significant digits: all that single precision holds."""
    return float(f"{value:.9g}")


def observer(model: ModelIdentity | None, *, identified: bool) -> Iterator[Item]:
    """Yield the observing device; there is no person (TID 1002, 1004).

    Parameters
    ----------
    identified
        Also its UID and serial number, which TID 1004 asks for and text viewers print.
    """
    yield Item(codes.DCM.ObserverType, codes.DCM.Device, Relation.HAS_OBS_CONTEXT)
    if identified:
        uid = UIDReference(device_uid(model))
        yield Item(codes.DCM.DeviceObserverUID, uid, Relation.HAS_OBS_CONTEXT)
    for name, text in (
        (codes.DCM.DeviceObserverName, PRODUCT),
        (codes.DCM.DeviceObserverManufacturer, MANUFACTURER),
        (codes.DCM.DeviceObserverModelName, PRODUCT if model is None else algorithm_name(model)),
    ):
        yield Item(name, Text(text), Relation.HAS_OBS_CONTEXT)
    if identified:
        serial = Text(serial_number(model))
        yield Item(codes.DCM.DeviceObserverSerialNumber, serial, Relation.HAS_OBS_CONTEXT)


def algorithm(reading: Reading, relation: Relation) -> Iterator[Item]:
    """Yield TID 4019: the algorithm, its version and everything that its answer depends on."""
    name, version = algorithm_name(reading.model), reading.model.version
    yield Item(codes.DCM.AlgorithmName, Text(name), relation)
    yield Item(codes.DCM.AlgorithmVersion, Text(version), relation)
    for parameter in parameters(reading):
        yield Item(codes.DCM.AlgorithmParameters, Text(parameter), relation)


def parameters(reading: Reading) -> Iterator[str]:
    """Yield what tells any two answers apart, one ``name=value`` each."""
    model = reading.model
    yield f"weights_sha256={model.sha256}"
    yield f"weights_verified={'yes' if model.verified else 'no'}"
    yield f"input={model.input_size}x{model.input_size}"
    if reading.findings:
        yield "score=sigmoid, scaled piecewise linearly so that the operating point becomes 0.5"
        yield f"operating_points={model.operating_points}"
        if model.operating_points_origin:
            yield f"operating_points_origin={model.operating_points_origin}"
    yield f"pixel_pipeline={reading.radiograph.pipeline}"
    for decision in reading.radiograph.decisions:
        yield f"pixel_decision={decision.code}: {decision.text}"
    if reading.reference is not None:
        yield f"out_of_distribution={json.dumps(asdict(reading.reference))}"
    if reading.view is not None:
        yield f"view={json.dumps(asdict(reading.view))}"


def statements(model: ModelIdentity | None, language: Language) -> Iterator[str]:
    """Yield what is said on every surface: demonstration or not, research use only."""
    if model is not None and model.demonstration:
        yield language.say(DEMONSTRATED)
    yield language.say(RESEARCH_USE_ONLY)


def unverified(model: ModelIdentity, language: Language) -> Iterator[str]:
    """Yield what is said of weights that no published hash vouches for."""
    if not model.verified:
        yield language.say("The weights of this model are not verified: no published hash.")


def cautions(reading: Reading, language: Language) -> Iterator[str]:
    """Yield what a person must know before believing the findings."""
    yield language.say(NO_PROBABILITY)
    yield from unverified(reading.model, language)
    if reading.reference is not None:
        percentile, images = reading.reference.percentile, reading.reference.images
        found = language.say(REFERENCE_PERCENTILE, percentile=percentile, images=images)
        yield f"{language.say(REFERENCE)}: {found}"
    for warning in reading.warnings:
        yield f"{language.say(HEAD_OF_WARNING)}: {warning.text} [{warning.code}]"
