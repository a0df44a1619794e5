"""A pickle machine that can only make records: the subset of opcodes that torch writes.

Python's own unpickler calls what a file names. This one has no way to: it reads opcodes
with `pickletools`, which runs nothing, and knows names only as text. A name outside the list
of `calls`, an opcode outside the table below, or a file beyond the limits ends the reading.
"""

import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from hilum.predict.weights.calls import allowed, made, plain_key, storage
from hilum.predict.weights.records import Global, Record, Storage, Tensor, untrusted

MAX_OPCODES: Final = 2_000_000
"""A pickled DenseNet-121 has about 30,000."""

MAX_TEXT: Final = 16 * 1024 * 1024
"""Longest text or number in bytes; torch's legacy container carries source code of classes."""

Mark: Final = object()
"""Where a group of values on the stack begins."""


@dataclass(frozen=True, slots=True)
class Pickled:
    """What one pickle holds.

    Attributes
    ----------
    contents
        Numbers, texts, lists, tuples, dicts, and the records of this package.
    storages
        Every storage that it refers to, by key.
    """

    contents: object
    storages: dict[str, Storage]


def read_pickle(stream: BytesIO) -> Pickled:
    """Read one pickle and leave the stream after it.

    Parameters
    ----------
    stream
        At the start of the pickle.

    Returns
    -------
    Pickled
        What it holds; nothing of it has code behind it.

    Raises
    ------
    WeightsUntrusted
        It names what it may not, is no pickle, ends early, or is beyond the limits.
    """
    try:
        with warnings.catch_warnings():
            # pickletools decodes escapes in names, and Python warns of odd ones.
            warnings.simplefilter("ignore", DeprecationWarning)
            return interpret(stream)
    except (ValueError, OverflowError) as exc:  # what pickletools raises for broken input
        raise untrusted("it is not a complete pickle") from exc


def interpret(stream: BytesIO) -> Pickled:
    """Do what a pickle says, opcode by opcode, within the limits."""
    machine = Machine()
    for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if count >= MAX_OPCODES:
            raise untrusted(f"its pickle has more than {MAX_OPCODES} steps")
        if opcode.name == "STOP":
            return machine.result()
        machine.step(opcode.name, argument)
    raise untrusted("its pickle has no end")


class Machine:
    """The stack and the memo of one pickle."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._storages: dict[str, Storage] = {}

    def step(self, opcode: str, argument: Any) -> None:
        """Do one opcode.

        Raises
        ------
        WeightsUntrusted
            It is not one that torch writes, or does not fit what was before it.
        """
        if opcode in CONSTANTS:
            self._stack.append(CONSTANTS[opcode])
            return
        if opcode in LITERALS:
            if isinstance(argument, str | bytes) and len(argument) > MAX_TEXT:
                raise untrusted("its pickle holds an endless text")
            self._stack.append(argument)
            return
        action = ACTIONS.get(opcode)
        if action is None:
            raise untrusted(f"its pickle has the step {opcode}, which torch does not write")
        action(self, argument)

    def result(self) -> Pickled:
        """Return what the pickle holds."""
        return Pickled(self._pop(), self._storages)

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is Mark:
            raise untrusted("its pickle takes more than it has")
        return self._stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        for index in range(len(self._stack) - 1, -1, -1):
            if self._stack[index] is Mark:
                values = self._stack[index + 1 :]
                del self._stack[index:]
                return values
        raise untrusted("its pickle takes more than it has")

    def _top(self, kind: type) -> Any:
        if not self._stack or not isinstance(self._stack[-1], kind):
            raise untrusted(f"its pickle treats something as a {kind.__name__} that is none")
        return self._stack[-1]

    def do_nothing(self, _: Any) -> None:
        """PROTO, FRAME."""

    def mark(self, _: Any) -> None:
        """MARK."""
        self._stack.append(Mark)

    def pop(self, _: Any) -> None:
        """POP."""
        self._pop()

    def empty_dict(self, _: Any) -> None:
        """EMPTY_DICT."""
        self._stack.append({})

    def empty_list(self, _: Any) -> None:
        """EMPTY_LIST, EMPTY_SET: a set stays a list, nobody asks it for membership."""
        self._stack.append([])

    def tuple_of(self, size: int) -> None:
        """TUPLE1, TUPLE2, TUPLE3."""
        values = [self._pop() for _ in range(size)]
        self._stack.append(tuple(reversed(values)))

    def tuple_to_mark(self, _: Any) -> None:
        """TUPLE."""
        self._stack.append(tuple(self._pop_to_mark()))

    def append(self, _: Any) -> None:
        """APPEND."""
        value = self._pop()
        self._top(list).append(value)

    def appends(self, _: Any) -> None:
        """Do APPENDS, or ADDITEMS, which fills what stands for a set."""
        values = self._pop_to_mark()
        self._top(list).extend(values)

    def set_item(self, _: Any) -> None:
        """SETITEM."""
        value, key = self._pop(), self._pop()
        self._top(dict)[plain_key(key)] = value

    def set_items(self, _: Any) -> None:
        """SETITEMS."""
        values = self._pop_to_mark()
        if len(values) % 2:
            raise untrusted("its pickle has a key without a value")
        target = self._top(dict)
        for key, value in zip(values[::2], values[1::2], strict=True):
            target[plain_key(key)] = value

    def put(self, index: int) -> None:
        """BINPUT, LONG_BINPUT."""
        self._memo[index] = self._top(object)

    def memoize(self, _: Any) -> None:
        """MEMOIZE."""
        self.put(len(self._memo))

    def get(self, index: int) -> None:
        """BINGET, LONG_BINGET."""
        if index not in self._memo:
            raise untrusted("its pickle recalls what it never stored")
        self._stack.append(self._memo[index])

    def named(self, argument: str) -> None:
        """GLOBAL: `pickletools` gives module and name with a space between."""
        module, _, name = argument.partition(" ")
        self._stack.append(allowed(module, name))

    def stack_named(self, _: Any) -> None:
        """STACK_GLOBAL."""
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise untrusted("its pickle has a name that is no text")
        self._stack.append(allowed(module, name))

    def make(self, _: Any) -> None:
        """REDUCE, NEWOBJ: what would have been a call."""
        arguments, kind = self._pop(), self._pop()
        if not isinstance(kind, Global) or not isinstance(arguments, tuple):
            raise untrusted("its pickle calls something that has no name")
        self._stack.append(made(kind, arguments))

    def build(self, _: Any) -> None:
        """BUILD: what would have been attributes."""
        state = self._pop()
        target = self._top(object)
        if isinstance(target, Record):
            target.state = state
        elif not isinstance(target, dict | Tensor):  # theirs say nothing about the numbers
            raise untrusted("its pickle gives attributes to what has none")

    def persistent(self, _: Any) -> None:
        """BINPERSID: a storage, or in the legacy container a class with its source."""
        identifier = self._pop()
        if not isinstance(identifier, tuple) or not identifier:
            raise untrusted("its pickle has an unknown kind of storage")
        if identifier[0] == "module" and isinstance(identifier[1], Global):
            self._stack.append(identifier[1])  # the class's name; its source is not read
            return
        found = storage(identifier)
        if self._storages.setdefault(found.key, found) != found:
            raise untrusted("its pickle describes one storage in two ways")
        self._stack.append(found)


CONSTANTS: Final[dict[str, object]] = {
    "NONE": None,
    "NEWTRUE": True,
    "NEWFALSE": False,
    "EMPTY_TUPLE": (),
}
"""Opcodes that push a fixed value that nobody can change."""

LITERALS: Final = frozenset(
    {
        "BININT",
        "BININT1",
        "BININT2",
        "LONG1",
        "LONG4",
        "BINFLOAT",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
        "BINSTRING",
        "SHORT_BINSTRING",
        "BINBYTES",
        "SHORT_BINBYTES",
    }
)
"""Opcodes that push their own argument."""

ACTIONS: Final[dict[str, Callable[[Machine, Any], None]]] = {
    "PROTO": Machine.do_nothing,
    "FRAME": Machine.do_nothing,
    "MARK": Machine.mark,
    "POP": Machine.pop,
    "EMPTY_DICT": Machine.empty_dict,
    "EMPTY_LIST": Machine.empty_list,
    "EMPTY_SET": Machine.empty_list,
    "TUPLE": Machine.tuple_to_mark,
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "APPEND": Machine.append,
    "APPENDS": Machine.appends,
    "ADDITEMS": Machine.appends,
    "SETITEM": Machine.set_item,
    "SETITEMS": Machine.set_items,
    "BINPUT": Machine.put,
    "LONG_BINPUT": Machine.put,
    "MEMOIZE": Machine.memoize,
    "BINGET": Machine.get,
    "LONG_BINGET": Machine.get,
    "GLOBAL": Machine.named,
    "STACK_GLOBAL": Machine.stack_named,
    "REDUCE": Machine.make,
    "NEWOBJ": Machine.make,
    "BUILD": Machine.build,
    "BINPERSID": Machine.persistent,
}
"""Every other opcode that torch writes. Sources: Lib/pickletools.py (PEP 3154, PEP 307)."""
