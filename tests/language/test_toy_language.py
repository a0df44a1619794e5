"""A new language is one file: a toy of it is chosen, spoken and written into results."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from messages import SOURCE

CATALOGUE = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Mass"
msgstr "Maso"

msgid "AI regions: none"
msgstr "AI: neniu zono ĉi tie"

msgid "Check the path."
msgstr "Kontrolu la vojon."
"""

PROGRAM = """
import json
from hilum.language import LANGUAGES, Language, accepted, of_environment
from hilum.settings import ReportSettings
from hilum.web.pages import environment
from hilum.wording import finding_name

toy = ReportSettings(language="eo").language
print(json.dumps({
    "known": toy in LANGUAGES,
    "own": toy.own_name,
    "in English": toy.english_name,
    "visitor": accepted(None, "eo, en;q=0.5"),
    "terminal": of_environment(),
    "finding": finding_name("Mass", toy),
    "description": toy.say_ascii("AI regions: none"),
    "page": environment(toy).from_string("{{ _('Mass') }}").render(),
    "untranslated": toy.say("Nodule"),
    "number": toy.notated("1234.5"),
}))
"""


@pytest.fixture
def with_toy(tmp_path: Path) -> Path:
    """Return a folder with hilum as it is, and one more catalogue."""
    package = tmp_path / "hilum"
    catalogues = package / "language" / "catalogues"
    catalogues.mkdir(parents=True)
    for below in (SOURCE, SOURCE / "language", SOURCE / "language" / "catalogues"):
        for each in below.iterdir():
            copy = package / each.relative_to(SOURCE)
            if not copy.exists() and each.name != "__pycache__":
                copy.symlink_to(each)
    (catalogues / "eo.po").write_text(CATALOGUE, encoding="utf-8")
    return tmp_path


def test_one_file_is_a_language(with_toy: Path):
    """Everything else follows from it; what it lacks is said in English."""
    environment = {**os.environ, "PYTHONPATH": str(with_toy), "LANGUAGE": "eo"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )

    assert {
        "known": True,
        "own": "Esperanto",
        "in English": "Esperanto",
        "visitor": "eo",
        "terminal": "eo",
        "finding": "Maso",
        "description": "AI: neniu zono ci tie",
        "page": "Maso",
        "untranslated": "Nodule",
        "number": "1234,5",
    } == json.loads(done.stdout)


def test_the_command_line_speaks_it(with_toy: Path):
    """Also its errors."""
    environment = {**os.environ, "PYTHONPATH": str(with_toy), "LANGUAGE": "eo"}
    done = subprocess.run(
        [sys.executable, "-m", "hilum", "read", "nowhere.dcm"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr.endswith("Kontrolu la vojon.\n")
