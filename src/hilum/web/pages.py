"""Pages from templates: the same frame, language and look for all of them."""

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from hilum import __version__
from hilum.records.accounts import Role
from hilum.web.i18n import N_, Language, translations
from hilum.web.sessions import Theme, Visitor
from hilum.wording import RESEARCH_USE_ONLY_IN

STATIC: Final = "/static"

WORDS: Final = (
    *(N_("viewer"), N_("reader"), N_("operator")),
    *(N_("node"), N_("worker")),
    *(N_("waiting"), N_("sent"), N_("committed"), N_("failed")),
    *(N_("PACS"), N_("model"), N_("database"), N_("disk")),
)
"""Values that templates show as words: roles, kinds of process, states, checks."""


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


@cache
def environment(language: Language) -> Environment:
    """Return the templates in one language."""
    made = Environment(
        loader=PackageLoader("hilum.web", "templates"),
        autoescape=True,
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
        languages=list(Language),
        themes=list(Theme),
        roles=list(Role),
        research_use_only=RESEARCH_USE_ONLY_IN[language.reasons],
    )
    return made


def fill(template: str, who: Visitor, /, **values: Any) -> str:
    """Return a template, filled in the visitor's language."""
    found = environment(who.language).get_template(template)
    return found.render(visitor=who, speech=who.speech, **values)


def render(
    request: Request, template: str, who: Visitor, /, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """Return a whole page.

    Parameters
    ----------
    request
        Tells which part of the page is open.
    template
        The template, which extends ``base.html``.
    who
        Who looks at it.
    status
        HTTP status.
    values
        What the template shows.
    """
    return HTMLResponse(fill(template, who, path=request.url.path, **values), status_code=status)
