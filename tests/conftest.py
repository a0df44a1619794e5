"""Fixtures that all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import data_store
import pytest
from pydicom import Dataset

from databases import (
    connection,
    database,
    database_address,
    postgresql_copy,
    postgresql_template,
    sqlite,
    sqlite_address,
    sqlite_copy,
)
from orthanc_server import OrthancServer, running_orthanc
from postgresql_server import postgresql, postgresql_server
from process_tools import without_environment
from radiographs import dicom_file, make_radiograph
from reference_environment import reference_python

__all__ = [  # fixtures
    "connection",
    "database",
    "database_address",
    "postgresql",
    "postgresql_copy",
    "postgresql_server",
    "postgresql_template",
    "sqlite",
    "sqlite_address",
    "sqlite_copy",
]

os.environ["LANGUAGE"] = "en"  # whatever the terminal of whoever runs the tests speaks
os.environ["PATH"] = without_environment(os.environ["PATH"])

PYDICOM_DATA = Path(data_store.__file__).parent / "data"


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrthancServer]:
    """Return a real Orthanc, one for all tests of this run; see `empty_orthanc`."""
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


@pytest.fixture
def empty_orthanc(orthanc: OrthancServer) -> OrthancServer:
    """Return that Orthanc without any study, and with an empty changes feed."""
    orthanc.clear()
    return orthanc


@pytest.fixture
def radiograph() -> Dataset:
    """Return a small generated chest radiograph: Digital X-Ray, PA, with new UIDs."""
    return make_radiograph()


@pytest.fixture
def radiograph_file(tmp_path: Path, radiograph: Dataset) -> Path:
    """Return the path of `radiograph` as a DICOM file."""
    path = tmp_path / "radiograph.dcm"
    path.write_bytes(dicom_file(radiograph))
    return path


def real_file(name: str) -> Path:
    """Return the path of a real image of the package pydicom-data."""
    found = list(PYDICOM_DATA.rglob(name))
    assert found, f"this pydicom-data has no {name}"
    return found[0]


@pytest.fixture(scope="session")
def chest_path() -> Path:
    """Return a real chest radiograph: CR, 1955×1841, 15 bits, uncompressed (RG1)."""
    return real_file("RG1_UNCR.dcm")


@pytest.fixture(scope="session")
def chest_lossless_path() -> Path:
    """Return the same radiograph as lossless JPEG 2000 (RG1)."""
    return real_file("RG1_J2KR.dcm")


@pytest.fixture(scope="session")
def chest_lossy_path() -> Path:
    """Return the same radiograph as lossy JPEG 2000 (RG1)."""
    return real_file("RG1_J2KI.dcm")


@pytest.fixture(scope="session")
def leg_path() -> Path:
    """Return a real radiograph of a leg (RG3)."""
    return real_file("RG3_UNCR.dcm")


@pytest.fixture(scope="session")
def ct_path() -> Path:
    """Return a real CT image (693)."""
    return real_file("693_UNCR.dcm")


@pytest.fixture(scope="session")
def mr_path() -> Path:
    """Return a real MR image (MR2)."""
    return real_file("MR2_UNCR.dcm")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which outputs of TorchXRayVision the parity tests compared with."""
    live = reference_python() is not None
    which = "live, in its own environment" if live else "committed golden outputs"
    terminalreporter.write_line(f"TorchXRayVision reference of the parity tests: {which}")
