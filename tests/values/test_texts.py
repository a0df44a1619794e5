"""The text of an image is decoded once, by what was declared for it, or is not."""

import warnings

import pytest
from pydicom import Dataset

from hilum.files import dicom
from hilum.language import LANGUAGES, Language
from hilum.settings import DefaultCharacterSet
from hilum.values.character_sets import Declaration, is_utf_8
from hilum.values.texts import DECLARATIONS, decoded
from mixed_text import CASES, Case, file_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
"""pydicom warns of wrong character sets while it splits a file into its elements."""

cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def parsed(file: bytes) -> Dataset:
    """Return a file's data set, its text in bytes."""
    return dicom.parse(file, name="it")


@cases
def test_text_is_what_was_meant(case: Case):
    """In the image itself and in its items, also in those within items."""
    image = decoded(parsed(case.file), case.default).dataset
    request = image.RequestAttributesSequence[0]

    assert case.name == str(image.PatientName)
    assert case.request == image.ProcedureCodeSequence[0].CodeMeaning
    assert case.request == request.RequestedProcedureDescription
    assert case.request == request.RequestedProcedureCodeSequence[0].CodeMeaning


@cases
def test_what_was_not_plain_is_a_decision(case: Case):
    """And what was plain is none."""
    assert case.decisions == tuple(
        decision.code for decision in decoded(parsed(case.file), case.default).decisions
    )


@cases
def test_decoding_twice_changes_nothing(case: Case):
    """Whoever gets an image need not know whether its text is decoded."""
    once = decoded(parsed(case.file), case.default).dataset
    twice = decoded(once)

    assert once == twice.dataset
    assert () == twice.decisions


@cases
def test_image_itself_is_not_changed(case: Case):
    """Its file and its elements are as they came."""
    image = parsed(case.file)
    decoded(image, case.default)

    assert case.stored == image.get_item("PatientName").value.rstrip(b" ")


@pytest.mark.parametrize("language", LANGUAGES)
@cases
def test_decisions_quote_no_text(case: Case, language: Language):
    """A name of a character set only, never the patient's."""
    for decision in decoded(parsed(case.file), case.default).decisions:
        assert case.name not in language.say(decision.text)
        assert "{" not in language.say(decision.text)


def test_a_declaration_that_is_text_of_its_own_is_quoted_in_one_short_line():
    """Whatever bytes a sender puts there."""
    image = parsed(file_of("\x07" + "X" * 200, "Müller".encode()))
    unknown = decoded(image).decisions[0].text

    assert unknown.isprintable()
    assert len(unknown) < 140


def test_private_text_is_left_alone():
    """Nobody reads it, and it may be anything."""
    image = parsed(file_of(None, b"Doe"))
    image.private_block(0x0011, "SOMEONE", create=True).add_new(1, "LO", "x")

    assert "x" == decoded(image).dataset[0x0011, 0x1001].value


@pytest.mark.parametrize("default", DefaultCharacterSet)
def test_every_setting_is_a_character_set(default: DefaultCharacterSet):
    """Each reads something beyond ASCII."""
    declaration = Declaration.of(DECLARATIONS[default])

    assert declaration.codecs
    assert not declaration.is_unknown


@pytest.mark.parametrize(
    "garbage",
    [b"\x1b", b"\x1b$", b"\x1b$Z12", b"\xff\xfe\x1b(B", b"\x80" * 64, b"\x1b$B\xff", b"\0\0\x1b"],
)
@pytest.mark.parametrize("declared", [None, "", "\\", "ISO_IR 192", "\\ISO 2022 IR 87", "\\\\\\"])
def test_garbage_is_some_text(garbage: bytes, declared: str | None):
    """No bytes end the reading of an image."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = decoded(parsed(file_of(declared, garbage)))

    assert isinstance(str(image.dataset.PatientName), str)


SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾萧田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢"
    "姚沈钟姜崔谭陆范汪廖石金贾夏付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万"
)
GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华文玉兰红建国海东小晓梅琳雪婷宇浩然欣怡子涵梓轩"
)


def test_chinese_names_are_seldom_taken_for_utf_8():
    """Two bytes of GBK can be a letter of UTF-8: fewer than one name in a thousand is."""
    names = [a + b + c for a in SURNAMES for b in GIVEN for c in GIVEN]
    taken = [name for name in names if is_utf_8(name.encode("gbk"))]

    assert len(taken) < len(names) / 1000


@pytest.mark.parametrize(
    "name", ["Иванова^Мария", "Müller", "João^Conceição", "王^小东", "Łęcki", "홍길동"]
)
def test_names_in_utf_8_are_recognized(name: str):
    """In every script."""
    assert is_utf_8(name.encode())
