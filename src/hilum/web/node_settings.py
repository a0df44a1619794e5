"""Settings: what holds and where it comes from; some can be set here. Audit trail and log, too."""

import threading
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any, Final, get_args

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, SecretStr
from starlette.responses import RedirectResponse, Response

from hilum.errors import SettingInvalid
from hilum.language import LANGUAGES, Language, Message
from hilum.records import audit
from hilum.records import page_values as records
from hilum.settings import Settings, SettingSource, default_settings_file, page_values, source_of
from hilum.settings.sources import write_page_values
from hilum.telemetry.logs import recent_lines
from hilum.web.context import WebContext
from hilum.web.pages import render
from hilum.web.rollout import reports
from hilum.web.sessions import ConfirmedOperator, Context, Visitor, note

router: Final = APIRouter(include_in_schema=False)

HERE: Final = "/settings"

LINES: Final = 200
"""Lines of the audit trail that are shown."""

EDITABLE: Final = {
    "gate.min_side": Message("Shortest side of an image, in pixels"),
    "gate.max_aspect_ratio": Message("Maximum ratio of longer to shorter side"),
    "gate.unknown_view": Message("Images with unknown view"),
    "gate.combined_parts": Message("Images of the chest and adjacent regions"),
    "gate.unreadable_age": Message("Images with an unreadable age"),
    "gate.not_upright": Message("Images stored rotated or mirrored"),
    "worklist.wait_minutes": Message("Maximum wait by finding, in minutes, separated by commas"),
    "worklist.ceiling_minutes": Message("Maximum wait of any study, in minutes"),
    "worklist.ineligible": Message("Studies without a frontal chest radiograph"),
    "worklist.page_size": Message("Studies per page"),
    "node.mode": Message("Mode: silent, audit or live"),
    "node.forward_to": Message("Forward results to, separated by commas"),
    "node.forward_images": Message("Also forward the image"),
    "node.keep_days": Message("Days to keep results"),
    "report.language": Message("Language of reports"),
    "report.report_refusals": Message("Write a report for refused images"),
    "constancy.every_hours": Message("Hours between self-tests; 0: none"),
    "constancy.drift_least_images": Message("Minimum images per month to compare"),
    "constancy.drift_moving": Message("PSI at which a distribution counts as drifting"),
    "constancy.drift_shifted": Message("PSI at which a distribution counts as shifted"),
    "constancy.agreement_accepted": Message("Accepted share of agreement, least and greatest"),
    "alerts.kinds": Message("Kinds of alerts, separated by commas"),
    "alerts.critical_findings": Message("Findings that raise an alert, separated by commas"),
    "alerts.language": Message("Language of alerts"),
    "alerts.quiet_hours": Message("Quiet hours, such as 22:00-06:30"),
}
"""Settings that operators may change here → what they are. None opens the node to anybody, names a
file or holds a secret. All but `NEXT_START` hold from the next image or request on."""

SOURCES: Final = {
    SettingSource.ENVIRONMENT: Message("environment variable"),
    SettingSource.FILE: Message("settings file"),
    SettingSource.PAGE: Message("set on this page"),
    SettingSource.DEFAULT: Message("default"),
}
"""Source → its words."""

ONE_AT_A_TIME: Final = threading.Lock()
"""Held while the file of the page is read and written anew."""


def sections() -> dict[str, type[BaseModel]]:
    """Return the sections of the settings."""
    return {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


def shown(value: object) -> str:
    """Return a value as it is shown, and written into a form; secrets are not."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return "…"
    if isinstance(value, tuple):
        return ", ".join(map(shown, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)


def _row(context: WebContext, section: str, name: str) -> dict[str, Any]:
    settings, full = context.settings.current(), f"{section}.{name}"
    folder = settings.data_folder
    source = source_of(section, name, file=default_settings_file(), data_folder=folder)
    value = getattr(getattr(settings, section), name)
    chosen = page_values(folder).get(section, {}).get(name)
    later = source is SettingSource.PAGE and shown(_parsed(settings, full, chosen)) != shown(value)
    return {
        "name": full,
        "label": EDITABLE.get(full, ""),
        "value": shown(value),
        "next": shown(_parsed(settings, full, chosen)) if later else None,
        "source": SOURCES[source],
        "editable": full in EDITABLE and source in {SettingSource.PAGE, SettingSource.DEFAULT},
        "choices": _choices(settings, section, name),
    }


def _choices(settings: Settings, section: str, name: str) -> list[str]:
    value = getattr(getattr(settings, section), name)
    if isinstance(value, bool):
        return ["true", "false"]
    if isinstance(value, Language):
        return list(LANGUAGES)
    if isinstance(value, StrEnum):
        return [each.value for each in type(value)]
    kinds = type(getattr(settings, section)).model_fields[name].annotation
    return list(get_args(kinds)) if isinstance(value, str) else []


def _parsed(settings: Settings, full: str, value: object) -> object:
    """Return a value as the setting takes it.

    Raises
    ------
    SettingInvalid
        It does not take it.
    """
    section, name = full.split(".")
    return getattr(getattr(settings.changed(section, **{name: value}), section), name)


def page(request: Request, who: Visitor, context: WebContext, *, error: str = "") -> Response:
    """Return the page, with what went wrong."""
    rows = [
        _row(context, section, name)
        for section, kind in sections().items()
        for name in kind.model_fields
    ]
    return render(
        request,
        "settings.html",
        who,
        status=HTTPStatus.CONFLICT if error else 200,
        rows=rows,
        error=error,
        file=default_settings_file(),
    )


@router.get(HERE)
def show(request: Request, who: ConfirmedOperator, context: Context) -> Response:
    """Show every setting."""
    return page(request, who, context)


@router.post(HERE)
def change(
    request: Request,
    who: ConfirmedOperator,
    context: Context,
    name: Annotated[str, Form()],
    value: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Set one setting, and write down who did; empty: its default."""
    settings = context.settings.current()
    section, _, field = name.partition(".")
    if name not in EDITABLE:
        return page(request, who, context, error=Message("This setting cannot be set here."))
    told: Any = value.strip() or None
    now = getattr(getattr(settings, section), field)
    if isinstance(now, tuple | dict):
        told = [each.strip() for each in value.split(",") if each.strip()]
    if isinstance(now, dict):
        told = {label: minutes for label, _, minutes in (each.rpartition(" ") for each in told)}
    try:
        if told is not None:
            _parsed(settings, name, told)
    except SettingInvalid as exc:
        return page(request, who, context, error=exc.message)
    with ONE_AT_A_TIME:
        kept = page_values(settings.data_folder)
        of_section = {**kept.get(section, {}), field: told}
        if told is None:
            del of_section[field]
        kept[section] = of_section
        with context.database.transaction() as connection:
            records.choose(connection, kept)
        write_page_values(settings.data_folder, kept)
    note(context, who.name, "setting.changed", setting=name, value=shown(told), was=shown(now))
    if name == "node.mode":
        for each in reports(context):
            counted: dict[str, Any] = each.summary
            note(context, who.name, "mode.reported", mode=each.mode, **counted)
    return RedirectResponse(f"{HERE}#{name}", HTTPStatus.SEE_OTHER)


@router.get(f"{HERE}/audit")
def trail(request: Request, who: ConfirmedOperator, context: Context, study: str = "") -> Response:
    """Show the newest lines of the audit trail, of one study where it is named."""
    with context.database.look() as connection:
        found = list(audit.lines(connection, study_instance_uid=study or None, newest=LINES))
    lines = [
        {"line": each.line, "detail": ", ".join(f"{n} {v}" for n, v in each.line.detail.items())}
        for each in reversed(found)
    ]
    note(context, who.name, "audit.viewed", study=study)
    return render(request, "audit.html", who, lines=lines, study=study)


@router.get(f"{HERE}/log")
def log(request: Request, who: ConfirmedOperator, context: Context) -> Response:
    """Show the newest lines of the node's log."""
    note(context, who.name, "log.viewed")
    return render(request, "log.html", who, lines=recent_lines()[::-1])
