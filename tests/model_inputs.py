"""Images for the networks, made from seeds."""

import numpy as np

from hilum.radiograph import FieldOfView, ModelInput


def model_input(pixels: np.ndarray) -> ModelInput:
    """Return what a network takes, from pixels of shape (size, size) in [-1024, 1024]."""
    side = pixels.shape[0]
    return ModelInput(pixels.astype(np.float32), FieldOfView(0, 0, side, side))


def blobs(seed: int, size: int = 224) -> np.ndarray:
    """Return a smooth random image: shape (size, size), float32, in [-1024, 1024]."""
    rng = np.random.Generator(np.random.PCG64(seed))
    rows, columns = np.mgrid[:size, :size].astype(np.float32) / size
    image = np.zeros((size, size), np.float32)
    for _ in range(12):
        row, column, width = rng.uniform(0, 1, 3)
        height = rng.uniform(-900, 900)
        distance = (rows - row) ** 2 + (columns - column) ** 2
        image += height * np.exp(-distance / (0.01 + 0.1 * width**2))
    image += rng.normal(0, rng.uniform(1, 120), image.shape)
    return np.clip(image, -1024, 1024).astype(np.float32)
