"""A row as the dataclass whose fields have the names of its columns."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter
from sqlalchemy import Row

from hilum.language import Message

T = TypeVar("T")


def as_record(kind: Callable[..., T], row: Row[Any], **others: Any) -> T:
    """Return a `kind` made of the columns with its fields' names, and of `others`.

    What JSON and text have no form for is made again: tuples, enumerations. A `Message` stays one.
    """
    record: Any = _adapter(kind).validate_python({**row._mapping, **others})  # noqa: SLF001  a namedtuple's way
    told = {name: each for name, each in others.items() if isinstance(each, Message)}
    return cast("T", replace(record, **told) if told else record)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
