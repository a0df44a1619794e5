"""``hilum version`` and ``--help``: what a person reads before anything is read."""

import json
from importlib.metadata import PackageNotFoundError

import pytest
from click.testing import CliRunner

from hilum import RESEARCH_USE_ONLY, __version__
from hilum.cli.main import main
from hilum.constancy import made_with
from hilum.runtime import engine_wheels


def test_version_names_hilum_and_what_it_is_made_of():
    """The command of the documentation and the option of custom say the same number."""
    said = CliRunner().invoke(main, ["version"])

    assert 0 == said.exit_code
    assert f"hilum {__version__}" == said.output.splitlines()[0]
    assert "onnxruntime" in said.output
    assert RESEARCH_USE_ONLY == said.output.splitlines()[-1]
    assert __version__ in CliRunner().invoke(main, ["--version"]).output


def test_version_knows_the_engine_for_gpus(monkeypatch):
    """As the daily check does: only one of the two can be installed."""
    monkeypatch.setattr(engine_wheels, "version", gpu_alone)

    assert "onnxruntime-gpu 1.31.1" in CliRunner().invoke(main, ["version"]).output
    assert "1.31.1" == made_with()["onnxruntime-gpu"]


def gpu_alone(name: str) -> str:
    """Return a version where the engine for CPUs is not installed."""
    if name == "onnxruntime":
        raise PackageNotFoundError(name)
    return "1.31.1"


def test_help_keeps_its_paragraphs():
    """What must not be wrapped is shown as it is written, without the mark for it."""
    said = CliRunner().invoke(main, ["models", "add", "--help"]).output

    assert "\\b" not in said
    assert "\n  hilum models add CARD.toml --onnx FILE\n" in said


def test_help_speaks_the_language_of_the_terminal():
    """All of it, and the next time English again."""
    runner = CliRunner()
    portuguese = runner.invoke(main, ["read", "--help"], env={"LANGUAGE": "pt_BR"}).output
    listed = runner.invoke(main, ["--help"], env={"LANGUAGE": "es"}).output
    english = runner.invoke(main, ["read", "--help"]).output

    assert "Um escore não é uma probabilidade." in " ".join(portuguese.split())
    assert "Mostra esta mensagem e sai." in portuguese
    assert "Comprueba la instalación y dice qué hacer." in listed
    assert "Solo para investigación." in listed
    assert "A score is not a probability." in english


@pytest.mark.parametrize(
    ("language", "said"), [("pt_BR", "não existe. Confira o caminho."), ("es", "no existe.")]
)
def test_errors_speak_the_language_of_the_terminal(language: str, said: str):
    """With the remedy."""
    done = CliRunner().invoke(main, ["read", "nowhere.dcm"], env={"LANGUAGE": language})

    assert said in done.stderr


def test_json_stays_english_whatever_the_terminal_speaks():
    """Keys, codes and texts: it is read by programs."""
    done = CliRunner().invoke(main, ["doctor", "--json"], env={"LANGUAGE": "pt_BR"})

    assert {"settings", "versions"} <= {each["check"] for each in json.loads(done.stdout)["checks"]}


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ("bash", {"COMP_WORDS": "hilum jobs list --state re", "COMP_CWORD": "4"}),
        ("zsh", {"COMP_WORDS": "hilum jobs list --state re", "COMP_CWORD": "4"}),
        ("fish", {"COMP_WORDS": "hilum jobs list --state re", "COMP_CWORD": "re"}),
    ],
)
def test_shells_complete_commands_and_values(shell: str, words: dict[str, str]):
    """By the script that `hilum` prints for each of them (docs/node.md)."""
    runner = CliRunner()
    script = runner.invoke(main, env={"_HILUM_COMPLETE": f"{shell}_source"}, prog_name="hilum")
    offered = runner.invoke(
        main, env={"_HILUM_COMPLETE": f"{shell}_complete", **words}, prog_name="hilum"
    ).output

    assert f"_HILUM_COMPLETE={shell}_complete" in script.output
    assert {"reading", "refused"} <= set(offered.replace(",", "\n").split())
    assert "stored" not in offered
