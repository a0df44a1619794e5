"""docs/threat-model.md names tests: they exist, so the page promises nothing that is gone."""

import re
from pathlib import Path

from hilum.files import elements
from hilum.pixels.codestream import MOST_FRAGMENTS
from hilum.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")


def named() -> list[tuple[str, str]]:
    """Return file and function of every test that the page names; ``::name`` goes on in a file."""
    found, file = [], ""
    for first, function in re.findall(r"`(tests/[\w/.]+)?(?:::(\w+))?`", PAGE):
        file = first or file
        if first or function:
            found.append((file, function))
    return found


def test_tests_of_the_threat_model_exist():
    """A test that is renamed or deleted takes its line of the page with it."""
    missing = [
        f"{file}::{function}"
        for file, function in named()
        if not (ROOT / file).is_file() or f"def {function}" not in (ROOT / file).read_text()
    ]

    assert [] == missing
    assert 20 < len(named())


def test_settings_of_the_threat_model_exist():
    """So does each setting."""
    sections = "pacs|node|page|pixels"
    names = re.findall(rf"`({sections})\.(\w+)`", PAGE)

    assert names
    for section, name in names:
        assert name in type(getattr(Settings.load(), section)).model_fields, name


def test_limits_of_the_threat_model_are_the_codes():
    """The numbers are those that are kept."""
    for limit in (elements.MAX_ELEMENTS, MOST_FRAGMENTS):
        assert f"{limit:,}" in PAGE
    assert f"{elements.MAX_NESTING} levels" in PAGE
