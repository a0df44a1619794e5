"""How many cores a process may use: those of its affinity, and of its control groups' quotas."""

import os
from pathlib import Path

import pytest

from hilum.runtime.cores import core_count, quota

V1 = "4:memory:/docker/a1\n3:cpu,cpuacct:/docker/a1\n1:name=systemd:/docker/a1\n0::/\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return what stands for /sys/fs/cgroup."""
    return tmp_path / "cgroup"


def asked(root: Path, own: str, files: dict[str, str]) -> int | None:
    """Return the quota of a process whose /proc/self/cgroup is `own`."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    said = root.with_name("own")
    said.write_text(own)
    return quota(root, said)


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "5000 100000\n"}, 1),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "300000 100000\n"}, 3),
        ("0::/a/b\n", {"a/b/cpu.max": "200000 100000\n", "a/cpu.max": "800000 100000\n"}, 2),
        ("0::/../of/the/host\n", {"cpu.max": "400000 100000\n"}, 4),
        (V1, {"cpu/cpu.cfs_quota_us": "250000\n", "cpu/cpu.cfs_period_us": "50000\n"}, 5),
        (V1, {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        (
            V1,
            {
                "cpu.max": "max 100000\n",
                "cpu,cpuacct/docker/a1/cpu.cfs_quota_us": "100000\n",
                "cpu,cpuacct/docker/a1/cpu.cfs_period_us": "100000\n",
            },
            1,
        ),
        ("0::/\n", {"unified/cpu.max": "600000 100000\n"}, 6),
    ],
    ids=[
        *("two", "none", "no file", "rounded up", "less than one", "of the group around"),
        *("the narrower of two", "of another namespace", "version 1", "version 1, none"),
        *("both versions", "hybrid"),
    ],
)
def test_quota_of_the_control_groups_counts(
    root: Path, own: str, files: dict[str, str], expected: int | None
):
    """A container, a pod or a service may have fewer cores than it sees."""
    assert expected == asked(root, own, files)


@pytest.mark.parametrize("text", ["", "nonsense", "1", "100000 0\n", "0 100000\n"])
def test_what_cannot_be_read_limits_nothing(root: Path, text: str):
    """A kernel that writes something else is not worth a failed start."""
    assert asked(root, "0::/\nnonsense\n", {"cpu.max": text}) is None


def test_missing_control_groups_limit_nothing(tmp_path: Path):
    """Another system has none."""
    assert quota(tmp_path, tmp_path / "missing") is None


def test_affinity_limits_too(monkeypatch: pytest.MonkeyPatch):
    """Where a process is bound to cores it has no more than these."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)

    assert core_count() == 1
