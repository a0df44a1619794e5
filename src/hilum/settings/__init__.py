"""All settings: each declared once, with default, unit and meaning; docs/settings.md is made of it.

Environment variables (``HILUM_PACS__URL`` is ``[pacs] url``) override ``hilum.toml``, which
overrides what operators set on the page, which overrides the defaults below. The first two are read
once, at start-up; `Settings.current` has what was set on the page since.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Final, Self, cast

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hilum.errors import SettingInvalid
from hilum.language import Message
from hilum.language.system import system_error
from hilum.settings.alerts import AlertKind, AlertSettings
from hilum.settings.anatomy import AnatomyMode, AnatomySettings
from hilum.settings.constancy import ConstancySettings
from hilum.settings.deliveries import DeliverySettings
from hilum.settings.dicomweb import DicomWebSettings
from hilum.settings.node import NodeMode, NodeSettings
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
    ViewFromPixels,
)
from hilum.settings.section import SettingsSection, first_invalid
from hilum.settings.sources import (
    PAGE_FILE,
    PREFIX,
    SettingSource,
    page_values,
    source_of,
    stamp_of,
)
from hilum.settings.telemetry import LogFormat, TelemetrySettings
from hilum.settings.worklist import WorklistSettings

__all__ = [
    "AlertKind",
    "AlertSettings",
    "AnatomyMode",
    "AnatomySettings",
    "ConstancySettings",
    "DefaultCharacterSet",
    "DeliverySettings",
    "DicomWebSettings",
    "ExecutionProvider",
    "ExtraObject",
    "GateSettings",
    "LogFormat",
    "ModelSettings",
    "NodeMode",
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
    "ViewFromPixels",
    "WorklistSettings",
    "default_data_folder",
    "default_settings_file",
    "page_values",
    "source_of",
]

SETTINGS_FILE_VARIABLE: Final = "HILUM_SETTINGS"
"""Environment variable that names another settings file than the default one."""

NEXT_START: Final = frozenset({"node.forward_images"})
"""What operators set for the next start: the Orthanc that hilum starts is configured by it."""

MOST_CURRENT: Final = 16
"""Settings objects whose current values are kept; a process has one or two."""

_CURRENT: Final[dict[int, tuple[object, tuple[int, int], object]]] = {}
"""Identity of settings → these, the stamp of the page's file, and what they are with it."""

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
    anatomy: AnatomySettings = AnatomySettings()
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
        """Order the sources: arguments, environment, settings file."""
        return (
            init_settings,
            env_settings,
            TomlConfigSettingsSource(settings_cls, default_settings_file()),
        )

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
            return cls(**changes).with_page_values(starting=True)
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
        now: SettingsSection = getattr(self, section)
        set_by = {*now.model_fields_set, *values}
        return self._with_section(section, {**now.model_dump(), **values}, set_by)

    def _with_section(
        self, section: str, values: Mapping[str, Any], set_by: AbstractSet[str]
    ) -> Self:
        """Return a copy with one section validated anew, of which these names count as set."""
        try:
            made: SettingsSection = type(getattr(self, section))(**values)
        except ValidationError as exc:
            name, why = first_invalid(exc, unknown=NO_SETTING)
            raise SettingInvalid(
                "The setting {section}.{name} cannot be used: {why}.",
                "See docs/settings.md for what it may be.",
                section=section,
                name=name,
                why=why,
            ) from exc
        made.model_fields_set.intersection_update(set_by)
        return self.model_copy(update={section: made})

    def current(self) -> Self:
        """Return these settings with what operators have set on the page since.

        A look at the file's time each; call it for each image or request. A file that cannot be
        used changes nothing here: the next start says what is wrong with it.
        """
        stamp = stamp_of(self.data_folder)
        if stamp is None:
            return self
        known = _CURRENT.get(id(self))
        if known is None or known[0] is not self or known[1] != stamp:
            try:
                made = self.with_page_values()
            except (json.JSONDecodeError, SettingInvalid):
                made = self
            known = (self, stamp, made)
            if len(_CURRENT) > MOST_CURRENT:
                _CURRENT.clear()
            _CURRENT[id(self)] = known
        return cast("Self", known[2])

    def with_page_values(self, *, starting: bool = False) -> Self:
        """Return a copy with what the page set, where nothing stronger sets it.

        Parameters
        ----------
        starting
            Also take `NEXT_START`, which otherwise stay as they are.

        Raises
        ------
        JSONDecodeError
            The file is damaged.
        SettingInvalid
            A value in it cannot be used.
        """
        made = self
        for section, values in page_values(self.data_folder).items():
            now: SettingsSection = getattr(self, section)
            stronger = now.model_dump(exclude_unset=True)
            held = (
                {}
                if starting
                else {
                    name: getattr(now, name)
                    for name in type(now).model_fields
                    if f"{section}.{name}" in NEXT_START
                }
            )
            # what the page set does not count as set: it may be set anew
            made = made._with_section(section, {**values, **held, **stronger}, set(stronger))
        return made


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
