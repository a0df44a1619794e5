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

Action = Callable[["PickleMachine", Any], None]

ACTIONS: Final[dict[str, Action]] = {
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
}
"""Every other opcode, those of `does` among them, but those that refer to what is outside of
the file, by name (PERSID) or by order (NEXT_BUFFER, READONLY_BUFFER).

Sources: Lib/pickletools.py (PEP 3154, PEP 307).
"""


def does(*opcodes: str) -> Callable[[Action], Action]:
    """Enter a method of the machine under the opcodes that it does."""

    def enter(action: Action) -> Action:
        ACTIONS.update(dict.fromkeys(opcodes, action))
        return action

    return enter


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
                raise untrusted("its pickle holds a text that is too long")
            if isinstance(argument, int) and argument.bit_length() > MAX_BITS:
                raise untrusted("its pickle holds a number that is too long")
            self._stack.append(argument)
            return
        action = ACTIONS.get(opcode)
        if action is None:
            raise untrusted(
                "its pickle has the opcode {opcode}, which torch does not write", opcode=opcode
            )
        action(self, argument)

    def result(self) -> Pickled:
        """Return what the pickle holds."""
        return Pickled(self._pop(), self._storages)

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is Mark:
            raise untrusted("its pickle takes a value from an empty stack")
        return self._stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        for index in range(len(self._stack) - 1, -1, -1):
            if self._stack[index] is Mark:
                values = self._stack[index + 1 :]
                del self._stack[index:]
                return values
        raise untrusted("its pickle takes a value from an empty stack")

    def _top(self) -> Any:
        if not self._stack or self._stack[-1] is Mark:
            raise untrusted("its pickle takes a value from an empty stack")
        return self._stack[-1]

    @does("PROTO", "FRAME")
    def _nothing(self, _: Any) -> None:
        pass

    @does("MARK")
    def _mark(self, _: Any) -> None:
        self._stack.append(Mark)

    @does("POP")
    def _drop(self, _: Any) -> None:
        """Take a mark, too."""
        if not self._stack:
            raise untrusted("its pickle takes a value from an empty stack")
        self._stack.pop()

    @does("POP_MARK")
    def _pop_mark(self, _: Any) -> None:
        self._pop_to_mark()

    @does("DUP")
    def _duplicate(self, _: Any) -> None:
        self._stack.append(self._top())

    @does("EMPTY_DICT")
    def _empty_dict(self, _: Any) -> None:
        self._stack.append({})

    @does("EMPTY_LIST", "EMPTY_SET")
    def _empty_list(self, _: Any) -> None:
        """Let a set be a list: nobody asks it for membership."""
        self._stack.append([])

    @does("LIST", "FROZENSET")
    def _list_to_mark(self, _: Any) -> None:
        self._stack.append(self._pop_to_mark())

    @does("DICT")
    def _dict_to_mark(self, _: Any) -> None:
        values = self._pop_to_mark()
        self._stack.append({})
        self._fill(values)

    def tuple_of(self, size: int) -> None:
        """Make a tuple of the last values."""
        values = [self._pop() for _ in range(size)]
        self._stack.append(tuple(reversed(values)))

    @does("TUPLE")
    def _tuple_to_mark(self, _: Any) -> None:
        self._stack.append(tuple(self._pop_to_mark()))

    @does("APPEND")
    def _append(self, _: Any) -> None:
        self._extend([self._pop()])

    @does("APPENDS", "ADDITEMS")
    def _appends(self, _: Any) -> None:
        """Fill a list, or what stands for a set."""
        self._extend(self._pop_to_mark())

    def _extend(self, values: list[Any]) -> None:
        """Append to a list; a record may be a list of its own class, which nobody reads."""
        target = self._top()
        if isinstance(target, list):
            target.extend(values)
        elif not isinstance(target, ObjectRecord):
            raise untrusted("its pickle appends to something that is no list")

    @does("SETITEM")
    def _set_item(self, _: Any) -> None:
        value, key = self._pop(), self._pop()
        self._fill([key, value])

    @does("SETITEMS")
    def _set_items(self, _: Any) -> None:
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

    @does("PUT", "BINPUT", "LONG_BINPUT")
    def _put(self, index: int) -> None:
        self._memo[index] = self._top()

    @does("MEMOIZE")
    def _memoize(self, _: Any) -> None:
        self._put(len(self._memo))

    @does("GET", "BINGET", "LONG_BINGET")
    def _get(self, index: int) -> None:
        if index not in self._memo:
            raise untrusted("its pickle refers to an object that it never stored")
        self._stack.append(self._memo[index])

    @does("GLOBAL")
    def _named(self, argument: str) -> None:
        """Take module and name, between which `pickletools` puts a space."""
        module, _, name = argument.partition(" ")
        self._stack.append(self._names.admit(module, name))

    @does("STACK_GLOBAL")
    def _stack_named(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise untrusted("its pickle has a name that is no text")
        self._stack.append(self._names.admit(module, name))

    @does("EXT1", "EXT2", "EXT4")
    def _numbered(self, code: int) -> None:
        """Push a name that was registered under a number, nobody knows where."""
        self._stack.append(self._names.admit("copyreg.extension", str(code)))

    @does("REDUCE", "NEWOBJ")
    def _make(self, _: Any) -> None:
        """Push what would have come of a call."""
        arguments, kind = self._pop(), self._pop()
        self._stack.append(made(kind, arguments))

    @does("NEWOBJ_EX")
    def _make_with_keywords(self, _: Any) -> None:
        """Leave the keywords out."""
        self._pop()
        self._make(_)

    @does("OBJ")
    def _make_to_mark(self, _: Any) -> None:
        """Take the class and what it would have been called with."""
        values = self._pop_to_mark()
        if not values:
            raise untrusted("its pickle takes a value from an empty stack")
        self._stack.append(made(values[0], tuple(values[1:])))

    @does("INST")
    def _make_named(self, argument: str) -> None:
        """Do as OBJ, with the class by name."""
        values = self._pop_to_mark()
        self._named(argument)
        self._stack.append(made(self._pop(), tuple(values)))

    @does("BUILD")
    def _build(self, _: Any) -> None:
        """Keep what would have been attributes; those of a tensor or dict say nothing."""
        state = self._pop()
        target = self._top()
        if isinstance(target, ObjectRecord):
            target.state = state

    @does("BINPERSID")
    def _persistent(self, _: Any) -> None:
        """Push a storage, or in the legacy container a class without its source."""
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
