"""Multipart bodies of DICOMweb, as servers write them and not only as they should.

Sources
-------
PS3.18 8.6.1.2 (multipart/related); RFC 2046 5.1.1 (boundaries), RFC 2387. dcm4chee leaves out the
Content-Length of a part, Orthanc writes one; some servers quote the boundary, some do not, and some
always use the same, which then may stand in the pixels of an image.
"""

import re
import uuid
from email.message import Message as Headers
from typing import Final

LENGTH: Final = re.compile(rb"(?im)^content-length:[ \t]*([0-9]{1,15})[ \t\r]*$")
"""Header of a part."""

HEAD_MOST: Final = 8192
"""Bytes of the headers of a part."""


def body_of(file: bytes) -> tuple[bytes, str]:
    """Return a body with one DICOM file, and its Content-Type."""
    boundary = uuid.uuid4().hex
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    body = b"".join((head, file, f"\r\n--{boundary}--\r\n".encode()))
    return body, f'multipart/related; type="application/dicom"; boundary="{boundary}"'


def first_part(body: bytes, content_type: str) -> bytes:
    """Return the first part of a body, or the body where it has no parts.

    Raises
    ------
    ValueError
        It is cut off, or no such body.
    """
    headers = Headers()
    headers["Content-Type"] = content_type
    if headers.get_content_maintype() != "multipart":
        return body
    boundary = headers.get_boundary()
    if not boundary:
        raise ValueError("multipart without a boundary")
    delimiter = b"--" + boundary.encode("latin-1")
    start = 0 if body.startswith(delimiter) else body.index(b"\n" + delimiter) + 1
    start = body.index(b"\n", start + len(delimiter)) + 1
    content = start
    if body[start : start + 2] != b"\r\n":  # a part may have no headers
        ends = [body.find(end, start, start + HEAD_MOST) for end in (b"\r\n\r\n", b"\n\n")]
        end = min(each for each in ends if each >= 0) if max(ends) >= 0 else -1
        if end < 0:
            raise ValueError("a part without an end of its headers")
        content = end + (4 if body[end : end + 1] == b"\r" else 2)
    else:
        content += 2
    said = LENGTH.search(body, start, content)
    if said is not None:
        end = content + int(said[1])
        if body.startswith(b"\r\n" + delimiter, end):
            return body[content:end]
    return body[content : body.index(b"\r\n" + delimiter, content)]
