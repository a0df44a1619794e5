"""Sound DICOM files, and the ways in which they are damaged in the field."""

import random
import struct
import zlib
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Final, NamedTuple

import numpy as np
from pydicom import Dataset, dcmread

from hilum.files import dicom
from hilum.files.dicom import EXPLICIT
from hilum.files.element_headers import Encoding
from hilum.files.elements import Element, Walk
from hilum.files.rewriting import written
from radiographs import code, dicom_file, make_radiograph

ENDLESS: Final = 0xFFFFFFFF
LONG: Final = {b"SQ", b"UN", b"OB", b"OW", b"UT"}


def element(group: int, number: int, vr: bytes, value: bytes = b"", length: int = -1) -> bytes:
    """Return one element in Explicit VR Little Endian, with a long length where its VR has one."""
    size = len(value) if length < 0 else length
    if vr in LONG:
        return struct.pack("<HH2sHI", group, number, vr, 0, size) + value
    return struct.pack("<HH2sH", group, number, vr, size) + value


def item(value: bytes = b"", length: int = -1) -> bytes:
    """Return an item of a sequence."""
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value) if length < 0 else length) + value


def plain(group: int, number: int, value: bytes) -> bytes:
    """Return one element in Implicit VR Little Endian."""
    return struct.pack("<HHI", group, number, len(value)) + value


ITEM_END: Final = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
SEQUENCE_END: Final = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
STEP: Final = element(0x0040, 0x0007, b"LO", b"CHEST ")
CREATOR: Final = element(0x0041, 0x0010, b"LO", b"ACME")


@cache
def sound() -> bytes:
    """Return a whole file of a small radiograph, always the same."""
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    request = code("RP1", "99X", "Chest")
    request.ScheduledProtocolCodeSequence = [code("X1", "99X", "PA")]
    uids = {
        "SOPInstanceUID": "1.2.3.1",
        "SeriesInstanceUID": "1.2.3.2",
        "StudyInstanceUID": "1.2.3.3",
    }
    dataset = make_radiograph(
        pixels, **uids, PatientAge="045Y", RequestAttributesSequence=[request]
    )
    dataset["RequestAttributesSequence"].is_undefined_length = True
    return dicom_file(dataset)


def data_set_at(content: bytes) -> int:
    """Return where the data set of a file begins."""
    return dicom.split(content, name="x").offset


def tag_at(group: int, number: int) -> int:
    """Return where the element is in the sound file."""
    return sound().index(struct.pack("<HH", group, number), data_set_at(sound()))


AGE: Final = (0x0010, 0x1010)
PIXELS: Final = (0x7FE0, 0x0010)


def before_pixels(inserted: bytes) -> bytes:
    """Return the sound file with something in front of its pixels."""
    at = tag_at(*PIXELS)
    return sound()[:at] + inserted + sound()[at:]


def with_vr(vr: bytes, group: int, number: int) -> bytes:
    """Return the sound file with another VR in one header."""
    at = tag_at(group, number)
    return sound()[: at + 4] + vr + sound()[at + 6 :]


def with_syntax(uid: str, data_set: bytes | None = None) -> bytes:
    """Return the sound file under another transfer syntax, with another data set too."""
    dataset = dcmread(BytesIO(sound()))
    meta = Dataset()
    meta.update(dataset.file_meta)
    old = b"1.2.840.10008.1.2.1\0"
    new = uid.encode() + bytes(len(uid) % 2)
    content = sound()[: data_set_at(sound())]
    at = content.index(old)
    head = content[: at - 2] + struct.pack("<H", len(new)) + new + content[at + len(old) :]
    return head + (sound()[data_set_at(sound()) :] if data_set is None else data_set)


def rewritten(*, implicit: bool, little: bool) -> bytes:
    """Return the data set of the sound file in another encoding."""
    dataset = dcmread(BytesIO(sound()))
    if not little:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    buffer = BytesIO()
    dataset.file_meta = type(dataset.file_meta)()
    Dataset(dataset).save_as(buffer, implicit_vr=implicit, little_endian=little)
    return buffer.getvalue()


def meta_without_vrs() -> bytes:
    """Return the sound file with its File Meta Information in Implicit VR Little Endian."""
    at = data_set_at(sound())
    meta = Walk(sound(), EXPLICIT, lambda tag: tag >> 16 != dicom.FILE_META_GROUP)
    elements = meta.data_set(132)
    new = written(sound(), elements, Encoding(implicit=True, little=True))
    return sound()[:132] + new + sound()[at:]


def deflated(*, zlib_header: bool) -> bytes:
    """Return the data set of the sound file, deflated."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS)
    return packer.compress(sound()[data_set_at(sound()) :]) + packer.flush()


def sequence(inside: bytes, length: int = ENDLESS, group: int = 0x0040) -> bytes:
    """Return a sequence, (0040,0275) or a private one, before the pixels of the sound file."""
    number = 0x0260 if group == 0x0040 else 0x1075
    creator = b"" if group == 0x0040 else CREATOR
    return before_pixels(creator + element(group, number, b"SQ", inside, length))


def copied_as_un(group: int) -> bytes:
    """Return the sound file with a sequence in UN, as from a file without VRs: PS3.5 6.2.2."""
    context = plain(0x0040, 0x0441, item(plain(0x0008, 0x0104, b"AP")))
    protocol = item(plain(0x0008, 0x0104, b"CHEST ") + context + plain(0x0040, 0x0442, b"1 "))
    inside = item(plain(0x0040, 0x0008, protocol))
    number, creator = (0x0260, b"") if group == 0x0040 else (0x1075, CREATOR)
    return before_pixels(creator + element(group, number, b"UN", inside))


def without_length(vr: bytes) -> bytes:
    """Return a private element that is no sequence, but ends like one."""
    return element(0x0041, 0x1076, vr, b"abcd" + SEQUENCE_END, ENDLESS)


def in_fragments(end: bytes) -> bytes:
    """Return the sound file with pixels in a fragment and an end of its own."""
    stream = sound()[-128:-2] + b"\xff\xd9"
    head = element(*PIXELS, b"OB", b"", ENDLESS)
    data_set = sound()[data_set_at(sound()) : tag_at(*PIXELS)] + head + item() + item(stream) + end
    return with_syntax("1.2.840.10008.1.2.4.70", data_set)


class Damaged(NamedTuple):
    """One damaged file and the corrections that reading it takes."""

    content: Callable[[], bytes]
    codes: tuple[str, ...] = ()


whole = item(STEP)
READ: Final = {
    # after the last element
    "3 zeros": Damaged(lambda: sound() + bytes(3), ("bytes_after_data",)),
    "8 zeros": Damaged(lambda: sound() + bytes(8), ("bytes_after_data",)),
    "100 zeros": Damaged(lambda: sound() + bytes(100), ("bytes_after_data",)),
    "a sector of zeros": Damaged(lambda: sound() + bytes(2048), ("bytes_after_data",)),
    "5 of FF": Damaged(lambda: sound() + b"\xff" * 5, ("bytes_after_data",)),
    "512 of FF": Damaged(lambda: sound() + b"\xff" * 512, ("bytes_after_data",)),
    "a line of text": Damaged(lambda: sound() + b"-- end of file --\r\n", ("bytes_after_data",)),
    "a second file": Damaged(lambda: sound() + sound(), ("bytes_after_data",)),
    "a cut element": Damaged(
        lambda: sound() + element(0xFFFC, 0xFFFC, b"OB", bytes(8))[:15], ("bytes_after_data",)
    ),
    "a delimiter": Damaged(lambda: sound() + ITEM_END, ("delimiter_restored",)),
    "padding as the standard has it": Damaged(
        lambda: sound() + element(0xFFFC, 0xFFFC, b"OB", bytes(64))
    ),
    # VRs
    **{
        f"{vr!r} in {group:04X},{number:04X}": Damaged(
            lambda vr=vr, group=group, number=number: with_vr(vr, group, number), ("vr_restored",)
        )
        for vr in (b"--", b"\0\0", b"??", b"XX", b"  ", b"pn")
        for group, number in (AGE, PIXELS, (0x0028, 0x0010), (0x0008, 0x0060))
    },
    "UN with a length of 16 bits": Damaged(lambda: with_vr(b"UN", *AGE), ("vr_restored",)),
    "an element without VR": Damaged(
        lambda: before_pixels(plain(0x0040, 0x0254, b"CHEST ")), ("vr_restored",)
    ),
    "an item without VRs": Damaged(
        lambda: sequence(item(plain(0x0040, 0x0007, b"CHEST ")) + SEQUENCE_END), ("vr_restored",)
    ),
    **{
        f"a {kind} sequence copied as UN": Damaged(lambda group=group: copied_as_un(group))
        for kind, group in {"standard": 0x0040, "private": 0x0041}.items()
    },
    # delimiters
    "no item delimiter": Damaged(
        lambda: sequence(item(STEP, ENDLESS) + SEQUENCE_END), ("delimiter_restored",)
    ),
    "no sequence delimiter": Damaged(
        lambda: sequence(item(STEP, ENDLESS) + ITEM_END), ("delimiter_restored",)
    ),
    "item delimiter zeroed": Damaged(
        lambda: sequence(item(STEP, ENDLESS) + bytes(8) + SEQUENCE_END), ("delimiter_restored",)
    ),
    "sequence delimiter zeroed": Damaged(
        lambda: sequence(whole + bytes(8)), ("delimiter_restored",)
    ),
    "both zeroed": Damaged(
        lambda: sequence(item(STEP, ENDLESS) + bytes(16)), ("delimiter_restored",)
    ),
    "an item delimiter too many": Damaged(
        lambda: sequence(whole + ITEM_END + SEQUENCE_END), ("delimiter_restored",)
    ),
    "a length and a delimiter": Damaged(
        lambda: sequence(whole + SEQUENCE_END, len(whole)), ("delimiter_restored",)
    ),
    "delimiters with a length": Damaged(
        lambda: sequence(item(STEP, ENDLESS) + ITEM_END[:4] + b"\7\0\0\0" + SEQUENCE_END),
        ("delimiter_restored",),
    ),
    "nested, all delimiters missing but the last": Damaged(
        lambda: sequence(
            item(element(0x0040, 0x0008, b"SQ", item(STEP, ENDLESS), ENDLESS), ENDLESS)
            + SEQUENCE_END
            + ITEM_END
            + SEQUENCE_END
        ),
        ("delimiter_restored",),
    ),
    # lengths
    "private sequence too long": Damaged(
        lambda: sequence(whole, len(whole) + 6, 0x0041), ("length_corrected",)
    ),
    "private sequence too short": Damaged(
        lambda: sequence(whole, len(whole) - 6, 0x0041), ("length_corrected",)
    ),
    "private sequence short of an item": Damaged(
        lambda: sequence(whole * 2, len(whole), 0x0041), ("length_corrected",)
    ),
    "private sequence of rubbish": Damaged(
        lambda: sequence(b"rubbish, as it comes", 20, 0x0041), ("sequence_unread",)
    ),
    "sequence of rubbish": Damaged(
        lambda: sequence(b"rubbish, as it comes", 20), ("sequence_unread",)
    ),
    "a header of zeros": Damaged(lambda: before_pixels(bytes(8)), ("vr_restored",)),
    "sequence too long": Damaged(lambda: sequence(whole, len(whole) + 8), ("length_corrected",)),
    "item too long": Damaged(
        lambda: sequence(item(STEP, len(STEP) + 4), len(whole)), ("length_corrected",)
    ),
    "item too short": Damaged(
        lambda: sequence(item(STEP, len(STEP) - 4), len(whole)), ("length_corrected",)
    ),
    "text without length": Damaged(
        lambda: before_pixels(CREATOR + without_length(b"UT")),
        ("length_corrected",),
    ),
    "bytes without length": Damaged(
        lambda: before_pixels(CREATOR + without_length(b"OB")),
        ("length_corrected",),
    ),
    "odd lengths": Damaged(lambda: before_pixels(element(0x0040, 0x0254, b"LO", b"CHEST"))),
    "group lengths that lie": Damaged(
        lambda: before_pixels(element(0x0040, 0x0000, b"UL", b"\7\0\0\0")
                              + element(0x0040, 0x0254, b"LO", b"CHEST "))
    ),
    **{
        f"a codestream {name}": Damaged(lambda end=end: in_fragments(end), ("delimiter_restored",))
        for name, end in {"without delimiter": b"", "with a zeroed one": bytes(8)}.items()
    },
    # order
    "an element out of order": Damaged(
        lambda: before_pixels(element(0x0010, 0x1030, b"DS", b"70"))
    ),
    "an element twice": Damaged(
        lambda: before_pixels(element(0x0010, 0x0020, b"LO", b"ANOTHER ")), ("element_twice",)
    ),
    # in front of the data set
    "no preamble": Damaged(lambda: sound()[132:]),
    "no file meta": Damaged(lambda: sound()[data_set_at(sound()) :]),
    "preamble without file meta": Damaged(lambda: sound()[:132] + sound()[data_set_at(sound()) :]),
    "file meta length of 7": Damaged(lambda: sound()[:140] + b"\7\0\0\0" + sound()[144:]),
    "file meta length of 0": Damaged(lambda: sound()[:140] + bytes(4) + sound()[144:]),
    "file meta length of 4 GB": Damaged(lambda: sound()[:140] + b"\xff" * 4 + sound()[144:]),
    "file meta without VRs": Damaged(meta_without_vrs, ("vr_restored",)),
    "command elements": Damaged(
        lambda: sound()[: data_set_at(sound())]
        + plain(0, 0, b"\x0c\0\0\0") + plain(0, 0x0100, b"\1\0")
        + sound()[data_set_at(sound()) :]
    ),
    # encodings
    "explicit called implicit": Damaged(
        lambda: with_syntax("1.2.840.10008.1.2"), ("encoding_corrected",)
    ),
    "implicit called explicit": Damaged(
        lambda: with_syntax("1.2.840.10008.1.2.1", rewritten(implicit=True, little=True)),
        ("encoding_corrected",),
    ),
    "little called big": Damaged(
        lambda: with_syntax("1.2.840.10008.1.2.2"), ("encoding_corrected",)
    ),
    "big called little": Damaged(
        lambda: with_syntax("1.2.840.10008.1.2.1", rewritten(implicit=False, little=False)),
        ("encoding_corrected",),
    ),
    "plain called deflated": Damaged(
        lambda: with_syntax("1.2.840.10008.1.2.1.99"), ("encoding_corrected",)
    ),
    "deflated with a zlib header": Damaged(
        lambda: with_syntax("1.2.840.10008.1.2.1.99", deflated(zlib_header=True))
    ),
    "deflated with zeros behind": Damaged(
        lambda: with_syntax("1.2.840.10008.1.2.1.99", deflated(zlib_header=False) + bytes(9))
    ),
    "a syntax nobody knows": Damaged(lambda: with_syntax("1.2.3.4.5")),
}  # fmt: skip
"""What is read, with the corrections that it takes."""

UNREADABLE: Final = {
    "no end of an item": (
        lambda: sequence(item(STEP, ENDLESS)),
        r"is damaged: at byte [\d,]+ an item of \(0040,0260\) begins without end",
    ),
    "a length beyond the pixels": (
        lambda: before_pixels(element(0x0040, 0x0254, b"LO", b"CHEST ", 60_000)),
        r"is damaged: at byte [\d,]+ \(0040,0254\) says that it has 60,000 bytes, which",
    ),
    "rubbish before the pixels": (
        lambda: before_pixels(b"rubbish, as it comes, of 36 bytes..."),
        r"is damaged: at byte [\d,]+ no data element begins \(72 75 62",
    ),
    "zeros before the pixels": (
        lambda: before_pixels(bytes(32)),
        r"is damaged: at byte [\d,]+ no data element begins, there are zeros",
    ),
    "cut in the pixels": (
        lambda: sound()[:-9],
        r"is truncated: it ends in the middle of the data element at byte [\d,]+",
    ),
    "rubbish called deflated": (
        lambda: with_syntax("1.2.840.10008.1.2.1.99", b"\xff" * 99),
        "is damaged: its deflated data set cannot be inflated",
    ),
    "cut in a header": (
        lambda: sound()[: tag_at(*AGE) + 5],
        r"is truncated: it ends in the middle of the data element at byte [\d,]+",
    ),
}  # fmt: skip
"""What is refused, and the text that says why and where."""


def mutated(number: int) -> bytes:
    """Return the sound file with one random damage around its values; the same for a number."""
    chance = random.Random(number)
    content = sound()
    offset = data_set_at(content)
    elements = list(_all(Walk(content, EXPLICIT).data_set(offset)))
    chosen = chance.choice(elements)
    outer = chance.choice(Walk(content, EXPLICIT).data_set(offset)[:-1])
    above = outer.start - (12 if outer.vr in LONG else 8)
    header = chosen.start - (12 if chosen.vr in LONG else 8)
    vr = chance.choice([b"--", b"\0\0", b"??", b"UN", b"OB", b"XX", b"\x01\x00", b"SQ", b"LO"])
    noise = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 40)))
    near = max(0, chosen.stop - chosen.start + chance.choice([-8, -2, -1, 1, 2, 8, 12, 300]))
    damaged = {
        "vr": content[: header + 4] + vr + content[header + 6 :],
        "length": content[: chosen.start - 2] + struct.pack("<H", near) + content[chosen.start :],
        "behind": content + noise,
        "zeros": content + bytes(len(noise)),
        "byte": content[:header] + noise[:1] + content[header + 1 :],
        "double": content[: outer.stop] + content[above : outer.stop] + content[outer.stop :],
        "gone": content[:above] + content[outer.stop :],
        "move": content[:above]
        + content[outer.stop : tag_at(*PIXELS)]
        + content[above : outer.stop]
        + content[tag_at(*PIXELS) :],
        "zeroed": content[:header] + bytes(8) + content[header + 8 :],
        "delimiter": _without_delimiter(content, chance),
        "cut": content[: chance.randrange(offset, len(content))],
    }
    return damaged[chance.choice(sorted(damaged))]


def _without_delimiter(content: bytes, chance: random.Random) -> bytes:
    found = [at for at in range(len(content)) if content.startswith(SEQUENCE_END, at)]
    at = chance.choice(found)
    return content[:at] + chance.choice([b"", bytes(8), ITEM_END]) + content[at + 8 :]


def _all(elements: list[Element]) -> list[Element]:
    """Return elements and those of their items."""
    inner = [each for one in elements for items in one.items or [] for each in _all(items)]
    return elements + inner
