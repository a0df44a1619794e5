"""The reasons as people read them: one table, every code in every language."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from hilum.eligibility import Reason
from hilum.settings import ReasonLanguage
from hilum.values.quoting import quoted


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    raw = resources.files(__package__).joinpath("reasons.toml").read_text(encoding="utf-8")
    table = tomllib.loads(raw)
    for name, texts in table.pop("words").items():
        table[f"words.{name}"] = texts
    return table


def codes() -> tuple[str, ...]:
    """Return every reason's code."""
    return tuple(code for code in _table() if not code.startswith("words."))


def word(name: str, language: ReasonLanguage) -> str:
    """Return a phrase that reasons are made with, e.g. ``a chest``."""
    return _table()[f"words.{name}"][language]


def reason(
    code: str, language: ReasonLanguage, *, source: str = "", values: Mapping[str, str]
) -> Reason:
    """Return one reason in plain words.

    Parameters
    ----------
    source
        Where the rule comes from.
    values
        What fills the gaps of the text; ``told`` names another wording of the same reason.

    Raises
    ------
    KeyError
        There is no such code, or a gap of its text has no value.
    """
    shown = {name: quoted(text) for name, text in values.items()}
    told = f"words.{values['told']}" if "told" in values else code
    return Reason(code, _table()[told][language].format_map(shown), source)
