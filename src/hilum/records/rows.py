"""A row as the dataclass whose fields have the names of its columns."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import Row

T = TypeVar("T")


def as_record(kind: Callable[..., T], row: Row[Any], **others: Any) -> T:
    """Return a `kind` made of the columns with its fields' names, and of `others`.

    What JSON and text have no form for is made again: tuples, enumerations.
    """
    record: T = _adapter(kind).validate_python({**row._mapping, **others})  # noqa: SLF001  a namedtuple's way
    return record


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
