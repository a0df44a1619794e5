"""What the study page's script makes of the pixels that it is sent."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray


def unpacked(content: bytes) -> tuple[dict[str, Any], NDArray[np.uint16]]:
    """Return what is told of an image, and its codes, of shape ``(rows, columns)``."""
    told = int.from_bytes(content[:4], "little")
    facts = json.loads(content[4 : 4 + told])
    shape = 2, facts["rows"], facts["columns"]
    low, high = np.frombuffer(content[4 + told :], np.uint8).astype(np.int32).reshape(shape)
    folded = low | high << 8
    return facts, np.cumsum((folded >> 1) ^ -(folded & 1), axis=1).astype(np.uint16)


def values(facts: dict[str, Any], codes: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Return codes in the image's units."""
    return facts["slope"] * codes.astype(np.float64) + facts["intercept"]
