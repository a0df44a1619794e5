"""Every catalogue is whole: nothing is missing, left over, doubtful or in the wrong language."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Message as Entry
from jinja2 import Environment, nodes

from hilum.language import LANGUAGES, Language, in_ascii
from messages import CATALOGUES, MARKS, PAIRS, SHOW, SOURCE, said, written

catalogues = pytest.mark.parametrize("path", CATALOGUES, ids=[each.stem for each in CATALOGUES])

SAME = frozenset(
    {
        *(
            "  pixels: {text}",
            "AUROC",
            "AUROC {area}",
            "Aorta",
            "Error: {message}",
            "frontal",
            "lateral",
            "F",
            "Fibrosis",
            "Hernia",
            "M",
            "O",
            "OK",
            "ONNX Runtime",
            "PACS",
            "Pixels",
            "Pneumonia",
        ),
        *(
            "Software",
            "Token",
            "Workers",
            "hilum {version} worker. {statement}",
            "no",
            "normal",
            "ok",
        ),
        *("plug-ins {names}", "plug-ins {plugins}", "traces", "worker", "workers"),
        *("{count:,} bytes", "{size} × {size} pixels"),
    }
)
"""Words that are spelled as in English in one of the languages."""

GAP = re.compile(r"%\((\w+)\)s")
"""A gap of a template's message."""


def texts_of(entry: Entry) -> tuple[list[str], list[str]]:
    """Return a message's English texts and its translations."""
    english = [entry.id] if isinstance(entry.id, str) else list(entry.id)
    told = [entry.string] if isinstance(entry.string, str) else list(entry.string)
    return english, told


def gaps(text: str) -> set[str]:
    """Return the gaps of a message, with how their values are written."""
    named = [(name, how) for _, name, how, _ in Formatter().parse(text) if name]
    return set(GAP.findall(text)) | {f"{name}:{how}" for name, how in named}


@catalogues
def test_nothing_is_missing(path: Path):
    """Every message of code and templates has its translation."""
    known = {e.id if isinstance(e.id, str) else tuple(e.id) for e in written(path)}
    missing = {message: place for message, place in said().items() if message not in known}

    assert {} == missing


@catalogues
def test_no_message_stands_twice(path: Path):
    """The tools of gettext refuse such a catalogue; ours would take the last one in silence."""
    stated = re.findall(r"^msgid ", path.read_text(encoding="utf-8"), re.MULTILINE)

    assert len(stated) == len(list(written(path))) + 1  # and the head


@catalogues
def test_nothing_is_left_over(path: Path):
    """What nobody says any more is taken out."""
    wanted = said()
    left = [
        e.id
        for e in written(path)
        if (e.id if isinstance(e.id, str) else tuple(e.id)) not in wanted
    ]

    assert [] == left


@catalogues
def test_nothing_is_empty_or_doubtful(path: Path):
    """No translation is left to be looked at."""
    assert [] == [e.id for e in written(path) if e.fuzzy or not all(texts_of(e)[1])]


@catalogues
def test_every_gap_is_kept(path: Path):
    """Each translation has the values of the English text, written in the same form."""
    wrong = []
    for entry in written(path):
        english, told = texts_of(entry)
        allowed = set().union(*map(gaps, english))
        counted = {"count:", "num"} if len(english) > 1 else set()
        wrong += [
            text
            for number, text in enumerate(told)
            if not gaps(english[min(number, len(english) - 1)]) - counted <= gaps(text) <= allowed
        ]

    assert [] == wrong


def words_of(text: str) -> str:
    """Return a message without its gaps, names and units."""
    return re.sub(r"[^A-Za-z]|hilum|PSI|AUC", "", re.sub(r"\{[^{}]*\}|%\(\w+\)s", "", text))


@catalogues
def test_nothing_is_left_in_english(path: Path):
    """No translation equals its English, but for the words that both languages share."""
    same = {e.id for e in written(path) if e.id == e.string and words_of(e.id)}

    assert set() == same - SAME


@catalogues
def test_texts_begin_and_end_alike(path: Path):
    """Parts of lines stay parts of lines: full stop, colon and blanks are as in English."""
    wrong = []
    for entry in written(path):
        for english, told in zip(*texts_of(entry), strict=False):
            ends = [text[-1] if text[-1] in ".:;,?! \n" else "" for text in (english, told)]
            if (ends[0] != ends[1] and english.lower() != "op. point") or told[
                :1
            ].isspace() != english[:1].isspace():
                wrong.append(told)

    assert [] == wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_result_stands_at_the_beginning_of_a_series_description(language: Language):
    """In ASCII, within the first 25 characters, which is what a study list shows."""
    findings = language.say_ascii("AI findings: {positive} of {all}", positive=18, all=18)
    regions = language.say_ascii("AI regions: {positive} of {all}", positive=18, all=18)
    none = language.say_ascii("AI regions: none")
    picture = language.say_ascii(
        "AI picture: {positive} of {all}, research only", positive=18, all=18
    )

    assert all(text.isascii() for text in (findings, regions, none, picture))
    assert all("18" in text[:25] for text in (findings, regions, picture))
    assert len(none) <= 25
    assert all(len(text) <= 64 for text in (findings, regions, none, picture))


@pytest.mark.parametrize("path", sorted((SHOW / "templates").rglob("*.html")), ids=lambda p: p.name)
def test_no_text_of_a_template_is_unmarked(path: Path):
    """Whatever a person reads on the page can be translated."""
    assert [] == list(unmarked(path))


SILENT = re.compile(r"<(script|style|svg|code)\b.*?</\1>|<!--.*?-->|&\w+;|&#\d+;", re.DOTALL)
TAG = re.compile(r"<[^<>]*>")
SPOKEN = re.compile(r'\b(?:aria-label|title|alt|placeholder|data-[a-z]+-text)="([^"]*)"')
NAMES = re.compile(
    r"\b(?:hilum|PNG|JPEG|DICOM|SHA-256|JSON|CSV|FHIR|OHIF|OpenAPI|PSI|STAT|Esc|Enter|min|kB|MB|GB|s|h|W|L|alone|on-\w+)\b"
)
"""Names, keys and units that every language writes alike, and classes of the body."""


def unmarked(path: Path) -> Iterator[str]:
    """Yield the words of a template that no mark surrounds."""
    tree = Environment(extensions=["jinja2.ext.i18n"], autoescape=True).parse(path.read_text())
    marked = {
        id(data) for call in tree.find_all(nodes.Call) for data in call.find_all(nodes.TemplateData)
    }
    parts = [
        each.data if isinstance(each, nodes.TemplateData) else "\0"
        for output in tree.find_all(nodes.Output)
        for each in output.nodes
        if id(each) not in marked
    ]
    text = SILENT.sub(" ", "".join(parts))
    shown = TAG.sub(" ", text) + " ".join(SPOKEN.findall(text))
    for words in re.split(r"[\0\n]", NAMES.sub("", shown)):
        if re.search(r"[A-Za-z]{2}", words) and "=" not in words:
            yield words.strip()


def test_descriptions_lose_their_accents_and_nothing_else():
    """The ASCII of Series Descriptions is derived from the words."""
    assert "IA: nenhuma regiao, so pesquisa" == in_ascii("IA: nenhuma região, só pesquisa")


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: p.name)
def test_every_mark_can_be_extracted(path: Path):
    """A marked text is a literal, and not inside another text, where no tool would find it."""
    tree = ast.parse(path.read_text("utf-8"))
    hidden = [
        call.lineno
        for text in ast.walk(tree)
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call)
        and name_of(call) in MARKS
        and isinstance(call.args[0], ast.Constant)
    ]
    built = [
        call.lineno
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and name_of(call) in {*MARKS, *PAIRS}
        and any(isinstance(each, ast.JoinedStr) for each in call.args[:2])
    ]

    assert ([], []) == (hidden, built)


def name_of(call: ast.Call) -> str:
    """Return the name by which something is called; `click.echo` prints what is said already."""
    if ast.unparse(call.func) == "click.echo":
        return ""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
