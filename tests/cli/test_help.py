"""``hilum version`` and ``--help``: what a person reads before anything is read."""

from click.testing import CliRunner

from hilum import RESEARCH_USE_ONLY, __version__
from hilum.cli.main import main


def test_version_names_hilum_and_what_it_is_made_of():
    """The command of the documentation and the option of custom say the same number."""
    said = CliRunner().invoke(main, ["version"])

    assert 0 == said.exit_code
    assert f"hilum {__version__}" == said.output.splitlines()[0]
    assert "onnxruntime" in said.output
    assert RESEARCH_USE_ONLY == said.output.splitlines()[-1]
    assert __version__ in CliRunner().invoke(main, ["--version"]).output


def test_help_keeps_its_paragraphs():
    """What must not be wrapped is shown as it is written, without the mark for it."""
    said = CliRunner().invoke(main, ["models", "add", "--help"]).output

    assert "\\b" not in said
    assert "\n  hilum models add CARD.toml --onnx FILE\n" in said
