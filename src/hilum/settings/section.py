"""What every table of the settings file has in common."""

from pydantic import BaseModel, ConfigDict


class SettingsSection(BaseModel):
    """A table of the settings file: frozen, and a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
