"""What a worker process writes on standard error: events, and nothing of a patient."""

import subprocess
import sys
from pathlib import Path

import pytest

from radiographs import dicom_file, make_radiograph

PATIENT = "Somebody^Special"

PROGRAM = """
import logging
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from hilum.telemetry import logs
from hilum.node.inference_pool import InferencePool
from hilum.runtime.waits import wait_until
from hilum.settings import Settings

def complain(patient):
    warnings.warn(f"Invalid value {patient}")
    logging.getLogger("pydicom").warning(f"Invalid value {patient}")
    logging.getLogger("another").error("Invalid value %s", patient)

if __name__ == "__main__":
    folder, file, patient = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    logs.write_to_standard_error()
    settings = Settings.load(data_folder=folder).changed("model", name="demonstration")
    one = settings.changed("node", inference_workers=1)
    with InferencePool(one, in_demonstration=True) as pool:
        answer = pool.read(file.read_bytes(), [], datetime(2024, 1, 2, tzinfo=UTC))
        pool._workers[0].call(30, complain, patient)
        wait_until(lambda: len(logs.recent_lines()) == 3, timeout_s=30, every_s=0.01)
    print(answer.status, *logs.recent_lines(), sep="\\n")
"""


@pytest.mark.filterwarnings("ignore:Invalid value for VR", "ignore:The .* length of")
def test_worker_writes_nothing_of_a_patient(tmp_path: Path):
    """A value that breaks the standard is quoted by pydicom's warnings, in that process too."""
    radiograph = make_radiograph()
    for keyword in ("PatientBirthDate", "StudyDate", "StudyTime", "PatientSex", "PatientAge"):
        setattr(radiograph, keyword, PATIENT)
    radiograph.PatientName = PATIENT * 8
    file, program = tmp_path / "odd.dcm", tmp_path / "program.py"
    file.write_bytes(dicom_file(radiograph))
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "data"), str(file), PATIENT],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    said, *shown = done.stdout.splitlines()
    assert (0, "read") == (done.returncode, said), done.stderr
    # the node has each line too, for its page
    assert [line for line, _, _ in (each.rpartition(" process=") for each in shown)] == [
        each
        for each in done.stderr.splitlines()
        if "python.warned" in each or "library.said" in each
    ]
    assert {"python.warned": 1, "library.said": 2} == {
        event: done.stderr.count(event) for event in ("python.warned", "library.said")
    }
    assert "Special" not in done.stdout + done.stderr
    assert "Somebody" not in done.stdout + done.stderr
