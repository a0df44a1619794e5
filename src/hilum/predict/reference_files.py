"""Where the statistics of the reference images lie: one file a fit, in the data folder.

A file's name has its version and the beginning of its SHA-256. A new fit is a new file, so that
whoever reads meanwhile has the old one whole; those of other weights stay where they are.
"""

import hashlib
import re
from contextlib import suppress
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.errors import StatisticsDamaged
from hilum.files.atomic import not_written, replacing
from hilum.files.private import OWNER_FILE, make_private
from hilum.predict.reference import Reference
from hilum.radiograph import PixelPipeline
from hilum.reading import ModelIdentity, ReferenceDistance

FOLDER: Final = "reference"
"""Folder of the data folder that holds one folder a model and pixel pipeline."""

DIGITS: Final = 16
"""Of the SHA-256 in a file's name."""

NAMED: Final = re.compile(rf"v(\d{{1,9}})-[0-9a-f]{{{DIGITS}}}\.npz")

KEPT: Final = 5
"""Versions that are kept of each."""


def reference_key(model: str, pipeline: str) -> str:
    """Return what statistics are kept under: `ModelIdentity.key` and the pixel pipeline."""
    return f"{model} {pipeline}"


class ReferenceFiles:
    """The statistics of one model. Several threads may read them.

    Parameters
    ----------
    data_folder
        The data folder; it need not be there.
    model
        Whose statistics.
    """

    def __init__(self, data_folder: Path, model: ModelIdentity) -> None:
        self._folder = data_folder / FOLDER
        self._model = model
        self._read: dict[PixelPipeline, tuple[int, Reference | None]] = {}

    def folder(self, pipeline: PixelPipeline) -> Path:
        """Return the folder of one pixel pipeline."""
        key = reference_key(self._model.key, pipeline)
        return self._folder / re.sub(r"[^A-Za-z0-9.-]", "_", key)

    def newest(self, pipeline: PixelPipeline) -> Reference | None:
        """Return the newest statistics that are whole; None where there are none.

        The folder is read again when it changed.
        """
        try:
            changed = self.folder(pipeline).stat().st_mtime_ns
        except OSError:
            changed = 0
        known = self._read.get(pipeline)
        if known is None or known[0] != changed:
            known = self._read[pipeline] = changed, self._newest(pipeline)
        return known[1]

    def judge(
        self, features: NDArray[np.float32], pipeline: PixelPipeline, limit: float
    ) -> ReferenceDistance | None:
        """Return how unlike the reference images an image is; None where nothing can be said.

        Parameters
        ----------
        features
            Shape ``(features,)``.
        limit
            Percentile from which it is unusual; 0: nobody asks.
        """
        known = self.newest(pipeline) if limit else None
        return None if known is None else known.judge(features, limit)

    def write(self, pipeline: PixelPipeline, reference: Reference) -> Reference:
        """Keep newly fitted statistics as the next version, and return them as they are kept.

        Raises
        ------
        SourceUnreadable
            The folder cannot be written.
        """
        folder = self.folder(pipeline)
        make_private(folder)
        there = versions(folder)
        reference = replace(reference, version=1 + max([0, *there]))
        contents = reference.to_bytes()
        digest = hashlib.sha256(contents).hexdigest()
        path = folder / f"v{reference.version}-{digest[:DIGITS]}.npz"
        try:
            with replacing(path, folder / f".{path.name}.part", mode=OWNER_FILE) as file:
                file.write(contents)
        except OSError as exc:
            raise not_written(path, exc) from exc
        for old in sorted(there)[: 1 - KEPT]:
            with suppress(OSError):
                there[old].unlink()
        return replace(reference, sha256=digest)

    def _newest(self, pipeline: PixelPipeline) -> Reference | None:
        there = versions(self.folder(pipeline))
        key = reference_key(self._model.key, pipeline)
        for version in sorted(there, reverse=True):
            with suppress(OSError, StatisticsDamaged):
                found = Reference.of_bytes(there[version].read_bytes())
                if found.key == key and there[version].stem.endswith(found.sha256[:DIGITS]):
                    return found
        with suppress(OSError, StatisticsDamaged):
            shipped = files("hilum.predict") / "built_in" / f"{self._model.name}.reference.npz"
            found = Reference.of_bytes(shipped.read_bytes())
            return found if found.key == key else None
        return None


def versions(folder: Path) -> dict[int, Path]:
    """Return version → file, whole or not."""
    named = ((NAMED.fullmatch(path.name), path) for path in folder.glob("v*.npz"))
    return {int(match[1]): path for match, path in named if match}
