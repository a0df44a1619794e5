"""Numbers in half precision: the features of images are kept so, and compared so."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def halved(numbers: NDArray[Any]) -> NDArray[np.float16]:
    """Return numbers in half precision; what is too large for it is the largest that it has."""
    most = np.finfo(np.float16).max
    half: NDArray[np.float16] = np.clip(numbers, -most, most).astype(np.float16)
    return half


def packed(numbers: NDArray[Any]) -> bytes:
    """Return numbers as they are kept: little-endian float16."""
    return halved(numbers).astype("<f2").tobytes()
