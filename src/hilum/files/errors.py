"""What the operating system and zipfile raise, said as one clear line."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from hilum.errors import SourceUnreadable
from hilum.language.system import system_error


@contextmanager
def read_errors(name: str) -> Iterator[None]:
    """Turn what opening and reading raises into our error. The only place that knows both.

    Raises
    ------
    SourceUnreadable
        The file or archive member cannot be opened or read.
    """
    try:
        yield
    except FileNotFoundError as exc:
        raise SourceUnreadable("{name} does not exist.", "Check the path.", name=name) from exc
    except PermissionError as exc:
        raise SourceUnreadable(
            "{name} cannot be read: permission denied.",
            "Ask its owner to let you read it.",
            name=name,
        ) from exc
    except OSError as exc:
        raise SourceUnreadable(
            "{name} cannot be read: {why}.",
            "Check the path and the disk.",
            name=name,
            why=system_error(exc),
        ) from exc
    except (zipfile.BadZipFile, zlib.error, EOFError) as exc:
        raise SourceUnreadable(
            "{name} cannot be read: the archive around it is damaged.",
            "Create the archive again.",
            name=name,
        ) from exc
    except NotImplementedError as exc:
        raise SourceUnreadable(
            "{name} is compressed in a way that cannot be read here.",
            "Create the archive again as an ordinary ZIP.",
            name=name,
        ) from exc
    except RuntimeError as exc:  # zipfile: "File ... is encrypted, password required"
        raise SourceUnreadable(
            "{name} is encrypted.", "Unpack the archive with its password first.", name=name
        ) from exc
