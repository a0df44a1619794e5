"""A text for people that keeps its template and values, so that it can be translated later."""

from collections.abc import Iterable, Mapping
from string import Formatter
from typing import Any, Final, Self

SWAPPED: Final = ".,"
"""Decimal point and separator of thousands, as Python writes numbers."""

CLAUSE: Final = "{said:clause}"

Packed = str | list[Any]
"""A message as JSON holds it: a plain text, or template, plural and values."""


class Message(str):
    """A text in English that any language can say again.

    It is a `str`, so that logs, JSON and whatever knows nothing of languages show it as it is.

    Parameters
    ----------
    template
        English, with named gaps: ``"{count} image"``. Without values it is taken literally.
    plural
        The same for any ``count`` but one; empty when nothing is counted.
    values
        What fills the gaps; a `Message` among them is said in the language of the whole.
    """

    __slots__ = ("plural", "template", "values")

    template: str
    plural: str
    values: Mapping[str, object]

    def __new__(cls, template: str, plural: str = "", /, **values: object) -> Self:
        """Fill the gaps in English."""
        chosen = plural if plural and values.get("count") != 1 else template
        return cls.spoken(template, plural, values, filled(chosen, values))

    @classmethod
    def spoken(cls, template: str, plural: str, values: Mapping[str, object], text: str) -> Self:
        """Return a message whose text is in some language already."""
        made = super().__new__(cls, text)
        made.template, made.plural, made.values = template, plural, values
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Message.spoken, (self.template, self.plural, dict(self.values), str(self))

    @classmethod
    def joined(cls, separator: str, parts: Iterable[str]) -> "Message":
        """Return several texts as one, with what stands between them in every language."""
        values = {f"part_{number}": part for number, part in enumerate(parts)}
        return cls(separator.join(f"{{{name}}}" for name in values), **values)

    @classmethod
    def clause(cls, sentence: str) -> "Message":
        """Return a sentence without its full stop, as part of a longer text."""
        return cls(CLAUSE, said=sentence)

    def with_values(self, **values: object) -> "Message":
        """Return the message with other values, in English."""
        return Message(self.template, self.plural, **{**self.values, **values})


def filled_in(text: str, values: Mapping[str, object]) -> Message:
    """Return a template with its values; a `Message` has its own already."""
    return text if isinstance(text, Message) else Message(text, **values)


def filled(template: str, values: Mapping[str, object], separators: str = SWAPPED) -> str:
    """Return a template with its gaps filled, numbers with the separators of a language."""
    if not values:
        return template
    return _Numbers(separators).vformat(template, (), values)


class _Numbers(Formatter):
    def __init__(self, separators: str) -> None:
        self._written = None if separators == SWAPPED else str.maketrans(SWAPPED, separators)

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "clause":
            return str(value).rstrip(".")
        written = format(value, format_spec)
        if self._written and isinstance(value, int | float):
            return written.translate(self._written)
        return written


def packed(text: str) -> Packed:
    """Return a text as JSON can hold it, so that `unpacked` gives it back."""
    if not isinstance(text, Message) or not (text.values or text.plural):
        return str(text)
    return [text.template, text.plural, {name: _plain(v) for name, v in text.values.items()}]


def unpacked(stored: Packed) -> Message:
    """Return what was packed, in English."""
    if isinstance(stored, str):
        return Message(stored)
    template, plural, values = stored
    return Message(template, plural, **{name: _unplain(value) for name, value in values.items()})


def _plain(value: object) -> object:
    if isinstance(value, str):
        return packed(value)
    return value if isinstance(value, int | float) or value is None else str(value)


def _unplain(value: object) -> object:
    return unpacked(value) if isinstance(value, list) else value
