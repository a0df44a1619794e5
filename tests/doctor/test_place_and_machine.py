"""The machine and the data folder, with each fault made real."""

import os
from pathlib import Path

import pytest

from doctor_tools import look, worst
from hilum.doctor import data_folder, machine
from hilum.doctor.check import CheckResult, Level

SOMEBODY_ELSE = 12345
"""A user who is not here."""


def test_versions_name_every_library(make):
    """One line holds all that a helpdesk asks for first."""
    (found,) = look(machine.versions, make())

    assert Level.OK is found.level
    assert all(f"{name} " in found.what for name in ("hilum", "Python", *machine.LIBRARIES))


def test_missing_library_is_a_problem(make, monkeypatch):
    """It is named."""
    monkeypatch.setattr(machine, "LIBRARIES", ("numpy", "no-such-library-of-hilum"))

    assert "not installed: no-such-library-of-hilum" == worst(look(machine.versions, make())).what


def test_engine_for_gpus_stands_for_the_one_for_cpus(make, monkeypatch):
    """They cannot be installed together: the other one is not missing."""
    monkeypatch.setattr(machine, "engine_wheels", lambda: {"onnxruntime-gpu": "1.31.1"})
    (found,) = look(machine.versions, make())

    assert "onnxruntime-gpu 1.31.1" in found.what


@pytest.mark.parametrize(
    ("engines", "said"),
    [
        ({}, "not installed: onnxruntime"),
        ({"onnxruntime": "1", "onnxruntime-gpu": "1"}, "each overwrote files of the other"),
    ],
)
def test_no_engine_and_both_are_problems(make, monkeypatch, engines, said):
    """With what to do."""
    monkeypatch.setattr(machine, "engine_wheels", lambda: engines)

    assert said in worst(look(machine.versions, make())).what


def test_little_memory_is_a_warning(make, monkeypatch, tmp_path):
    """A container's limit counts, not what its host has."""
    limit = tmp_path / "memory.max"
    limit.write_text(f"{1 << 30}\n")
    monkeypatch.setattr(machine, "MEMORY_LIMITS", (limit, tmp_path / "missing"))
    (found,) = look(machine.size, make())
    limit.write_text("max\n")
    (enough,) = look(machine.size, make())

    assert Level.WARNING is found.level
    assert "1.0 GiB" in found.what
    assert Level.OK is enough.level or "GiB" in enough.what


@pytest.mark.parametrize(("first", "level"), [(2026, Level.OK), (2099, Level.PROBLEM)])
def test_clock_of_another_time_is_a_problem(make, monkeypatch, first, level):
    """A machine that lost its clock's battery begins before hilum was made."""
    monkeypatch.setattr(machine, "FIRST_YEAR", first)

    assert level is look(machine.clock, make())[0].level


@pytest.mark.parametrize(
    ("zone", "said"), [("America/Sao_Paulo", "America/Sao_Paulo"), (":UTC", "UTC")]
)
def test_time_zone_is_named(make, monkeypatch, zone, said):
    """Reports are dated in it."""
    monkeypatch.setenv("TZ", zone)

    assert look(machine.clock, make())[0].what.endswith(f"time zone {said}")


def folder_found(make, folder: Path) -> CheckResult:
    settings = make().model_copy(update={"data_folder": folder})
    (found,) = look(data_folder.data_folder, settings)
    return found


def test_own_folder_is_fine(make, folder):
    """So is one that the first start will make."""
    assert Level.OK is folder_found(make, folder).level
    assert "the first start creates it" in folder_found(make, folder / "new" / "er").what


def test_folder_that_others_enter_is_a_warning(make, folder):
    """Images and passwords lie there."""
    folder.chmod(0o755)
    found = folder_found(make, folder)

    assert (Level.WARNING, f"Run chmod 700 {folder}.") == (found.level, found.remedy)


def test_folder_of_somebody_else_is_a_problem(make, folder):
    """With the name of whose it is, or the number of a user whom nobody knows."""
    if os.geteuid() == 0:
        os.chown(folder, SOMEBODY_ELSE, -1)
        found, whose = folder_found(make, folder), f"user {SOMEBODY_ELSE}"
    else:
        found, whose = folder_found(make, Path("/usr")), "root"

    assert Level.PROBLEM is found.level
    assert f"belongs to {whose}" in found.what


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/proc/self", "/proc/self cannot be written"),
        ("/proc/nothing", "/proc cannot be written"),
        ("/dev/null", "is not a folder"),
    ],
)
def test_folder_that_cannot_be_used_is_a_problem(make, path, said):
    """A file system without room for files, and a file where a folder should be."""
    found = folder_found(make, Path(path))

    assert Level.PROBLEM is found.level
    assert said in found.what


@pytest.mark.parametrize(
    ("share", "level"), [(0.0, Level.OK), (0.7, Level.WARNING), (1.5, Level.PROBLEM)]
)
def test_disk_is_judged_by_where_the_node_pauses(make, folder, share, level):
    """Below it the node has stopped, near it that is soon."""
    stats = os.statvfs(folder)
    least = int(share * stats.f_bavail * stats.f_frsize)
    (found,) = look(data_folder.disk, make(node={"min_free_bytes": least}))

    assert level is found.level
    assert "GiB free" in found.what


def test_password_that_others_read_is_a_problem(make, folder):
    """Its mode is said, and the command that mends it."""
    file = folder / "credentials.json"
    file.write_text("{}")
    file.chmod(0o644)
    (open_,) = look(data_folder.password_file, make())
    file.chmod(0o600)
    (closed,) = look(data_folder.password_file, make())

    assert (Level.PROBLEM, f"Run chmod 600 {file}.") == (open_.level, open_.remedy)
    assert (Level.OK, f"{file} has mode 600") == (closed.level, closed.what)


@pytest.mark.parametrize("pacs", [{}, {"url": "http://127.0.0.1:8042"}])
def test_password_that_is_not_there_is_fine(make, pacs):
    """The first start makes it, and a PACS of the settings needs none."""
    assert Level.OK is look(data_folder.password_file, make(pacs=pacs))[0].level
