"""The name of one piece of work on one image."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """One run of the work on one image. Small, and all text: it is kept as JSON.

    Attributes
    ----------
    archive
        Which archive: the same image in two of them is work in each.
    sop_instance_uid
        The image.
    instance_id
        Orthanc's identifier of it.
    run
        How often work on it was asked for, from 1.
    """

    archive: str
    sop_instance_uid: str
    instance_id: str
    run: int

    @property
    def id(self) -> str:
        """Name of this run; the job engine runs each name once."""
        return f"{self.archive}|{self.sop_instance_uid}|{self.run}"
