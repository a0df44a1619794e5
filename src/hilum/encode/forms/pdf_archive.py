"""What makes a PDF an archive's: its metadata as XMP, and the colours that its numbers mean.

PDF/A-1b, the part that every archive takes; parts 2 and 3 allow more and ask for no more.

Sources
-------
ISO 19005-1 6.2.2 (output intent), 6.7 (metadata); ICC.1:2001-04 (profile format 2);
IEC 61966-2-1 (sRGB).
"""

import struct
from datetime import datetime
from functools import cache
from itertools import pairwise
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.pdfbase.pdfdoc import (
    XMP,
    PDFArray,
    PDFDictionary,
    PDFName,
    PDFStream,
    PDFString,
    PDFZCompress,
)
from reportlab.pdfgen.canvas import Canvas

from hilum import PRODUCT

D50: Final = (0.9642, 1.0, 0.8249)
PRIMARIES: Final = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.7141),
}
"""Those of sRGB, adapted to D50 (Bradford)."""

KNEE: Final = 0.04045
"""Up to here sRGB is linear."""

METADATA: Final = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>1</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance></rdf:Description>
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{by}</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:description>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
<xmp:CreatorTool>{by}</xmp:CreatorTool>
<xmp:CreateDate>{when}</xmp:CreateDate><xmp:ModifyDate>{when}</xmp:ModifyDate></rdf:Description>
<rdf:Description rdf:about="" xmlns:pdf="http://ns.adobe.com/pdf/1.3/">
<pdf:Producer>{by}</pdf:Producer><pdf:Keywords>{by}</pdf:Keywords></rdf:Description>
</rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


class ArchiveCanvas(Canvas):  # type: ignore[misc]
    """The library's pages, with what PDF/A asks for beside them."""

    def describe(self, title: str, when: datetime) -> None:
        """Say what the document is, once in the old form and once as XMP, alike."""
        when = when.replace(microsecond=0)
        zone = f"{when:%z}"
        date = f"D:{when:%Y%m%d%H%M%S}{zone[:3]}'{zone[3:5]}'"
        self.setTitle(title)
        self.setSubject(title)
        for name in (self.setAuthor, self.setCreator, self.setProducer, self.setKeywords):
            name(PRODUCT)
        self.setDateFormatter(lambda *_: date)
        said = METADATA.format(title=escape(title), by=PRODUCT, when=when.isoformat())
        catalog = self._doc.Catalog
        catalog.Metadata = XMP(creator=lambda _: said.encode())
        catalog.__NoDefault__ = [*catalog.__NoDefault__, "OutputIntents"]
        catalog.OutputIntents = PDFArray([self._intent()])

    def _intent(self) -> Any:
        profile = PDFStream(PDFDictionary({"N": 3}), content=srgb(), filters=[PDFZCompress])
        return PDFDictionary(
            {
                "Type": PDFName("OutputIntent"),
                "S": PDFName("GTS_PDFA1"),
                "OutputConditionIdentifier": PDFString("sRGB IEC61966-2.1"),
                "Info": PDFString("sRGB IEC61966-2.1"),
                "DestOutputProfile": self._doc.Reference(profile),
            }
        )


def ended(made: bytes) -> bytes:
    """Return the library's file with a line end before each `endstream` (ISO 19005-1 6.1.7)."""
    body, _, tail = made.rpartition(b"xref\n0 ")
    size, _, rest = tail.partition(b"\n")
    cut = 20 * int(size)  # bytes: ISO 32000-1 7.5.4
    rows = [rest[start : start + 20] for start in range(0, cut, 20)]
    starts = [int(row[:10]) for row in rows[1:]]
    parts, moved = [body[: min(starts)]], {}
    place = len(parts[0])
    for start, end in pairwise([*sorted(starts), len(body)]):
        before, mark, after = body[start:end].rpartition(b"endstream\nendobj")
        parts.append(before + b"\n" * bool(mark) + mark + after)
        moved[start] = place
        place += len(parts[-1])
    table = [b"%010d" % moved[int(row[:10])] + row[10:] for row in rows[1:]]
    trailer = rest[cut:].rpartition(b"startxref\n")[0]
    last = b"startxref\n%d\n%%%%EOF\n" % place
    return b"".join([*parts, b"xref\n0 ", size, b"\n", rows[0], *table, trailer, last])


@cache
def srgb() -> bytes:
    """Return an ICC profile of sRGB in format 2, which PDF 1.4 reads; Pillow makes format 4."""
    name = b"sRGB\0"
    tags = {
        b"desc": b"desc" + struct.pack(">II", 0, len(name)) + name + bytes(4 + 4 + 2 + 1 + 67),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": _point(D50),
        **{tag: _point(colour) for tag, colour in PRIMARIES.items()},
    }
    tones = [round(65535 * _linear(value / 255)) for value in range(256)]
    tags |= dict.fromkeys(
        (b"rTRC", b"gTRC", b"bTRC"), b"curv" + struct.pack(">II256H", 0, 256, *tones)
    )
    table, data = b"", b""
    start = 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    for tag, value in tags.items():
        if value not in places:
            places[value] = start + len(data)
            data += value + bytes(-len(value) % 4)
        table += tag + struct.pack(">II", places[value], len(value))
    head = struct.pack(
        ">I4xI12s6H4s", start + len(data), 0x02100000, b"mntrRGB XYZ ", 2000, 1, 1, 0, 0, 0, b"acsp"
    )
    head = head.ljust(68, b"\0") + _point(D50)[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def _point(colour: tuple[float, ...]) -> bytes:
    return b"XYZ " + struct.pack(">4x3i", *(round(each * 65536) for each in colour))


def _linear(value: float) -> float:
    return value / 12.92 if value <= KNEE else ((value + 0.055) / 1.055) ** 2.4
