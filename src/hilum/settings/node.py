"""Settings of the node."""

from pydantic import Field

from hilum.settings.section import Section


class NodeSettings(Section):
    """How the node works."""

    poll_s: float = Field(
        0.2, gt=0, description="Seconds between two looks at the changes feed when it is quiet."
    )
    max_file_bytes: int = Field(
        512 * 1024 * 1024, gt=0, description="Files with more bytes are refused, not fetched."
    )
