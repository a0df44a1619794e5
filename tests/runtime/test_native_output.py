"""What native libraries write past Python while they are loaded."""

import os

import pytest

from hilum.runtime.native_output import without_remarks


def test_remarks_on_processors_do_not_reach_the_terminal(capfd):
    """What ONNX Runtime prints of an unknown one; everything else does, in its order."""
    with without_remarks():
        os.write(2, b"before\nError in cpuinfo: failed to parse the list of possible processors\n")
        os.write(2, b"onnxruntime cpuid_info warning: Unknown CPU vendor. cpuinfo_vendor: 0\n")
        os.write(2, b"unknown Qualcomm CPU part 0x1 ignored\nafter\n")
    os.write(2, b"later\n")

    assert "before\nafter\nlater\n" == capfd.readouterr().err


def test_what_was_said_before_a_failure_is_shown(capfd):
    """A library that cannot be loaded says why."""

    def load() -> None:
        with without_remarks():
            os.write(2, b"libc is too old\n")
            raise ImportError

    with pytest.raises(ImportError):
        load()

    assert "libc is too old\n" == capfd.readouterr().err
