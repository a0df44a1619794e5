"""What pydantic says of a value that cannot be used, as one line for people."""

from typing import NamedTuple

from pydantic import ValidationError


class FirstInvalid(NamedTuple):
    """The first value that cannot be used."""

    name: str
    """Where it is: names and numbers with points between them; empty for the whole."""
    why: str
    """What is wrong with it."""


def first_invalid(exc: ValidationError, *, unknown: str | None = None) -> FirstInvalid:
    """Return the first of what pydantic complains about.

    Parameters
    ----------
    unknown
        What is said of a name that there is not; None: what pydantic says.
    """
    first = exc.errors()[0]
    why = first["msg"].removeprefix("Value error, ")
    if unknown is not None and first["type"] == "extra_forbidden":
        why = unknown
    return FirstInvalid(".".join(map(str, first["loc"])), why)
