"""Every setting once: name, default, unit, meaning. The docs page and the checks read this.

Read at start-up from, the later the stronger: the defaults below, ``hilum.toml``,
environment variables (``HILUM_PACS__URL`` is ``[pacs] url``). Nothing reads the
environment after that.
"""

import os
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hilum.errors import SettingInvalid
from hilum.radiograph import PixelPipeline

SETTINGS_FILE_VARIABLE: Final = "HILUM_SETTINGS"
"""Environment variable that names another settings file than the default one."""

PREFIX: Final = "HILUM_"
"""What the environment variables of hilum begin with."""


class UnknownView(StrEnum):
    """What to do with an image when nothing says whether it is frontal."""

    READ = "read"
    """Read it, with a warning in every report."""
    REFUSE = "refuse"


class ReasonLanguage(StrEnum):
    """Language of the reasons and reports that people read."""

    ENGLISH = "en"
    PORTUGUESE = "pt"


class ExtraObject(StrEnum):
    """A DICOM object that is written only where a site asks for it."""

    SEGMENTATION = "segmentation"
    """The regions of the positive findings, as masks."""
    PRESENTATION_STATE = "presentation_state"
    """Their outlines and scores, drawn over the original by workstations."""
    KEY_OBJECTS = "key_objects"
    """A flag on images with positive findings."""
    PARAMETRIC_MAP = "parametric_map"
    """The class activation maps of the positive findings, as numbers, for research."""


class SRClass(StrEnum):
    """SOP Class of the coded report; its content is the same in all three."""

    COMPREHENSIVE_3D = "comprehensive_3d"
    """What IHE AI Results asks for."""
    COMPREHENSIVE = "comprehensive"
    """For archives that do not take the former."""
    ENHANCED = "enhanced"
    """For archives that take neither."""


class Section(BaseModel):
    """A table of the settings file: frozen, and a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PacsSettings(Section):
    """The PACS: one that hilum starts, or one that is already there."""

    url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="REST address of an Orthanc that is already running; "
        "unset: hilum starts its own.",
    )
    username: str | None = Field(None, description="User of that Orthanc.")
    password: SecretStr | None = Field(None, description="Password of that user.")
    password_file: Path | None = Field(
        None, description="File that holds that password, e.g. a Docker or Kubernetes secret."
    )
    program: str | None = Field(None, description="Path of the Orthanc program; unset: on PATH.")
    aet: str = Field(
        "HILUM",
        min_length=1,
        max_length=16,
        description="AE title of the Orthanc that hilum starts.",
    )
    dicom_host: str | None = Field(
        None, description="Host of its DICOM port; unset: the host of url, or this machine."
    )
    dicom_port: int = Field(4242, ge=1, le=65535, description="DICOM port of that Orthanc.")
    http_port: int = Field(
        8042, ge=1, le=65535, description="HTTP port of that Orthanc, on loopback only."
    )
    allowed_aets: tuple[str, ...] = Field(
        (),
        description="AE titles that may send to the Orthanc that hilum starts, as AET@HOST or "
        "AET@HOST:PORT; the usual tools on this machine always may.",
    )
    open_to_any_aet: bool = Field(
        default=False,
        description="Let any AE title from anywhere send images to the Orthanc that hilum starts.",
    )
    timeout_s: float = Field(30.0, gt=0, description="Seconds to wait for one answer of the PACS.")


class ModelSettings(Section):
    """Which model reads, and where its weights come from."""

    name: str = Field("densenet121-res224-all", description="Name of the model card.")
    operating_points: str = Field(
        "default", description="Set of thresholds: default, ppv80 where published, or a file."
    )
    mirror: str | None = Field(
        None, description="Address that replaces the release address of the weights."
    )
    offline_folder: Path | None = Field(
        None, description="Folder that already holds the weights files; nothing is downloaded."
    )
    threads: int = Field(
        0, ge=0, description="Threads of the network; 0: one for each physical core."
    )


class PixelSettings(Section):
    """How stored pixels become what the model sees."""

    pipeline: PixelPipeline = Field(
        PixelPipeline.DISPLAY, description="Pixel pipeline: display or torchxrayvision."
    )
    max_pixels: int = Field(
        100_000_000, gt=0, description="Images with more pixels are refused, not decoded."
    )


class GateSettings(Section):
    """Which images the model may read."""

    modalities: tuple[str, ...] = Field(
        ("CR", "DX"), description="Modalities that are read; RF, RG, SC and XA can be added."
    )
    unknown_view: UnknownView = Field(
        UnknownView.READ, description="When nothing tells the view: read with a warning, or refuse."
    )
    min_side: int = Field(
        224, gt=0, description="Images with a side shorter than this many pixels are refused."
    )


class ReportSettings(Section):
    """What is written back."""

    language: ReasonLanguage = Field(
        ReasonLanguage.ENGLISH, description="Language of texts for people: en or pt."
    )
    sr_class: SRClass = Field(
        SRClass.COMPREHENSIVE_3D,
        description="SOP Class of the coded report: comprehensive_3d, comprehensive or enhanced.",
    )
    codes_file: Path | None = Field(
        None, description="TOML file whose codes replace those of hilum, see docs/conformance.md."
    )
    objects: tuple[ExtraObject, ...] = Field(
        (),
        description="Further objects for images with positive findings: segmentation, "
        "presentation_state, key_objects, parametric_map.",
    )
    report_refusals: bool = Field(
        default=False,
        description="Also write a text report into the study when an image is refused.",
    )


class NodeSettings(Section):
    """How the node works."""

    poll_s: float = Field(
        0.2, gt=0, description="Seconds between two looks at the changes feed when it is quiet."
    )
    max_file_bytes: int = Field(
        512 * 1024 * 1024, gt=0, description="Files with more bytes are refused, not fetched."
    )


def default_data_folder() -> Path:
    """Return the folder for weights, archive and ledger when none is set."""
    return Path(platformdirs.user_data_path("hilum"))


def default_settings_file() -> Path:
    """Return the settings file in use: ``$HILUM_SETTINGS`` or the user's own."""
    named = os.environ.get(SETTINGS_FILE_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_config_path("hilum")) / "hilum.toml"


class Settings(BaseSettings):
    """All settings. Build with `Settings.load`, which turns mistakes into clear lines."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=PREFIX,
        env_nested_delimiter="__",
    )

    data_folder: Path = Field(
        default_factory=default_data_folder,
        description="Folder for weights, the archive of the Orthanc that hilum starts, and jobs.",
    )
    pacs: PacsSettings = PacsSettings()
    model: ModelSettings = ModelSettings()
    pixels: PixelSettings = PixelSettings()
    gate: GateSettings = GateSettings()
    report: ReportSettings = ReportSettings()
    node: NodeSettings = NodeSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, settings file."""
        toml = TomlConfigSettingsSource(settings_cls, default_settings_file())
        return init_settings, env_settings, toml

    @classmethod
    def load(cls, **changes: Any) -> Self:
        """Read the settings.

        Raises
        ------
        SettingInvalid
            The file is not TOML, or a name or value in it cannot be used.
        """
        path = default_settings_file()
        _check_names(path)
        try:
            return cls(**changes)
        except ValidationError as exc:
            first = exc.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise SettingInvalid(
                f"The setting {name} cannot be used: {_said(first)}.",
                f"Correct it in {path} or in its HILUM_ environment variable.",
            ) from exc
        except tomllib.TOMLDecodeError as exc:
            raise SettingInvalid(
                f"The settings file {path} is not valid TOML: {exc}.", "Correct that line."
            ) from exc
        except OSError as exc:
            raise SettingInvalid(
                f"The settings file {path} cannot be read: {exc.strerror}.",
                "Check its path and permissions.",
            ) from exc

    def changed(self, section: str, **values: Any) -> Self:
        """Return a copy with some values of one section replaced and validated again.

        Raises
        ------
        SettingInvalid
            A value cannot be used.
        """
        current: Section = getattr(self, section)
        try:
            replaced = type(current)(**{**current.model_dump(), **values})
        except ValidationError as exc:
            first = exc.errors()[0]
            raise SettingInvalid(
                f"The setting {section}.{first['loc'][0]} cannot be used: {_said(first)}.",
                "See docs/settings.md for what it may be.",
            ) from exc
        return self.model_copy(update={section: replaced})


def _check_names(file: Path) -> None:
    """Raise `SettingInvalid` for what pydantic would pass over in silence.

    That is a settings file that is named but not there, and a variable of a section that
    does not exist, such as ``HILUM_PACKS__URL``.
    """
    if os.environ.get(SETTINGS_FILE_VARIABLE) and (file.is_dir() or not file.exists()):
        raise SettingInvalid(
            f"{SETTINGS_FILE_VARIABLE} names {file}, which is not a file.",
            f"Correct it, or unset it to use {platformdirs.user_config_path('hilum')}.",
        )
    for variable in os.environ:
        name = variable.upper().removeprefix(PREFIX)
        section, nested, _ = name.partition("__")
        known = section.lower() in Settings.model_fields
        if variable.upper().startswith(PREFIX) and nested and not known:
            raise SettingInvalid(
                f"The variable {variable} names no setting: there is no section {section.lower()}.",
                "Correct its name; docs/settings.md lists all of them.",
            )


def _said(error: ErrorDetails) -> str:
    """Return what is wrong with a value, in words for people."""
    return "there is no such setting" if error["type"] == "extra_forbidden" else error["msg"]
