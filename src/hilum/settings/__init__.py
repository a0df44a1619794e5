"""All settings: each declared once, with default, unit and meaning; docs/settings.md is made of it.

They are read once, at start-up. Environment variables (``HILUM_PACS__URL`` is ``[pacs] url``)
override ``hilum.toml``, which overrides the defaults below.
"""

import json
import os
import tomllib
from pathlib import Path
from typing import Any, Final, Self

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hilum.errors import SettingInvalid
from hilum.language import Message
from hilum.language.system import system_error
from hilum.settings.alerts import AlertKind, AlertSettings
from hilum.settings.constancy import ConstancySettings
from hilum.settings.deliveries import DeliverySettings
from hilum.settings.dicomweb import DicomWebSettings
from hilum.settings.node import NodeSettings
from hilum.settings.pacs import DefaultCharacterSet, PacsKind, PacsSettings
from hilum.settings.page import OidcSettings, PageSettings
from hilum.settings.reading import (
    ExecutionProvider,
    ExtraObject,
    GateSettings,
    ModelSettings,
    NotUpright,
    PixelSettings,
    ReadOrRefuse,
    ReportSettings,
    SRClass,
    SREncoder,
    UnusableWindow,
)
from hilum.settings.section import SettingsSection, first_invalid
from hilum.settings.sources import PAGE_FILE, PREFIX, SettingSource, page_values, source_of
from hilum.settings.telemetry import LogFormat, TelemetrySettings
from hilum.settings.worklist import WorklistSettings

__all__ = [
    "AlertKind",
    "AlertSettings",
    "ConstancySettings",
    "DefaultCharacterSet",
    "DeliverySettings",
    "DicomWebSettings",
    "ExecutionProvider",
    "ExtraObject",
    "GateSettings",
    "LogFormat",
    "ModelSettings",
    "NodeSettings",
    "NotUpright",
    "OidcSettings",
    "PacsKind",
    "PacsSettings",
    "PageSettings",
    "PixelSettings",
    "ReadOrRefuse",
    "ReportSettings",
    "SRClass",
    "SREncoder",
    "SettingSource",
    "Settings",
    "SettingsSection",
    "TelemetrySettings",
    "UnusableWindow",
    "WorklistSettings",
    "default_data_folder",
    "default_settings_file",
    "page_values",
    "source_of",
]

SETTINGS_FILE_VARIABLE: Final = "HILUM_SETTINGS"
"""Environment variable that names another settings file than the default one."""

NO_SETTING: Final = Message("there is no such setting")


def default_data_folder() -> Path:
    """Return the default folder for weights, archive and database."""
    return Path(platformdirs.user_data_path("hilum"))


def default_settings_file() -> Path:
    """Return the settings file in use: ``$HILUM_SETTINGS`` or the user's own."""
    named = os.environ.get(SETTINGS_FILE_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_config_path("hilum")) / "hilum.toml"


class Settings(BaseSettings):
    """All settings. Build with `Settings.load`, which turns mistakes into clear lines."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__"
    )

    data_folder: Path = Field(default_factory=default_data_folder)
    """Folder for weights, the archive of the Orthanc that hilum starts, and jobs."""
    pacs: PacsSettings = PacsSettings()
    dicomweb: DicomWebSettings = DicomWebSettings()
    model: ModelSettings = ModelSettings()
    pixels: PixelSettings = PixelSettings()
    gate: GateSettings = GateSettings()
    report: ReportSettings = ReportSettings()
    node: NodeSettings = NodeSettings()
    page: PageSettings = PageSettings()
    oidc: OidcSettings = OidcSettings()
    worklist: WorklistSettings = WorklistSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    constancy: ConstancySettings = ConstancySettings()
    alerts: AlertSettings = AlertSettings()
    deliveries: DeliverySettings = DeliverySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, settings file, what the page set."""
        toml = TomlConfigSettingsSource(settings_cls, default_settings_file())
        named = os.environ.get(f"{PREFIX}DATA_FOLDER") or toml.toml_data.get("data_folder")
        folder = Path(init_settings().get("data_folder") or named or default_data_folder())
        page = InitSettingsSource(settings_cls, page_values(folder))
        return init_settings, env_settings, toml, page

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
            name, why = first_invalid(exc, unknown=NO_SETTING)
            raise SettingInvalid(
                "The setting {name} cannot be used: {why}.",
                "Correct it in {path} or in its HILUM_ environment variable.",
                name=name,
                why=why,
                path=path,
            ) from exc
        except json.JSONDecodeError as exc:
            raise SettingInvalid(
                "The file {name} of the data folder is damaged.",
                "Delete it; what was set on the page is then set again there.",
                name=PAGE_FILE,
            ) from exc
        except tomllib.TOMLDecodeError as exc:
            raise SettingInvalid(
                "The settings file {path} is not valid TOML: {exc}.",
                "Correct that line.",
                path=path,
                exc=exc,
            ) from exc
        except RecursionError as exc:
            raise SettingInvalid(
                "The settings file {path} is nested too deeply.",
                "No setting is a list of lists.",
                path=path,
            ) from exc
        except OSError as exc:
            raise SettingInvalid(
                "The settings file {path} cannot be read: {strerror}.",
                "Check its path and permissions.",
                path=path,
                strerror=system_error(exc),
            ) from exc

    def changed(self, section: str, **values: Any) -> Self:
        """Return a copy with some values of one section replaced and validated again.

        Raises
        ------
        SettingInvalid
            A value cannot be used.
        """
        current: SettingsSection = getattr(self, section)
        try:
            replaced = type(current)(**{**current.model_dump(), **values})
        except ValidationError as exc:
            name, why = first_invalid(exc, unknown=NO_SETTING)
            raise SettingInvalid(
                "The setting {section}.{name} cannot be used: {why}.",
                "See docs/settings.md for what it may be.",
                section=section,
                name=name,
                why=why,
            ) from exc
        return self.model_copy(update={section: replaced})


def _check_names(file: Path) -> None:
    """Raise `SettingInvalid` for what pydantic would pass over in silence.

    That is a settings file that is named but not there, and a variable of a section that
    does not exist, such as ``HILUM_PACKS__URL``.
    """
    if os.environ.get(SETTINGS_FILE_VARIABLE) and (file.is_dir() or not file.exists()):
        raise SettingInvalid(
            "{settings_file_variable} names {file}, which is not a file.",
            "Correct it, or unset it to use {user_config_path}.",
            settings_file_variable=SETTINGS_FILE_VARIABLE,
            file=file,
            user_config_path=platformdirs.user_config_path("hilum"),
        )
    for variable in os.environ:
        name = variable.upper().removeprefix(PREFIX)
        section, nested, _ = name.partition("__")
        known = section.lower() in Settings.model_fields
        if variable.upper().startswith(PREFIX) and nested and not known:
            raise SettingInvalid(
                "The variable {variable} names no setting: there is no section {section}.",
                "Correct its name; docs/settings.md lists all of them.",
                variable=variable,
                section=section.lower(),
            )
