"""Settings of the node."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from hilum.language import Message
from hilum.settings.section import SettingsSection

GIBIBYTE = 1024**3
MEBIBYTE = 1024**2


class StartAt(StrEnum):
    """Where the node begins in the feed of a PACS that it follows for the first time."""

    NOW = "now"
    """What arrives from now on; `hilum backfill` reads what is there already."""
    BEGINNING = "beginning"
    """Everything that the feed still knows."""


class NodeMode(StrEnum):
    """How far results get, the quietest first: the stages of a roll-out."""

    SILENT = "silent"
    """Recorded, for operators alone: no results in the PACS, no messages, not on the worklist."""
    AUDIT = "audit"
    """Shown to readers after their own review; no results in the PACS, no messages."""
    LIVE = "live"
    """All of it."""

    def is_quieter_than(self, other: "NodeMode") -> bool:
        """Return whether results get less far than in another mode."""
        modes = tuple(NodeMode)
        return modes.index(self) < modes.index(other)


class NodeSettings(SettingsSection):
    """How the node works."""

    mode: NodeMode = NodeMode.LIVE
    """How far results get: silent (recorded for operators alone), audit (shown after a reader's own
    review), or live. An image keeps the mode in which it was analyzed, see docs/rollout.md."""
    database: SecretStr | None = None
    """PostgreSQL for jobs and records, as postgresql://user:password@host/name, so that several
    workers share them; unset: hilum.sqlite in data_folder."""
    database_password_file: Path | None = None
    """File that holds the password of database, e.g. a Docker or Kubernetes secret; it takes the
    place of one in the address."""
    poll_s: float = Field(0.2, gt=0)
    """Seconds between two looks at the changes feed when it is quiet."""
    start_at: StartAt | None = None
    """Where to begin in the feed of a PACS at the first start; unset: the Orthanc that hilum starts
    from its beginning, a PACS of the settings from now on."""
    max_file_bytes: int = Field(512 * MEBIBYTE, gt=0)
    """Files with more bytes are refused, not fetched."""
    min_free_bytes: int = Field(GIBIBYTE, ge=0)
    """With less free space on the disk of data_folder the node pauses."""
    inference_workers: int = Field(0, ge=0, le=64)
    """Inference workers; 0: one for each core that affinity and CPU quota leave."""
    inference_timeout_s: float = Field(120.0, gt=0)
    """Seconds that an inference worker may spend on one image before it is ended."""
    inference_memory_bytes: int = Field(4 * GIBIBYTE, ge=512 * MEBIBYTE)
    """Memory that one inference worker may take at most."""
    urgent_aets: tuple[str, ...] = ()
    """AE titles whose images are read before others."""
    forward_to: tuple[str, ...] = ()
    """Where results are sent on to, as modality:NAME or peer:NAME of the PACS's own DicomModalities
    and OrthancPeers."""
    forward_images: bool = False
    """Also forward the image, before its results."""
    commit_targets: tuple[str, ...] = ()
    """Targets of forward_to, modality:NAME each, that are asked for a storage commitment."""
    keep_workflows_hours: float = Field(24.0, gt=0)
    """Hours after which the inner record of a finished job is removed."""
    keep_days: float = Field(365.0, gt=0)
    """Days after which the outcome of an image is forgotten."""

    @field_validator("forward_to", "commit_targets")
    @classmethod
    def _are_targets(cls, targets: tuple[str, ...]) -> tuple[str, ...]:
        for target in targets:
            kind, _, name = target.partition(":")
            if kind not in {"modality", "peer"} or not name:
                raise ValueError(
                    Message(
                        "{target} is neither modality:NAME nor peer:NAME, with NAME as configured"
                        " in the PACS",
                        target=target,
                    )
                )
        return targets
