"""ZIP archives of a few files."""

import zipfile
from io import BytesIO


def zipped(**members: bytes) -> bytes:
    """Return a ZIP archive; a double underscore in a name is a slash."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name.replace("__", "/"), member)
    return buffer.getvalue()
