"""Files with the faults that people report, made from one phantom.

``python tests/field_cases.py FOLDER`` makes them.

Each is an adult's plain CR chest, PA, 10 bits, with one thing wrong. What is right for each is
in ``acceptance/field_cases.toml``. The kind counts: other members are in the tests of each.
"""

import shutil
import struct
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import imagecodecs
import numpy as np
from PIL import Image
from pydicom import Dataset, config, dcmread, dcmwrite
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    generate_uid,
)

from hilum.phantom import make
from mixed_text import element

SEED: Final = 3
"""Of a phantom without a finding, frontal, of an adult."""

SURPLUS: Final = (
    *("QualityControlImage", "QualityControlSubject", "SeriesDescription", "ProtocolName"),
    *("AcquisitionDeviceProcessingDescription", "StudyDescription"),
    "ContributingEquipmentSequence",
)
"""What says that it is a phantom."""

EIGHT_BITS: Final = {
    "BitsAllocated": 8,
    "BitsStored": 8,
    "HighBit": 7,
    "WindowCenter": None,
    "WindowWidth": None,
}
"""Attributes of pixels that lossy JPEG can hold."""

NAMED: Final = {
    "age/7.dcm": {"PatientAge": "7"},
    "age/7Y.dcm": {"PatientAge": "7Y"},
    "age/07Y.dcm": {"PatientAge": "07Y"},
    "age/birth-2020-01-02.dcm": {"PatientAge": "", "PatientBirthDate": "2020-01-02"},
    "age/000Y-born-1960.dcm": {"PatientAge": "000Y", "PatientBirthDate": "19600101"},
    "comma/point.dcm": {"WindowCenter": "300.5", "WindowWidth": "400.5"},
    "window/16-32.dcm": {"WindowCenter": 16, "WindowWidth": 32},
    "window/40-400.dcm": {"WindowCenter": 40, "WindowWidth": 400},
    "body/FACE.dcm": {"BodyPartExamined": "FACE", "ViewPosition": "AP"},
    "body/CHESTABDPELVIS.dcm": {"BodyPartExamined": "CHESTABDPELVIS", "ViewPosition": "AP"},
    "body/XYZZY.dcm": {"BodyPartExamined": "XYZZY", "ViewPosition": "AP"},
    "orientation/L-H.dcm": {"PatientOrientation": ["L", "H"], "ViewPosition": "PA"},
    "orientation/F-L.dcm": {"PatientOrientation": ["F", "L"], "ViewPosition": "PA"},
}
"""File → what is wrong in its header."""


class Maker:
    """Writes the files into a folder.

    Parameters
    ----------
    folder
        Where; made if need be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.phantom = as_bytes(make(SEED).dataset)
        self.stored = self.plain().pixel_array

    def plain(self, **changes: Any) -> Dataset:
        """Return an adult's plain chest; a change to None takes the attribute away."""
        image = dcmread(BytesIO(self.phantom))
        ours = {
            **dict.fromkeys(SURPLUS),
            "Manufacturer": "ACME",
            "ManufacturerModelName": "CR1",
            "PatientName": "Doe^Jane",
            "PatientID": "P1",
            "PatientAge": "045Y",
            "PatientBirthDate": "",
            **{f"{level}InstanceUID": generate_uid() for level in ("Study", "Series", "SOP")},
        }
        for name, value in (ours | changes).items():
            if value is not None:
                setattr(image, name, value)
            elif name in image:
                delattr(image, name)
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        return image

    def put(self, name: str, content: bytes) -> None:
        """Write one file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def save(self, name: str, **changes: Any) -> None:
        """Write a plain chest with changes."""
        self.put(name, as_bytes(self.plain(**changes)))

    def headers(self) -> None:
        """Make what the header nearly says."""
        self.save("plain.dcm")
        for name, changes in NAMED.items():
            self.save(name, **changes)
        two = {"WindowCenter": ["300.5", "512"], "WindowWidth": ["400", "1024"]}
        content = as_bytes(self.plain(**two)).replace(b"300.5\\512 ", b"300,5\\512 ")
        self.put("comma/first-of-two.dcm", content)
        content = as_bytes(self.plain(WindowCenter="300.5", WindowWidth="400.5"))
        content = content.replace(b"300.5 ", b"300,5 ").replace(b"400.5 ", b"400,5 ")
        self.put("comma/window.dcm", content)

    def texts(self) -> None:
        """Make items with a character set of their own, and bytes in none that is declared."""
        german = requested("ISO_IR 192", "Thorax übersicht")
        named = {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Müller^Jürgen"}
        self.save("charset/latin1-item-utf8.dcm", **named, **german)
        japanese = requested(["", "ISO 2022 IR 87"], "胸部正面")
        self.save("charset/ascii-item-japanese.dcm", SpecificCharacterSet=None, **japanese)
        image = as_bytes(self.plain(SpecificCharacterSet=None, PatientName="AAAA^BBBB"))
        ascii_name, name = element("PatientName", b"AAAA^BBBB"), "Иванова^Мария".encode()
        self.put(
            "charset/undeclared-utf8.dcm",
            image.replace(ascii_name, element("PatientName", name)),
        )

    def streams(self) -> None:
        """Make padding, and tables that a single frame does not need."""
        jpeg = imagecodecs.jpeg8_encode((self.stored >> 2).astype("u1"), level=95)
        padded = jpeg + bytes(-len(jpeg) % 4096)
        pieces = [padded[at : at + 4096] for at in range(0, len(padded), 4096)]
        self.encapsulated("stream/jpeg-4096.dcm", pieces, JPEGBaseline8Bit, **EIGHT_BITS)
        coded = imagecodecs.jpegls_encode(self.stored)
        coded += bytes(len(coded) % 2)
        self.encapsulated("stream/jpegls-padded.dcm", [coded + bytes(62)], JPEGLSLossless)
        name = "stream/table-of-two-bytes.dcm"
        self.encapsulated(name, [coded], JPEGLSLossless, table=bytes(2))

    def encapsulated(
        self, name: str, fragments: list[bytes], syntax: UID, *, table: bytes = b"", **changes: Any
    ) -> None:
        """Write an image with an offset table and fragments as they are."""
        image = self.plain(**changes)
        items = (b"\xfe\xff\x00\xe0" + struct.pack("<I", len(each)) + each for each in fragments)
        image.PixelData = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(table)) + table
        image.PixelData += b"".join(items)
        image["PixelData"].VR = "OB"
        image["PixelData"].is_undefined_length = True
        image.file_meta.TransferSyntaxUID = syntax
        self.put(name, as_bytes(image))

    def pixels(self) -> None:
        """Make a shape that is no chest; signs and bits that the header says wrongly."""
        strip = self.stored[:, : self.stored.shape[1] // 4].copy()
        rows, columns = strip.shape
        self.save("shape/strip.dcm", Rows=rows, Columns=columns, PixelData=strip.tobytes())
        dirty = (self.stored.astype(np.int32) * 4 - 2048) & 0x0FFF  # 12 bits, not sign-extended
        clean = np.where(dirty & 0x0800, dirty - 4096, dirty).astype("<i2")
        mixed = dirty.astype("<i2")
        mixed[:2] = clean[:2]  # a few rows are
        signed = {
            "BitsStored": 12,
            "HighBit": 11,
            "PixelRepresentation": 1,
            **dict.fromkeys(("WindowCenter", "WindowWidth")),
            **dict.fromkeys(("RescaleIntercept", "RescaleSlope", "RescaleType")),
        }
        self.save("pixels/signed-clean.dcm", PixelData=clean.tobytes(), **signed)
        self.save("pixels/signed-mixed.dcm", PixelData=mixed.tobytes(), **signed)
        for name, bits in (("ten-bits-in-16.png", 10), ("sixteen-bits.png", 16)):
            buffer = BytesIO()
            shown = (1023 - self.stored).astype(np.uint16) << (bits - 10)
            Image.fromarray(shown).save(buffer, "PNG")
            self.put(f"pixels/{name}", buffer.getvalue())

    def files(self) -> None:
        """Make what stands after the last element or in place of a VR; a stream of odd length."""
        whole = as_bytes(self.plain())
        for zeros in (8, 100):
            self.put(f"file/zeros-{zeros}.dcm", whole + bytes(zeros))
        at = whole.index(b"\x10\0\x10\x10AS")
        self.put("file/vr-dashes.dcm", whole[: at + 4] + b"--" + whole[at + 6 :])
        for attempt in range(64):
            image = self.plain(PatientComments="x" * attempt)
            image.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
            content = as_bytes(image)
            if len(content) % 2:
                break
        self.put("file/deflated-odd.dcm", content)

    def identities(self) -> None:
        """Make one SOP Instance UID in two studies; one Patient ID for two persons."""
        shared = generate_uid()
        self.save(
            "identity/a.dcm", PatientName="Roe^Richard", PatientID="R1", SOPInstanceUID=shared
        )
        self.save("identity/b.dcm", PatientName="ANON", PatientID="ANON77", SOPInstanceUID=shared)
        jane = {"PatientBirthDate": "19600101", "PatientSex": "F", "StudyDate": "20230105"}
        john = {"PatientBirthDate": "19850505", "PatientSex": "M", "StudyDate": "20240607"}
        for file, name, issuer, facts in (
            ("jane", "Doe^Jane", "A", jane),
            ("john", "Smith^John", "B", john),
        ):
            known = {"PatientName": name, "PatientID": "1001", "IssuerOfPatientID": issuer}
            self.save(f"identity/{file}.dcm", PatientAge=None, **known, **facts)

    def media(self) -> None:
        """Make media as they are copied in real life."""
        for folder, named, slash in (("dcm-extension", "{}.dcm", False), ("slash", "{}", True)):
            medium = self.folder / "media" / folder
            for number in (1, 2):
                self.save(f"media/{folder}/IMAGES/IM00000{number}")
            directory = medium / "DICOMDIR"
            command = ["dcmmkdir", "-Pgp", "+r", "+id", medium, "+D", directory]
            subprocess.run(command, check=True, capture_output=True)
            if slash:
                content = directory.read_bytes().replace(b"IMAGES\\IM", b"IMAGES/IM")
                directory.write_bytes(content)
            for file in sorted((medium / "IMAGES").iterdir()):
                file.rename(file.with_name(named.format(file.name)))


def as_bytes(image: Dataset) -> bytes:
    """Return an image as a file, whatever its values are."""
    stream = BytesIO()
    dcmwrite(stream, image, enforce_file_format=True)
    return stream.getvalue()


def requested(character_set: str | list[str], text: str) -> dict[str, list[Dataset]]:
    """Return a request and a procedure code with a character set of their own."""
    item, code = Dataset(), Dataset()
    item.SpecificCharacterSet = code.SpecificCharacterSet = character_set
    item.RequestedProcedureID, item.RequestedProcedureDescription = "RP1", text
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "X1", "99X", text
    return {"RequestAttributesSequence": [item], "ProcedureCodeSequence": [code]}


def make_cases(folder: Path) -> None:
    """Make all files below a folder; those of media only where DCMTK is installed."""
    reading, writing = (
        config.settings.reading_validation_mode,
        config.settings.writing_validation_mode,
    )
    config.settings.reading_validation_mode = config.IGNORE
    config.settings.writing_validation_mode = config.IGNORE
    try:
        maker = Maker(folder)
        for kind in (maker.headers, maker.texts, maker.streams, maker.pixels, maker.files):
            kind()
        maker.identities()
        if shutil.which("dcmmkdir"):
            maker.media()
    finally:
        config.settings.reading_validation_mode = reading
        config.settings.writing_validation_mode = writing


if __name__ == "__main__":
    make_cases(Path(sys.argv[1]))
