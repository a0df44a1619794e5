"""The name of one piece of work on one image."""

from dataclasses import dataclass

from hilum.radiograph import ImageUIDs


@dataclass(frozen=True, slots=True)
class Job:
    """One run of the work on one image. Small, and all text: it is kept as JSON."""

    archive: str
    """Which archive: the same image in two of them is work in each."""
    uids: ImageUIDs
    """The image."""
    reference: str
    """The archive's name of it: opaque, only the archive that gave it knows what it means."""
    run: int
    """How often work on it was asked for, from 1."""

    @property
    def id(self) -> str:
        """Name of this run; the job engine runs each name once."""
        return "|".join((self.archive, *self.uids, str(self.run)))
