"""What the operating system says of an error, so that every language can say it."""

from typing import Final

from hilum.language.message import Message

KNOWN: Final = (
    Message("Address already in use"),
    Message("Cannot assign requested address"),
    Message("Connection refused"),
    Message("Disk quota exceeded"),
    Message("File name too long"),
    Message("Input/output error"),
    Message("Is a directory"),
    Message("Name or service not known"),
    Message("No such file or directory"),
    Message("No space left on device"),
    Message("Not a directory"),
    Message("Operation not permitted"),
    Message("Permission denied"),
    Message("Read-only file system"),
    Message("Temporary failure in name resolution"),
    Message("Too many open files"),
)
"""Those of the C library (strerror, gai_strerror) that the catalogues have."""


def system_error(exc: OSError) -> Message:
    """Return why the system refused."""
    return Message(exc.strerror or str(exc))
