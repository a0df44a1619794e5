"""Radiographs whose text is in mixed, wrong or no declared character sets, byte for byte."""

from dataclasses import dataclass
from io import BytesIO
from typing import Final

from pydicom import dcmread
from pydicom.datadict import dictionary_VR
from pydicom.tag import Tag

from hilum.files import dicom
from hilum.settings import DefaultCharacterSet
from radiographs import dicom_file, make_radiograph

LONG_LENGTH: Final = ("SQ", "UT", "UC", "OB", "OW", "UN")


@dataclass(frozen=True)
class Case:
    """One radiograph, and how its text has to be read.

    Attributes
    ----------
    name, request
        Patient's Name; description and code meaning of the request, in an item.
    stored, stored_request
        Their bytes.
    declared, item_declared
        Specific Character Set of the image and of its items; None for none.
    written
        The character set of an English report; None for none.
    decisions
        Codes of the decisions.
    default
        The site's setting.
    """

    name: str
    stored: bytes
    declared: str | None
    written: str | None
    decisions: tuple[str, ...] = ()
    request: str = "Chest"
    stored_request: bytes = b"Chest"
    item_declared: str | None = None
    default: DefaultCharacterSet | None = None

    @property
    def file(self) -> bytes:
        """The radiograph as a DICOM file."""
        return file_of(self.declared, self.stored, self.item_declared, self.stored_request)


def element(keyword: str, value: bytes) -> bytes:
    """Return a data element in Explicit VR Little Endian."""
    tag, vr = Tag(keyword), dictionary_VR(keyword)
    value += b" " * (len(value) % 2)
    start = tag.group.to_bytes(2, "little") + tag.element.to_bytes(2, "little") + vr.encode()
    if vr in LONG_LENGTH:
        return start + b"\0\0" + len(value).to_bytes(4, "little") + value
    return start + len(value).to_bytes(2, "little") + value


def items(keyword: str, *contents: bytes) -> bytes:
    """Return a sequence of items with these data elements."""
    made = (b"\xfe\xff\x00\xe0" + len(each).to_bytes(4, "little") + each for each in contents)
    return element(keyword, b"".join(made))


def declaring(declared: str | None) -> bytes:
    """Return Specific Character Set, nothing for None."""
    return b"" if declared is None else element("SpecificCharacterSet", declared.encode())


def file_of(
    declared: str | None, name: bytes, item_declared: str | None = None, request: bytes = b"Chest"
) -> bytes:
    """Return a radiograph whose text has these bytes."""
    plain = dicom_file(make_radiograph(SpecificCharacterSet=None, PatientName="Nobody"))
    start = dicom.split(plain, name="it").offset
    dataset = dcmread(BytesIO(plain))
    own = declaring(item_declared)
    code = (
        own
        + element("CodeValue", b"X1")
        + element("CodingSchemeDesignator", b"99X")
        + element("CodeMeaning", request)
    )
    ours = {
        "SpecificCharacterSet": declaring(declared),
        "PatientName": element("PatientName", name),
        "ProcedureCodeSequence": items("ProcedureCodeSequence", code),
        "RequestAttributesSequence": items(
            "RequestAttributesSequence",
            own
            + element("RequestedProcedureDescription", request)
            + items("RequestedProcedureCodeSequence", code)  # inherits from the item around it
            + element("RequestedProcedureID", b"RP1"),
        ),
    }
    parts = {Tag(keyword): made for keyword, made in ours.items()}
    for tag in dataset.keys() - parts.keys():
        raw = dataset.get_item(tag)
        buffer = BytesIO()
        buffer.write(tag.group.to_bytes(2, "little") + tag.element.to_bytes(2, "little"))
        value = raw.value or b""
        long = raw.VR in LONG_LENGTH
        buffer.write(raw.VR.encode() + (b"\0\0" if long else b""))
        buffer.write(len(value).to_bytes(4 if long else 2, "little") + value)
        parts[tag] = buffer.getvalue()
    return plain[:start] + b"".join(parts[tag] for tag in sorted(parts))


UTF_8, LATIN_1 = "ISO_IR 192", "ISO_IR 100"
KOREAN = b"\x1b$)C"

CASES: Final = {
    # items that declare something else
    "latin-1-with-utf-8-item": Case(
        "Müller^Jürgen",
        "Müller^Jürgen".encode("latin-1"),
        LATIN_1,
        LATIN_1,
        request="Thorax übersicht",
        stored_request="Thorax übersicht".encode(),
        item_declared=UTF_8,
    ),
    "ascii-with-japanese-item": Case(
        "Doe^Jane",
        b"Doe^Jane",
        None,
        UTF_8,
        request="胸部正面",
        stored_request="胸部正面".encode("iso2022_jp"),
        item_declared="\\ISO 2022 IR 87",
    ),
    "utf-8-with-latin-1-item": Case(
        "Łukasz",
        "Łukasz".encode(),
        UTF_8,
        UTF_8,
        request="Thorax übersicht",
        stored_request="Thorax übersicht".encode("latin-1"),
        item_declared=LATIN_1,
    ),
    "cyrillic-with-greek-item": Case(
        "Люкceмбypг",
        "Люкceмбypг".encode("iso8859-5"),
        "ISO_IR 144",
        UTF_8,
        request="Θώρακας",
        stored_request="Θώρακας".encode("iso8859-7"),
        item_declared="ISO_IR 126",
    ),
    "gb18030-inherited": Case(
        "Wang^XiaoDong=王^小东",
        "Wang^XiaoDong=王^小东".encode("gb18030"),
        "GB18030",
        "GB18030",
        request="胸部正位片",
        stored_request="胸部正位片".encode("gb18030"),
    ),
    "item-with-empty-set": Case(
        "Müller",
        "Müller".encode("latin-1"),
        LATIN_1,
        LATIN_1,
        request="Übersicht",
        stored_request="Übersicht".encode("latin-1"),
        item_declared="",
    ),
    # code extensions
    "japanese": Case(
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "\\ISO 2022 IR 87",
        "\\ISO 2022 IR 87",
    ),
    "japanese-as-ir-6": Case(
        "山田^太郎",
        b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
        "ISO 2022 IR 6\\ISO 2022 IR 87",
        "\\ISO 2022 IR 87",
    ),
    "korean": Case(
        "Hong^Gildong=洪^吉洞=홍^길동",
        b"Hong^Gildong="
        + KOREAN
        + "洪^".encode("euc_kr")
        + KOREAN
        + "吉洞=".encode("euc_kr")
        + KOREAN
        + "홍^".encode("euc_kr")
        + KOREAN
        + "길동".encode("euc_kr"),
        "\\ISO 2022 IR 149",
        "\\ISO 2022 IR 149",
    ),
    "korean-without-escapes": Case(
        "홍^길동",
        "홍^길동".encode("euc_kr"),
        "\\ISO 2022 IR 149",
        "\\ISO 2022 IR 149",
    ),
    "chinese-by-escapes": Case(
        "Zhang^XiaoDong=张^小东",
        b"Zhang^XiaoDong=\x1b$)A" + "张^".encode("gb2312") + b"\x1b$)A" + "小东".encode("gb2312"),
        "\\ISO 2022 IR 58",
        UTF_8,
    ),
    "kanji-beyond-the-standard": Case(
        "髙橋^太郎",
        "髙橋^太郎".encode("cp932"),
        "ISO_IR 13",
        UTF_8,
    ),
    "latin-1-with-korean": Case(
        "ç^ㅊ^ç",
        b"\xe7^" + KOREAN + "ㅊ".encode("euc_kr") + b"^\xe7",
        "ISO 2022 IR 100\\ISO 2022 IR 149",
        UTF_8,
    ),
    "half-width-katakana": Case(
        "a^b=ｱ^ｲ",
        b"a^b=\x1b)I\xb1^\x1b)I\xb2",
        "\\ISO 2022 IR 13\\ISO 2022 IR 87",
        "\\ISO 2022 IR 13\\ISO 2022 IR 87",
    ),
    "code-extension-of-one": Case("Müller", "Müller".encode("latin-1"), "ISO 2022 IR 100", LATIN_1),
    # wrong spellings
    **{
        f"spelled-{spelling}": Case(
            "Müller", "Müller".encode(), spelling, UTF_8, ("character_set_respelled",)
        )
        for spelling in ("ISO_IR_192", "ISO IR 192", "UTF-8", "iso_ir 192", "ISO-IR 192", "utf8")
    },
    **{
        f"spelled-{spelling}": Case(
            "Müller", "Müller".encode("latin-1"), spelling, LATIN_1, ("character_set_respelled",)
        )
        for spelling in ("ISO-8859-1", "ISO_IR_100", "ISO_IR100", "ISO8859-1", "latin1")
    },
    "korean-as-ir-149": Case(
        "홍^길동",
        "홍^길동".encode("euc_kr"),
        "ISO_IR 149",
        "\\ISO 2022 IR 149",
        ("character_set_respelled",),
    ),
    "japanese-as-2020": Case(
        "山田^太郎",
        b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
        "\\ISO 2020 IR 87",
        "\\ISO 2022 IR 87",
        ("character_set_respelled",),
    ),
    "two-that-stand-alone": Case(
        "王^小东", "王^小东".encode("gb18030"), "GB18030\\ISO_IR 192", UTF_8
    ),
    "utf-8-beside-others": Case(
        "João^Conceição", "João^Conceição".encode(), "ISO_IR 100\\ISO_IR 192", UTF_8
    ),
    "utf-8-beside-ascii": Case("João", "João".encode(), "ISO 2022 IR 6\\ISO_IR 192", UTF_8),
    "latin-1-beside-utf-8": Case("João", "João".encode("latin-1"), "ISO_IR 100\\ISO_IR 192", UTF_8),
    "named-by-its-code-page": Case(
        "Иванова", "Иванова".encode("cp1251"), "windows-1251", UTF_8, ("character_set_respelled",)
    ),
    "gb2312": Case(
        "王小东", "王小东".encode("gb2312"), "GB2312", UTF_8, ("character_set_respelled",)
    ),
    # nothing declared
    "utf-8": Case("Иванова^Мария", "Иванова^Мария".encode(), None, UTF_8, ("text_recognized",)),
    "utf-8-in-an-item": Case(
        "Doe^Jane",
        b"Doe^Jane",
        None,
        UTF_8,
        ("text_recognized",),
        request="Tórax PA, nº 2",
        stored_request="Tórax PA, nº 2".encode(),
    ),
    "utf-8-as-ascii": Case("Müller", "Müller".encode(), "ISO_IR 6", UTF_8, ("text_recognized",)),
    "utf-8-not-supplied": Case(
        "Müller",
        "Müller".encode(),
        "Not Supplied",
        UTF_8,
        ("character_set_unknown", "text_recognized"),
    ),
    "escapes": Case(
        "山田^太郎", b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", None, UTF_8, ("text_recognized",)
    ),
    "windows-1251": Case(
        "Èâàíîâà^Ìàðèÿ", "Иванова^Мария".encode("cp1251"), None, None, ("text_kept",)
    ),
    "gbk": Case(
        "王^小东".encode("gbk").decode("latin-1"),
        "王^小东".encode("gbk"),
        None,
        None,
        ("text_kept",),
    ),
    "shift-jis": Case(
        "山田".encode("cp932").decode("latin-1"),
        "山田".encode("cp932"),
        None,
        None,
        ("text_kept",),
    ),
    "latin-1": Case("Müller", "Müller".encode("latin-1"), None, None, ("text_kept",)),
    "latin-1-not-supplied": Case(
        "Müller",
        "Müller".encode("latin-1"),
        "Not Supplied",
        None,
        ("character_set_unknown", "text_kept"),
    ),
    "utf-8-beside-latin-1": Case(
        "Müller".encode().decode("latin-1"),
        "Müller".encode(),
        None,
        None,
        ("text_kept",),
        request="Übersicht",
        stored_request="Übersicht".encode("latin-1"),
    ),
    # nothing declared, at a site that has said what that means
    "site-windows-1251": Case(
        "Иванова^Мария",
        "Иванова^Мария".encode("cp1251"),
        None,
        UTF_8,
        ("text_by_setting",),
        default=DefaultCharacterSet.WINDOWS_1251,
    ),
    "site-latin-1": Case(
        "João",
        "João".encode("latin-1"),
        None,
        LATIN_1,
        ("text_by_setting",),
        default=DefaultCharacterSet.LATIN_1,
    ),
    "site-chinese": Case(
        "王^小东",
        "王^小东".encode("gbk"),
        "",
        "GB18030",
        ("text_by_setting",),
        default=DefaultCharacterSet.CHINESE,
    ),
    "site-korean": Case(
        "홍^길동",
        "홍^길동".encode("euc_kr"),
        None,
        "\\ISO 2022 IR 149",
        ("text_by_setting",),
        default=DefaultCharacterSet.KOREAN,
    ),
    "site-that-is-declared-otherwise": Case(
        "Müller",
        "Müller".encode("latin-1"),
        LATIN_1,
        LATIN_1,
        default=DefaultCharacterSet.WINDOWS_1251,
    ),
    "site-windows-1251-but-utf-8": Case(
        "Иванова",
        "Иванова".encode(),
        None,
        UTF_8,
        ("text_recognized",),
        default=DefaultCharacterSet.WINDOWS_1251,
    ),
    "site-utf-8-but-latin-1": Case(
        "Müller",
        "Müller".encode("latin-1"),
        None,
        None,
        ("text_kept",),
        default=DefaultCharacterSet.UTF_8,
    ),
    # declared, and not true
    "latin-1-declared-as-utf-8": Case(
        "Müller", "Müller".encode("latin-1"), UTF_8, UTF_8, ("text_mismatch",)
    ),
    "utf-8-declared-as-hebrew": Case(
        "Müller", "Müller".encode(), "ISO_IR 138", UTF_8, ("text_mismatch",)
    ),
    "windows-1251-declared-as-utf-8": Case(
        "Иванова",
        "Иванова".encode("cp1251"),
        UTF_8,
        UTF_8,
        ("text_mismatch",),
        default=DefaultCharacterSet.WINDOWS_1251,
    ),
}
"""What the image is → the image."""
