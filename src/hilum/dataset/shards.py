"""The work of a dataset run in shards: what a worker is given at a time."""

import hashlib
import pickle
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from hilum.dataset.lists import ListOptions, is_list, listed
from hilum.files.candidate import Candidate
from hilum.files.find import find_candidates
from hilum.files.remote import find_objects, is_address

SHARD: Final = 256
"""Sources of a shard, and rows of a part."""

PIECES: Final = 16
"""A shard whose worker died is cut into so many: two cuts leave the single sources."""

KEY_BYTES: Final = 12
"""Of the hash by which a source is known: ten million have no two alike."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Some sources, as they are kept and sent: thirty bytes each."""

    packed: bytes = field(repr=False)
    count: int
    alone: bool = False
    """Whether it is one source that is read while nothing else is: a process that ends then
    ended for it."""

    @classmethod
    def of(cls, candidates: Sequence[Candidate]) -> "Shard":
        """Return a shard of these sources."""
        return cls(zlib.compress(pickle.dumps(candidates), 1), len(candidates))

    def candidates(self) -> list[Candidate]:
        """Return its sources."""
        found: list[Candidate] = pickle.loads(zlib.decompress(self.packed))  # noqa: S301  our own
        return found

    def cut(self) -> Iterator["Shard"]:
        """Yield its sources in smaller shards."""
        return batches(self.candidates(), max(1, self.count // PIECES))


@dataclass(slots=True)
class SourceList:
    """Collects the sources of a run, each once.

    Parameters
    ----------
    done
        Keys of the sources that an earlier run has read; see `key_of`.
    """

    done: set[bytes] = field(default_factory=set)
    twice: int = 0
    """How often a source was named that was named before."""
    _seen: set[bytes] = field(default_factory=set)

    def left(self, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
        """Yield those that are still to be read."""
        for candidate in candidates:
            key = key_of(candidate.name)
            if key in self._seen:
                self.twice += 1
                continue
            self._seen.add(key)
            if key not in self.done:
                yield candidate


def key_of(name: str) -> bytes:
    """Return by what a source is known: short, since ten million are kept."""
    return hashlib.blake2b(name.encode(), digest_size=KEY_BYTES).digest()


def batches(candidates: Iterable[Candidate], size: int = SHARD) -> Iterator[Shard]:
    """Yield sources in shards."""
    rest = iter(candidates)
    while some := list(islice(rest, size)):
        yield Shard.of(some)


def find_sources(sources: Iterable[str], options: ListOptions) -> Iterator[Candidate]:
    """Yield every image that the sources of a run stand for; paths are made absolute.

    Parameters
    ----------
    sources
        Folders, files, ZIP archives, lists, addresses in object stores.

    Raises
    ------
    SourceUnreadable
        A list or an object store cannot be read.
    StoreUnavailable
        An object store does not answer, or not now.
    """
    for source in sources:
        path = Path(source).absolute()
        if is_address(source):
            yield from find_objects(source)
        elif is_list(path):
            yield from listed(path, options)
        else:
            yield from find_candidates([path])
