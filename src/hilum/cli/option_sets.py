"""Options that belong together reach a command as one value."""

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]


def option_set(kind: "type[DataclassInstance]", parameter: str, *options: Decorator) -> Decorator:
    """Return what adds options to a command, which gets them as one value.

    Parameters
    ----------
    kind
        Class of the value: a field for each option, of the option's name.
    parameter
        By which the command takes it.
    options
        In the order of the help.
    """

    def decorated(command: Command) -> Command:
        @wraps(command)
        def collected(*args: Any, **given: Any) -> Any:
            value = kind(**{each.name: given.pop(each.name) for each in fields(kind)})
            return command(*args, **{parameter: value}, **given)

        asks: Command = collected
        for option in reversed(options):
            asks = option(asks)
        return asks

    return decorated
