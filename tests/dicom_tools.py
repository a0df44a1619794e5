"""The validators that others wrote, run on our files."""

import subprocess
from pathlib import Path

from pydicom import Dataset

from hilum.encode import to_bytes


def dciodvfy_errors(result: Dataset, folder: Path) -> list[str]:
    """Return what dicom3tools' validator calls an error in `result`."""
    path = folder / "validated.dcm"
    path.write_bytes(to_bytes(result))
    done = subprocess.run(
        ["dciodvfy", "-new", str(path)], capture_output=True, check=False, encoding="latin-1"
    )
    said = done.stdout + done.stderr
    assert said, "dciodvfy said nothing, not even the IOD"
    return [line for line in said.splitlines() if line.startswith("Error")]
