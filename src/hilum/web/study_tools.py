"""What the web application needs of the core: an interface that `hilum.node` implements.

This package imports neither `encode`, `explain` nor `pipeline`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hilum.language import Language
from hilum.pacs.archive import Archive
from hilum.radiograph import FieldOfView, ImageUIDs
from hilum.records.review import Review
from hilum.records.stored_reading import StoredReading
from hilum.web.displayed import DisplayedImage


class ReadingFile(NamedTuple):
    """A reading in one of its forms, with the ending of the file's name and its media type."""

    content: bytes
    suffix: str
    media_type: str


class StudyTools(Protocol):
    """What can be done with one image and its reading; implemented where the node is wired.

    A file is opened in an inference worker, never here: each method that is given one may
    also raise `InferenceWorkerDied` and `InferenceTimeout`.
    """

    def picture(self, file: bytes) -> DisplayedImage:
        """Return an image as it is displayed, whatever the gate says of it.

        Raises
        ------
        SourceUnreadable
            The file is damaged.
        RadiographRefused
            It has no pixels that can be shown.
        """
        ...

    def thumbnail(self, file: bytes) -> bytes:
        """Return the small picture of an image, as WebP; raises as `picture`."""
        ...

    def release_picture(self, file: bytes) -> tuple[bytes, str]:
        """Return all pixels of an image as a JPEG, and their SHA-256, to decide on its export.

        Raises
        ------
        SourceUnreadable
            The file is damaged.
        RadiographRefused
            It is not exported, whatever a person says.
        """
        ...

    def png(self, file: bytes) -> bytes:
        """Return the picture of a stored overlay.

        Raises
        ------
        SourceUnreadable
            It is damaged, or none of ours.
        """
        ...

    def outlines(
        self, activation: NDArray[np.float32], field_of_view: FieldOfView
    ) -> Sequence[NDArray[np.float64]]:
        """Return where a map is strong: closed lines of (column, row) in source pixels."""
        ...

    def forms(self, reading: StoredReading) -> Mapping[str, str]:
        """Return the forms in which a reading can be had, name → title."""
        ...

    def written(
        self,
        form: str,
        reading: StoredReading,
        image: Callable[[], bytes],
        when: datetime,
        *,
        language: Language | None = None,
    ) -> ReadingFile:
        """Return a reading in one of its forms; `image` fetches the file that some need.

        `language` is that of the forms for people; None: that of the settings.
        """
        ...

    def is_reported(self, archive: Archive, reference: str, uids: ImageUIDs) -> bool:
        """Return whether the archive holds a report of hilum, whoever stored it, on an image."""
        ...

    def review_file(
        self, file: bytes, review: Review, key: str, judged: bytes | None
    ) -> tuple[str, bytes]:
        """Return UID and file of the structured report of a reader's review.

        `key` names the review: the same one gives the same UID. `judged` is the file of the model's
        coded report, None when it is not there.
        """
        ...
