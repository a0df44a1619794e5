"""The tests that meet other programs, once more in the versions of Debian 13.

The suite itself runs on Debian 12: Python 3.11, Orthanc 1.10.1, PostgreSQL 15.
"""

from pathlib import Path
from typing import Final

import pytest

from containers.product import ROOT, Engine

pytestmark = [pytest.mark.containers, pytest.mark.timeout(3600)]

IMAGE: Final = "hilum-test-newer"

THIN: Final = (
    "tests/pacs",
    "tests/records",
    "tests/jobs",
    "tests/node",
    "tests/acceptance/test_worker.py",
)
"""What meets Orthanc and PostgreSQL, and starts processes and threads of Python."""


@pytest.fixture(scope="module")
def newer(engine: Engine) -> str:
    """Return the name of the image with the newer versions."""
    recipe = Path(__file__).with_name("newer.Dockerfile")
    return engine.build(IMAGE, "--network=host", "--file", str(recipe), str(ROOT))


def test_thin_suite_passes_on_newer_versions(engine, newer):
    """Nothing fails; what is skipped for want of a program is not among it."""
    run = ("run", "--rm", "--init", f"--volume={ROOT}:/source:ro", "--tmpfs=/tmp:exec", newer)
    engine.done(*run, *THIN, timeout_s=3600)
