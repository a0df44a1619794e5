"""ZIP archives of a few files."""

import struct
import zipfile
from io import BytesIO


def zipped(**members: bytes) -> bytes:
    """Return a ZIP archive; a double underscore in a name is a slash."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name.replace("__", "/"), member)
    return buffer.getvalue()


def lying(unpacked: int, said: int, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a ZIP archive whose member unpacks to more than its headers say."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a.dcm", bytes(unpacked))
    return buffer.getvalue().replace(struct.pack("<I", unpacked), struct.pack("<I", said))
