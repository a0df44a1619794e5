"""Pages from templates: the same frame, language and look for all of them."""

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from hilum import RESEARCH_USE_ONLY, __version__
from hilum.language import LANGUAGES, Language, Message
from hilum.language.language import translations
from hilum.records.accounts import Role
from hilum.settings.node import NodeMode
from hilum.values.control_characters import UNSAFE, visible
from hilum.web.context import WebContext
from hilum.web.sessions import Theme, Visitor

STATIC: Final = "/static"

WORDS: Final = (
    *(Message("viewer"), Message("reader"), Message("operator")),
    *(Message("node"), Message("worker")),
    *(Message("PACS"), Message("model"), Message("database"), Message("disk")),
)
"""Values that templates show as words: roles, kinds of process, checks."""


MODES: Final = {
    NodeMode.SILENT: Message("Silent mode: what the AI finds is not shown or stored in the PACS."),
    NodeMode.AUDIT: Message(
        "Audit mode: AI findings are shown after your own review and not stored in the PACS."
    ),
}
MODES_OPERATED: Final = MODES | {
    NodeMode.SILENT: Message(
        "Silent mode: AI findings are shown to operators only and not stored in the PACS."
    ),
}
"""Mode of the node → what every page says of it, to readers and to operators."""


@cache
def static_digest() -> str:
    """Return what all static files' addresses contain: another one after any change of any."""
    digest = hashlib.sha256()
    for path, file in sorted(_files(files("hilum.web").joinpath("static")), key=lambda f: f[0]):
        digest.update(path.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def _files(folder: Traversable, above: str = "") -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for entry in folder.iterdir():
        name = f"{above}{entry.name}"
        found += _files(entry, f"{name}/") if entry.is_dir() else [(name, entry)]
    return found


def static(name: str) -> str:
    """Return the address of a static file, which browsers may keep for ever."""
    return f"{STATIC}/{static_digest()}/{name}"


def _shown(value: Any) -> Any:
    """Return a value as it is shown: no name of a file or patient turns the page around."""
    if isinstance(value, str) and UNSAFE.search(value):
        return type(value)(visible(value)) if isinstance(value, Markup) else visible(value)
    return value


@cache
def environment(language: Language) -> Environment:
    """Return the templates in one language."""
    made = Environment(
        loader=PackageLoader("hilum.web", "templates"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue = translations(language)
    made.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    made.globals.update(
        static=static,
        version=__version__,
        languages=LANGUAGES,
        themes=list(Theme),
        roles=list(Role),
        research_use_only=language.say(RESEARCH_USE_ONLY),
    )
    return made


def fill(template: str, who: Visitor, /, **values: Any) -> str:
    """Return a template, filled in the visitor's language."""
    found = environment(who.language).get_template(template)
    return found.render(visitor=who, language=who.language, **values)


def render(
    request: Request, template: str, who: Visitor, /, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """Return a whole page.

    Parameters
    ----------
    request
        Tells which part of the page is open.
    who
        Who looks at it.
    """
    context: WebContext = request.app.state.context
    values |= {"path": request.url.path, "mode_notice": mode_notice(context, who)}
    return HTMLResponse(fill(template, who, **values), status_code=status)


def mode_notice(context: WebContext, who: Visitor) -> str:
    """Return what every page says of the node's mode; empty in the live one."""
    if who.role is None:
        return ""
    modes = MODES_OPERATED if who.may(Role.OPERATOR) else MODES
    return modes.get(context.settings.current().node.mode, "")
