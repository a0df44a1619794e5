"""A pickle machine that can only make records.

Python's own unpickler calls what a file names. This one has no way to: it reads opcodes
with `pickletools`, which runs nothing, and knows names only as text. So it can take whatever
a pickle says; what would have been a call, an attribute or an item lies in a record. A file
that is damaged or beyond the limits ends the reading.
"""

import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from hilum.predict.weights.calls import Names, key_of, made, storage
from hilum.predict.weights.records import ObjectRecord, TensorStorage, untrusted

MAX_OPCODES: Final = 2_000_000
"""A pickled DenseNet-121 has about 30,000."""

MAX_TEXT: Final = 64 * 1024 * 1024
"""Longest text in characters; the legacy container carries the source code of classes, and
Python 2 wrote arrays as texts. Other bytes are only bounded by the file."""

MAX_BITS: Final = 1 << 12
"""Longest number; torch's own longest has 77 bits."""

Mark: Final = object()
"""Where a group of values on the stack begins."""


@dataclass(frozen=True, slots=True)
class Pickled:
    """What one pickle holds."""

    contents: object
    """Numbers, texts, lists, tuples, dicts, and the records of this package."""
    storages: dict[str, TensorStorage]
    """Every storage that it refers to, by key."""


def read_pickle(stream: BytesIO, names: Names) -> Pickled:
    """Read one pickle and leave the stream after it.

    Parameters
    ----------
    stream
        At the start of the pickle.
    names
        Says which names may be there, and remembers those that nobody listed.

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
            return interpret(stream, names)
    except (ValueError, OverflowError) as exc:  # what pickletools raises for broken input
        raise untrusted("it is not a complete pickle") from exc


def interpret(stream: BytesIO, names: Names) -> Pickled:
    """Do what a pickle says, opcode by opcode, within the limits.

    Raises
    ------
    WeightsUntrusted
        It is beyond them, or has no end.
    """
    machine = PickleMachine(names)
    for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if count >= MAX_OPCODES:
            raise untrusted(f"its pickle has more than {MAX_OPCODES} steps")
        if opcode.name == "STOP":
            return machine.result()
        machine.step(opcode.name, argument)
    raise untrusted("its pickle has no end")


class PickleMachine:
    """The stack and the memo table of one pickle."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._storages: dict[str, TensorStorage] = {}

    def step(self, opcode: str, argument: Any) -> None:
        """Do one opcode.

        Raises
        ------
        WeightsUntrusted
            It does not fit what was before it, or its argument is beyond the limits.
        """
        if opcode in CONSTANTS:
            self._stack.append(CONSTANTS[opcode])
            return
        if opcode in LITERALS:
            if isinstance(argument, str) and len(argument) > MAX_TEXT:
                raise untrusted("its pickle holds an endless text")
            if isinstance(argument, int) and argument.bit_length() > MAX_BITS:
                raise untrusted("its pickle holds an endless number")
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

    def _top(self) -> Any:
        if not self._stack or self._stack[-1] is Mark:
            raise untrusted("its pickle takes more than it has")
        return self._stack[-1]

    def do_nothing(self, _: Any) -> None:
        """PROTO, FRAME."""

    def mark(self, _: Any) -> None:
        """MARK."""
        self._stack.append(Mark)

    def pop(self, _: Any) -> None:
        """POP, which takes a mark, too."""
        if not self._stack:
            raise untrusted("its pickle takes more than it has")
        self._stack.pop()

    def pop_mark(self, _: Any) -> None:
        """POP_MARK."""
        self._pop_to_mark()

    def duplicate(self, _: Any) -> None:
        """DUP."""
        self._stack.append(self._top())

    def empty_dict(self, _: Any) -> None:
        """EMPTY_DICT."""
        self._stack.append({})

    def empty_list(self, _: Any) -> None:
        """EMPTY_LIST, EMPTY_SET: a set stays a list, nobody asks it for membership."""
        self._stack.append([])

    def list_to_mark(self, _: Any) -> None:
        """LIST, FROZENSET."""
        self._stack.append(self._pop_to_mark())

    def dict_to_mark(self, _: Any) -> None:
        """Do DICT."""
        values = self._pop_to_mark()
        self._stack.append({})
        self._fill(values)

    def tuple_of(self, size: int) -> None:
        """TUPLE1, TUPLE2, TUPLE3."""
        values = [self._pop() for _ in range(size)]
        self._stack.append(tuple(reversed(values)))

    def tuple_to_mark(self, _: Any) -> None:
        """TUPLE."""
        self._stack.append(tuple(self._pop_to_mark()))

    def append(self, _: Any) -> None:
        """APPEND."""
        self._extend([self._pop()])

    def appends(self, _: Any) -> None:
        """Do APPENDS, or ADDITEMS, which fills what stands for a set."""
        self._extend(self._pop_to_mark())

    def _extend(self, values: list[Any]) -> None:
        """Append to a list; a record may be a list of its own class, which nobody reads."""
        target = self._top()
        if isinstance(target, list):
            target.extend(values)
        elif not isinstance(target, ObjectRecord):
            raise untrusted("its pickle appends to something that is no list")

    def set_item(self, _: Any) -> None:
        """SETITEM."""
        value, key = self._pop(), self._pop()
        self._fill([key, value])

    def set_items(self, _: Any) -> None:
        """SETITEMS."""
        self._fill(self._pop_to_mark())

    def _fill(self, values: list[Any]) -> None:
        """Set keys and values, which alternate, in a dict or a dict of its own class."""
        target = self._top()
        if isinstance(target, ObjectRecord):
            target.items = {} if target.items is None else target.items
            target = target.items
        if not isinstance(target, dict):
            raise untrusted("its pickle sets a key in something that is no dict")
        if len(values) % 2:
            raise untrusted("its pickle has a key without a value")
        for key, value in zip(values[::2], values[1::2], strict=True):
            target[key_of(key)] = value

    def put(self, index: int) -> None:
        """PUT, BINPUT, LONG_BINPUT."""
        self._memo[index] = self._top()

    def memoize(self, _: Any) -> None:
        """MEMOIZE."""
        self.put(len(self._memo))

    def get(self, index: int) -> None:
        """GET, BINGET, LONG_BINGET."""
        if index not in self._memo:
            raise untrusted("its pickle recalls what it never stored")
        self._stack.append(self._memo[index])

    def named(self, argument: str) -> None:
        """GLOBAL: `pickletools` gives module and name with a space between."""
        module, _, name = argument.partition(" ")
        self._stack.append(self._names.admit(module, name))

    def stack_named(self, _: Any) -> None:
        """STACK_GLOBAL."""
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise untrusted("its pickle has a name that is no text")
        self._stack.append(self._names.admit(module, name))

    def numbered(self, code: int) -> None:
        """EXT1, EXT2, EXT4: a name that was registered under a number, nobody knows where."""
        self._stack.append(self._names.admit("copyreg.extension", str(code)))

    def make(self, _: Any) -> None:
        """REDUCE, NEWOBJ: what would have been a call."""
        arguments, kind = self._pop(), self._pop()
        self._stack.append(made(kind, arguments))

    def make_with_keywords(self, _: Any) -> None:
        """NEWOBJ_EX: what would have been a call with keywords, which are left out."""
        self._pop()
        self.make(_)

    def make_to_mark(self, _: Any) -> None:
        """OBJ: the class and what it would have been called with."""
        values = self._pop_to_mark()
        if not values:
            raise untrusted("its pickle takes more than it has")
        self._stack.append(made(values[0], tuple(values[1:])))

    def make_named(self, argument: str) -> None:
        """INST: as OBJ, with the class by name."""
        values = self._pop_to_mark()
        self.named(argument)
        self._stack.append(made(self._pop(), tuple(values)))

    def build(self, _: Any) -> None:
        """BUILD: what would have been attributes; those of a tensor or dict say nothing."""
        state = self._pop()
        target = self._top()
        if isinstance(target, ObjectRecord):
            target.state = state

    def persistent(self, _: Any) -> None:
        """BINPERSID: a storage, or in the legacy container a class with its source."""
        identifier = self._pop()
        if not isinstance(identifier, tuple) or not identifier:
            raise untrusted("its pickle has an unknown kind of storage")
        if identifier[0] == "module" and len(identifier) > 1:
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
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "LONG4",
        "FLOAT",
        "BINFLOAT",
        "UNICODE",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "BINBYTES",
        "SHORT_BINBYTES",
        "BINBYTES8",
        "BYTEARRAY8",
    }
)
"""Opcodes that push their own argument."""

ACTIONS: Final[dict[str, Callable[[PickleMachine, Any], None]]] = {
    "PROTO": PickleMachine.do_nothing,
    "FRAME": PickleMachine.do_nothing,
    "MARK": PickleMachine.mark,
    "POP": PickleMachine.pop,
    "POP_MARK": PickleMachine.pop_mark,
    "DUP": PickleMachine.duplicate,
    "EMPTY_DICT": PickleMachine.empty_dict,
    "EMPTY_LIST": PickleMachine.empty_list,
    "EMPTY_SET": PickleMachine.empty_list,
    "DICT": PickleMachine.dict_to_mark,
    "LIST": PickleMachine.list_to_mark,
    "FROZENSET": PickleMachine.list_to_mark,
    "TUPLE": PickleMachine.tuple_to_mark,
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "APPEND": PickleMachine.append,
    "APPENDS": PickleMachine.appends,
    "ADDITEMS": PickleMachine.appends,
    "SETITEM": PickleMachine.set_item,
    "SETITEMS": PickleMachine.set_items,
    "PUT": PickleMachine.put,
    "BINPUT": PickleMachine.put,
    "LONG_BINPUT": PickleMachine.put,
    "MEMOIZE": PickleMachine.memoize,
    "GET": PickleMachine.get,
    "BINGET": PickleMachine.get,
    "LONG_BINGET": PickleMachine.get,
    "GLOBAL": PickleMachine.named,
    "STACK_GLOBAL": PickleMachine.stack_named,
    "EXT1": PickleMachine.numbered,
    "EXT2": PickleMachine.numbered,
    "EXT4": PickleMachine.numbered,
    "REDUCE": PickleMachine.make,
    "NEWOBJ": PickleMachine.make,
    "NEWOBJ_EX": PickleMachine.make_with_keywords,
    "OBJ": PickleMachine.make_to_mark,
    "INST": PickleMachine.make_named,
    "BUILD": PickleMachine.build,
    "BINPERSID": PickleMachine.persistent,
}
"""Every other opcode but those that refer to what is outside of the file, by name (PERSID) or
by order (NEXT_BUFFER, READONLY_BUFFER).

Sources: Lib/pickletools.py (PEP 3154, PEP 307).
"""
