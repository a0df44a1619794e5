"""hilum for arm64, emulated, beside hilum for amd64."""

import json
import logging
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from containers.product import NODE, ROOT, Engine

pytestmark = [pytest.mark.containers, pytest.mark.timeout(3600)]

log = logging.getLogger(__name__)

IMAGE: Final = "hilum-test-arm64"


@pytest.fixture(scope="module")
def arm64(engine: Engine) -> str:
    """Return the name of the image with arm64's programs."""
    recipe = Path(__file__).with_name("arm64.Dockerfile")
    return engine.build(IMAGE, "--network=host", "--file", str(recipe), str(ROOT))


def hilum(engine: Engine, image: str, folder: Path, *arguments: str) -> None:
    """Run a command of the image's hilum, with a folder to write to and without a network."""
    options = ("--rm", "--network=none", "--user=0:0", f"--volume={folder}:/work")
    engine.done("run", *options, image, *arguments, timeout_s=1800)


@pytest.fixture
def phantom(engine: Engine, tmp_path: Path) -> Path:
    """Return a folder with a phantom in it."""
    hilum(engine, NODE, tmp_path, "phantom", "/work", "--count", "1")
    return tmp_path


def reading(engine: Engine, image: str, folder: Path) -> dict[str, Any]:
    """Return what the image's hilum says of the phantom in a folder."""
    document = ("--model", "demonstration", "--json", "/work/said.json")
    hilum(engine, image, folder, "read", "/work/phantom-1.dcm", *document)
    said = folder / "said.json"
    (found,) = json.loads(said.read_text())["readings"]
    said.unlink()
    return found


def test_arm64_reads_as_amd64_does(engine, arm64, phantom):
    """The same findings, with scores no more than 1e-5 apart."""
    here = reading(engine, NODE, phantom)
    there = reading(engine, arm64, phantom)

    assert [each["label"] for each in here["findings"]] == [f["label"] for f in there["findings"]]
    for name in ("raw", "score"):
        ours, theirs = (np.array([f[name] for f in row["findings"]]) for row in (here, there))
        assert np.abs(ours - theirs).max() <= 1e-5
        log.info("%s: %.1e apart", name, np.abs(ours - theirs).max())


def test_processor_on_which_numpy_is_wrong_reads_nothing(engine, arm64, phantom):
    """The emulator's own has SME, whose kernels in OpenBLAS 0.3.34 are wrong; that is noticed."""
    options = ("--rm", "--network=none", "--env=QEMU_CPU=max", f"--volume={phantom}:/work")
    read = ("read", "/work/phantom-1.dcm", "--model", "demonstration")
    done = engine.done("run", *options, arm64, *read, timeout_s=1800, fails=True)

    assert done.returncode
    assert b"OPENBLAS_CORETYPE" in done.stderr
