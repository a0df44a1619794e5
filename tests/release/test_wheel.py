"""What people install: the wheel and the sdist, tried outside of the repository."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hilum import __version__
from source_tree import SOURCE

ROOT = SOURCE.parents[1]


def build(root: Path, target: str, folder: Path, mask: int) -> Path:
    """Build a wheel or an sdist of a source tree, and return it."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", folder],
        cwd=root,
        check=True,
        capture_output=True,
        umask=mask,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1790000000"},
    )
    (built,) = folder.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"), 0o022)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """Return a folder with the wheel's files, and nothing else of the repository."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def hilum(installed, tmp_path):
    """Return what runs the wheel's command with an empty home, in an empty folder."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "home").mkdir(exist_ok=True)
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "hilum", *arguments],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path / "home"),
                "PYTHONPATH": str(installed),
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_same_commit_is_the_same_wheel(wheel, tmp_path):
    """Built once more from the sdist, elsewhere and under another umask: byte for byte."""
    sdist = build(ROOT, "sdist", tmp_path / "sdist", 0o077)
    shutil.unpack_archive(sdist, tmp_path, filter="data")
    again = build(tmp_path / f"hilum-{__version__}", "wheel", tmp_path / "again", 0o077)

    assert again.name == wheel.name
    assert again.read_bytes() == wheel.read_bytes()


def files_in(folder: Path) -> set[str]:
    """Return the files of the package below a folder, without what Python compiled."""
    found = (path for path in (folder / "hilum").rglob("*") if path.is_file())
    return {str(path.relative_to(folder)) for path in found if path.suffix != ".pyc"}


def test_wheel_has_every_file_of_the_source(installed):
    """Templates, catalogues, styles, migrations, model cards; and the locked requirements."""
    source = files_in(SOURCE.parent)
    there = files_in(installed)

    assert source | {"hilum/cli/requirements.txt"} == there


def test_wheel_names_its_command_and_its_licence(installed):
    """What an installer reads."""
    (info,) = installed.glob("hilum-*.dist-info")

    assert "hilum = hilum.cli:main" in (info / "entry_points.txt").read_text()
    assert (info / "licenses" / "LICENSE").exists()


def test_help_works(hilum, installed):
    """The command line is that of the wheel."""
    said = hilum("--help")
    where = hilum("version")

    assert (0, "") == (said.returncode, said.stderr)
    assert "bundle" in said.stdout
    assert __version__ in where.stdout
    assert list(installed.rglob("cli/__pycache__/main.*.pyc"))


@pytest.mark.orthanc
def test_demonstration_works_as_uvx_starts_it(hilum, installed, tmp_path):
    """Without the extra, home, network and checkout: on phantoms, and it says so."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['data_store'] = None")
    paths = f"{installed}:{tmp_path}"
    done = hilum("demo", HILUM_MODEL__MIRROR="http://127.0.0.1:9/", PYTHONPATH=paths)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "Phantoms only" in done.stdout
    assert (tmp_path / "demo" / "index.html").exists()
