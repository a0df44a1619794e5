"""What keeps the job engine's rows from being more than data, and its adverts out of our log.

DBOS unpickles any row that says it was pickled, whatever serializer it is given: whoever can
write to the database could run code in every process that reads it. We keep JSON alone.
"""

import logging
from typing import Any, Final

from dbos._serialization import DefaultSerializer

LIBRARY: Final = logging.getLogger("dbos")


class PickleRefused(TypeError):
    """A row of the job engine is a pickle, which may hold code."""


def block_pickle() -> None:
    """Let nothing in this process unpickle a row of the job engine; safe to call again."""
    DefaultSerializer.deserialize = _refuse  # type: ignore[assignment, method-assign]


def quieten() -> None:
    """Let the library say warnings only, and where our log is: it would add a way of its own."""
    if not LIBRARY.handlers:
        LIBRARY.addHandler(logging.NullHandler())
    LIBRARY.setLevel(logging.WARNING)


def _refuse(_self: Any, _serialized: str) -> Any:
    raise PickleRefused("a pickle in the job tables is not read")
