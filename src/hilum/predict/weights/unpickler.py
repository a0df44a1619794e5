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
            raise untrusted(
                "its pickle has more than {max_opcodes} opcodes", max_opcodes=MAX_OPCODES
            )
        if opcode.name == "STOP":
            return machine.result()
        machine.step(opcode.name, argument)
    raise untrusted("its pickle has no end")


CONSTANTS: Final[dict[str, object]] = {
    "NONE": None,
    "NEWTRUE": True,
    "NEWFALSE": False,
    "EMPTY_TUPLE": (),
}
"""Opcodes that push a fixed value that nobody can change."""

LITERALS: Final = frozenset(
    opcode.name
    for opcode in pickletools.opcodes
    if opcode.arg and opcode.stack_after and opcode.stack_after[0] is not pickletools.anyobject
)
"""Opcodes that push their own argument."""


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
            self.push(CONSTANTS[opcode])
            return
        if opcode in LITERALS:
            if isinstance(argument, str) and len(argument) > MAX_TEXT:
                raise untrusted("its pickle holds a text that is too long")
            if isinstance(argument, int) and argument.bit_length() > MAX_BITS:
                raise untrusted("its pickle holds a number that is too long")
            self.push(argument)
            return
        action = ACTIONS.get(opcode)
        if action is None:
            raise untrusted(
                "its pickle has the opcode {opcode}, which torch does not write", opcode=opcode
            )
        action(self, argument)

    def result(self) -> Pickled:
        """Return what the pickle holds."""
        return Pickled(self.pop(), self._storages)

    def push(self, value: Any) -> None:
        """Lay a value, or a mark, on the stack."""
        self._stack.append(value)

    def pop(self, *, mark: bool = False) -> Any:
        """Take the last value, or where it may be one a mark."""
        value = self._stack[-1] if mark and self._stack else self.top()
        self._stack.pop()
        return value

    def top(self) -> Any:
        """Return the last value."""
        if not self._stack or self._stack[-1] is Mark:
            raise untrusted("its pickle takes a value from an empty stack")
        return self._stack[-1]

    def pop_to_mark(self) -> list[Any]:
        """Take the values behind the last mark, and the mark."""
        for index in range(len(self._stack) - 1, -1, -1):
            if self._stack[index] is Mark:
                values = self._stack[index + 1 :]
                del self._stack[index:]
                return values
        raise untrusted("its pickle takes a value from an empty stack")

    def tuple_of(self, size: int) -> None:
        """Make a tuple of the last values."""
        values = [self.pop() for _ in range(size)]
        self.push(tuple(reversed(values)))

    def extend(self, values: list[Any]) -> None:
        """Append to a list; a record may be a list of its own class, which nobody reads."""
        target = self.top()
        if isinstance(target, list):
            target.extend(values)
        elif not isinstance(target, ObjectRecord):
            raise untrusted("its pickle appends to something that is no list")

    def fill(self, values: list[Any]) -> None:
        """Set keys and values, which alternate, in a dict or a dict of its own class."""
        target = self.top()
        if isinstance(target, ObjectRecord):
            target.items = {} if target.items is None else target.items
            target = target.items
        if not isinstance(target, dict):
            raise untrusted("its pickle sets a key in something that is no dict")
        if len(values) % 2:
            raise untrusted("its pickle has a key without a value")
        for key, value in zip(values[::2], values[1::2], strict=True):
            target[key_of(key)] = value

    def new_dict(self, values: list[Any]) -> None:
        """Push a dict of keys and values, which alternate."""
        self.push({})
        self.fill(values)

    def put(self, index: int | None) -> None:
        """Remember the last value, under the next number where none is said."""
        self._memo[len(self._memo) if index is None else index] = self.top()

    def get(self, index: int) -> None:
        """Push a value that was remembered."""
        if index not in self._memo:
            raise untrusted("its pickle refers to an object that it never stored")
        self.push(self._memo[index])

    def name(self, module: object, name: object) -> None:
        """Push a name."""
        if not isinstance(name, str) or not isinstance(module, str):
            raise untrusted("its pickle has a name that is no text")
        self.push(self._names.admit(module, name))

    def make(self, kind: object, arguments: object) -> None:
        """Push what would have come of a call."""
        self.push(made(kind, arguments))

    def make_of(self, values: list[Any]) -> None:
        """Push what would have come of a class, the first of the values, called with the others."""
        if not values:
            raise untrusted("its pickle takes a value from an empty stack")
        self.make(values[0], tuple(values[1:]))

    def build(self, state: object) -> None:
        """Keep what would have been attributes; those of a tensor or dict say nothing."""
        target = self.top()
        if isinstance(target, ObjectRecord):
            target.state = state

    def refer(self, identifier: object) -> None:
        """Push a storage, or in the legacy container a class without its source."""
        if not isinstance(identifier, tuple) or not identifier:
            raise untrusted("its pickle has an unknown kind of storage")
        if identifier[0] == "module" and len(identifier) > 1:
            self.push(identifier[1])  # the class's name; its source is not read
            return
        found = storage(identifier)
        if self._storages.setdefault(found.key, found) != found:
            raise untrusted("its pickle describes one storage in two ways")
        self.push(found)


def _last_two(machine: PickleMachine) -> tuple[Any, Any]:
    """Take the last two values, in the order in which they came."""
    last = machine.pop()
    return machine.pop(), last


def _make_named(machine: PickleMachine, argument: str) -> None:
    """Do as OBJ, with the class by name."""
    values = machine.pop_to_mark()
    machine.name(*argument.split(" ", 1))
    machine.make_of([machine.pop(), *values])


def _make_without_keywords(machine: PickleMachine, _: object) -> None:
    machine.pop()
    machine.make(*_last_two(machine))


Action = Callable[[PickleMachine, Any], object]

ACTIONS: Final[dict[str, Action]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda _machine, _: None),
    "MARK": lambda machine, _: machine.push(Mark),
    "POP": lambda machine, _: machine.pop(mark=True),
    "POP_MARK": lambda machine, _: machine.pop_to_mark(),
    "DUP": lambda machine, _: machine.push(machine.top()),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    # a set is a list here: nobody asks it for membership
    **dict.fromkeys(("EMPTY_LIST", "EMPTY_SET"), lambda machine, _: machine.push([])),
    **dict.fromkeys(("LIST", "FROZENSET"), lambda machine, _: machine.push(machine.pop_to_mark())),
    "DICT": lambda machine, _: machine.new_dict(machine.pop_to_mark()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_to_mark())),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "APPEND": lambda machine, _: machine.extend([machine.pop()]),
    **dict.fromkeys(
        ("APPENDS", "ADDITEMS"), lambda machine, _: machine.extend(machine.pop_to_mark())
    ),
    "SETITEM": lambda machine, _: machine.fill(list(_last_two(machine))),
    "SETITEMS": lambda machine, _: machine.fill(machine.pop_to_mark()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), PickleMachine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), PickleMachine.get),
    # `pickletools` puts a space between module and name
    "GLOBAL": lambda machine, argument: machine.name(*argument.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.name(*_last_two(machine)),
    # a name that was registered under a number, nobody knows where
    **dict.fromkeys(
        ("EXT1", "EXT2", "EXT4"),
        lambda machine, code: machine.name("copyreg.extension", str(code)),
    ),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), lambda machine, _: machine.make(*_last_two(machine))),
    "NEWOBJ_EX": _make_without_keywords,
    "OBJ": lambda machine, _: machine.make_of(machine.pop_to_mark()),
    "INST": _make_named,
    "BUILD": lambda machine, _: machine.build(machine.pop()),
    "BINPERSID": lambda machine, _: machine.refer(machine.pop()),
}
"""Every other opcode, but those that refer to what is outside of the file, by name (PERSID) or by
order (NEXT_BUFFER, READONLY_BUFFER).

Sources: Lib/pickletools.py (PEP 3154, PEP 307).
"""
