"""Runs all checks at the same time; one that fails takes no other with it."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from hilum.doctor import constancy, data_folder, machine, model, node, outside, pacs, records
from hilum.doctor.check import Check, CheckResult, ok, problem
from hilum.errors import HilumError
from hilum.language import Message
from hilum.settings import Settings, default_settings_file

CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    (Message("versions"), machine.versions),
    (Message("machine"), machine.size),
    (Message("clock"), machine.clock),
    (Message("data folder"), data_folder.data_folder),
    (Message("disk"), data_folder.disk),
    (Message("password file"), data_folder.password_file),
    (Message("Orthanc program"), pacs.program),
    (Message("ports"), node.ports),
    (Message("PACS"), pacs.rest),
    (Message("DICOM port"), pacs.dicom),
    (Message("other PACS"), outside.other_pacs),
    (Message("receivers"), outside.receivers),
    (Message("ONNX Runtime"), model.runtime),
    (Message("model"), model.usable),
    (Message("database"), records.database),
    (Message("images"), records.images),
    (Message("workers"), records.workers),
    (Message("self-test"), constancy.self_test),
    (Message("drift"), constancy.drift),
    (Message("node"), node.heartbeat),
    (Message("viewer"), node.ohif),
    (Message("traces"), node.traces),
    (Message("audit repository"), records.audit_repository),
    (Message("second factors"), records.second_factors),
)
"""Name → what looks, in the order in which a person would ask."""

WITHOUT_SETTINGS: Final = frozenset({"versions", "machine", "ONNX Runtime"})
"""Checks that can run even when the settings are invalid."""

AT_ONCE: Final = 8
"""Most checks wait for a server; together they take as long as the slowest."""


@dataclass(frozen=True, slots=True)
class NamedResult:
    """What one check found."""

    name: str
    finding: CheckResult


def run_checks() -> Iterator[NamedResult]:
    """Run all checks and yield their results in a fixed order, the settings first."""
    settings, about = _settings()
    yield NamedResult(Message("settings"), about)
    checks = [each for each in CHECKS if settings is not None or each[0] in WITHOUT_SETTINGS]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="doctor") as threads:
        looking = [
            (name, threads.submit(_look, check, settings or Settings.model_construct()))
            for name, check in checks
        ]
        for name, future in looking:
            yield from (NamedResult(name, finding) for finding in _findings(name, future))


def _settings() -> tuple[Settings | None, CheckResult]:
    file = default_settings_file()
    try:
        settings = Settings.load()
    except HilumError as exc:
        return None, problem(
            Message.clause(exc.problem),
            "{remedy} Nothing that depends on settings was checked.",
            remedy=exc.remedy,
        )
    if file.is_file():
        return settings, ok("{file} is valid", file=file)
    return settings, ok("no file {file}: defaults and environment", file=file)


def _look(check: Check, settings: Settings) -> list[CheckResult]:
    return list(check(settings))


def _findings(name: str, future: "Future[list[CheckResult]]") -> Iterable[CheckResult]:
    """Return what a check found; an error of its own is a finding, too."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, HilumError):
        return [problem(Message.clause(error.problem), error.remedy)]
    kind = type(error).__name__  # its text may quote anything
    return [
        problem(
            "{name} could not be checked ({kind})",
            "Please report this line.",
            name=name,
            kind=kind,
        )
    ]
