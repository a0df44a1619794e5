"""``hilum bundle``, and what its script does on a machine without a network."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from hilum import __version__
from hilum.cli import bundle as module
from hilum.cli.main import main
from hilum.errors import WeightsMissing

PROGRAM = """
import os, sys
def main():
    print("hilum", *sys.argv[1:], os.environ.get("HILUM_MODEL__OFFLINE_FOLDER", ""))
"""


def make_wheel(folder: Path, name: str, version: str) -> Path:
    """Write a wheel of one module and one command."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", PROGRAM)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name} = {name}:main\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def bundle(tmp_path, monkeypatch) -> Path:
    """Return a bundle of a small hilum that needs one package; the network has nothing else."""
    library = make_wheel(tmp_path, "library", "1.0")
    locked = tmp_path / "locked.txt"
    digest = hashlib.sha256(library.read_bytes()).hexdigest()
    locked.write_text(f"library==1.0 --hash=sha256:{digest}\n")
    monkeypatch.setattr(module, "LOCKED", (tmp_path / "nowhere", locked))
    for name, value in {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path),
        "PIP_CONFIG_FILE": os.devnull,
        "HILUM_MODEL__OFFLINE_FOLDER": str(tmp_path),
        "HILUM_DATA_FOLDER": str(tmp_path / "data"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(module.Expected, "check", lambda *_: "")
    monkeypatch.setattr(module.Download, "run", unreachable)
    weights = module.find_card("densenet121-res224-all", tmp_path).weights.url
    (tmp_path / weights.rpartition("/")[2]).write_bytes(b"weights")
    folder = tmp_path / "bundle"
    wheel = make_wheel(tmp_path, "hilum", __version__)
    done = CliRunner().invoke(main, ["bundle", str(folder), "--wheel", str(wheel)])
    assert 0 == done.exit_code, done.output
    assert "OHIF is not in the bundle: no network" in done.output
    return folder


def unreachable(_: object) -> str:
    raise WeightsMissing("no network", "Wait.")


def install(bundle: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Run the script of a bundle, without a network where this machine lets us."""
    closed = ["unshare", "-n"] if os.geteuid() == 0 and shutil.which("unshare") else []
    return subprocess.run(
        [*closed, "sh", bundle / "install.sh", target],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable, "HOME": str(bundle.parent)},
    )


def test_bundle_installs_without_a_network(bundle, tmp_path):
    """A new environment with the locked packages, hilum and its weights."""
    done = install(bundle, tmp_path / "a place")

    assert 0 == done.returncode, done.stderr
    assert f"hilum models pull {bundle}/weights" in done.stdout
    assert "demo" in done.stdout.splitlines()[-1]
    library = subprocess.run(
        [tmp_path / "a place/bin/library"], capture_output=True, text=True, check=True
    )
    assert library.stdout.startswith("hilum")


def test_bundle_that_was_changed_is_not_installed(bundle, tmp_path):
    """Whatever it is in it."""
    (bundle / "requirements.txt").write_text("")

    assert "requirements.txt" in install(bundle, tmp_path / "target").stdout
    assert not (tmp_path / "target").exists()


def test_bundle_is_not_written_over_another(tmp_path):
    """A folder that is there is left alone."""
    done = CliRunner().invoke(main, ["bundle", str(tmp_path)])

    assert 1 == done.exit_code
    assert "exists already" in done.output


def test_bundle_without_pip_leaves_nothing(tmp_path, monkeypatch):
    """As `uvx hilum` has none: said before a folder is made, with what to do."""
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    done = CliRunner().invoke(main, ["bundle", str(tmp_path / "bundle")])

    assert "uvx --with pip hilum" in done.output
    assert not (tmp_path / "bundle").exists()
