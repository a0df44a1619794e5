"""Who may let the demonstration model read what it is given: `hilum demo`, and no setting."""

import ast
from pathlib import Path

import pytest

from hilum.settings import Settings
from source_tree import MODULES, dotted

NAME = "in_demonstration"

MAY = {"hilum.demo.run"}
"""It works in an archive that is thrown away."""


def given(source: str) -> set[str]:
    """Return every value that a source gives to a parameter or attribute of that name."""
    tree = ast.parse(source)
    values = [
        each.value for each in ast.walk(tree) if isinstance(each, ast.keyword) if each.arg == NAME
    ]
    return {ast.unparse(value) for value in values}


def handed_on(value: str) -> bool:
    """Return whether a value is what the caller was given itself."""
    return value.rpartition(".")[2].lstrip("_") == NAME


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_only_the_demonstration_says_so(path: Path):
    """Everybody else hands on what they were told; the default is no."""
    values = given(path.read_text(encoding="utf-8"))
    said = {value for value in values if not handed_on(value)}

    assert said == ({"True"} if dotted(path) in MAY else set())


def test_no_setting_says_so():
    """Neither a file nor an environment variable leads there."""
    assert NAME not in Settings().model_dump_json()


@pytest.mark.parametrize(
    "offence", ["started(s, in_demonstration=True)", "InferencePool(s, in_demonstration=s.demo)"]
)
def test_offences_would_be_seen(offence: str):
    """The test above is about something."""
    assert not all(handed_on(value) for value in given(offence))
