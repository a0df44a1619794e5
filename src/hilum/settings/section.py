"""What every table of the settings file has in common, and what is said of a wrong value."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from hilum.language import Message


class SettingsSection(BaseModel):
    """A table of the settings file: frozen, and a misspelt name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


PREFIX: Final = "Value error, "
"""What pydantic puts before our own words."""

WHY: Final[Mapping[str, Message]] = {
    **dict.fromkeys(("bool_parsing", "bool_type"), Message("true or false is needed")),
    **dict.fromkeys(
        ("int_parsing", "int_type", "int_from_float", "int_parsing_size"),
        Message("a whole number is needed"),
    ),
    **dict.fromkeys(
        ("float_parsing", "float_type", "finite_number"), Message("a number is needed")
    ),
    **dict.fromkeys(
        ("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "timezone_aware"),
        Message("a date and time with its offset from UTC are needed"),
    ),
    **dict.fromkeys(("string_type", "string_unicode"), Message("a text is needed")),
    **dict.fromkeys(("path_type", "path_format"), Message("a path is needed")),
    **dict.fromkeys(("tuple_type", "list_type"), Message("a list is needed")),
    **dict.fromkeys(
        ("dict_type", "model_type", "model_attributes_type"),
        Message("a table with names and values is needed"),
    ),
    "greater_than": Message("it must be greater than {gt}"),
    "greater_than_equal": Message("it must be at least {ge}"),
    "less_than": Message("it must be less than {lt}"),
    "less_than_equal": Message("it must be at most {le}"),
    **dict.fromkeys(("enum", "literal_error"), Message("it must be one of {expected}")),
    "string_pattern_mismatch": Message("it does not have the form {pattern}"),
    "string_too_short": Message("it must have at least {min_length} characters"),
    "string_too_long": Message("it must have at most {max_length} characters"),
    "too_short": Message("it must have at least {min_length} entries"),
    "too_long": Message("it must have at most {max_length} entries"),
    "missing": Message("it is missing"),
    "extra_forbidden": Message("there is no such name"),
}
"""Pydantic's kind of error → what is wrong with the value."""


class FirstInvalid(NamedTuple):
    """The first value that cannot be used."""

    name: str
    """Where it is: names and numbers with points between them; empty for the whole."""
    why: Message
    """What is wrong with it."""


def first_invalid(exc: ValidationError, *, unknown: Message | None = None) -> FirstInvalid:
    """Return the first of what pydantic complains about.

    Parameters
    ----------
    unknown
        What is said of a name that there is not; None: that there is no such name.
    """
    first = exc.errors()[0]
    context: dict[str, Any] = first.get("ctx", {})
    if unknown is not None and first["type"] == "extra_forbidden":
        why = unknown
    elif first["type"] in WHY:
        why = WHY[first["type"]].with_values(**_plain(context))
    elif isinstance(context.get("error"), Exception):
        said = context["error"].args[0]
        why = said if isinstance(said, Message) else Message(str(said))
    else:
        told = first["msg"]
        why = Message(told.removeprefix(PREFIX))
    return FirstInvalid(".".join(map(str, first["loc"])), why)


def _plain(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an error as they are shown."""
    shown = {name: str(value).replace("' or '", "', '") for name, value in context.items()}
    numbers = {n: v for n, v in context.items() if isinstance(v, int | float)}
    return shown | numbers
