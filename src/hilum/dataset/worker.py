"""What a worker of a dataset run does, on this machine or as a Dask worker: one shard at a time.

A worker has one process and one thread, and keeps its model. A source that takes too long
ends the process, as one that crashes it does: who gave the shard then finds out which.
"""

import warnings
from dataclasses import astuple, dataclass, replace
from functools import partial
from io import BytesIO
from multiprocessing.connection import Connection
from typing import Final

from hilum import __version__
from hilum.dataset import schema
from hilum.dataset.batch import read_with_header
from hilum.dataset.parts import DatasetRun
from hilum.dataset.record import Row, of_run, row_of
from hilum.dataset.shards import Shard
from hilum.errors import HilumError, WorkerDiffers
from hilum.files.candidate import Candidate
from hilum.files.remote import RemoteObject
from hilum.pipeline import PipelineContext, open_pipeline
from hilum.runtime.memory import keep_freed_memory, release_freed_memory
from hilum.runtime.worker_process import become_worker, ended_after
from hilum.settings import Settings

SECTIONS: Final = ("pixels", "gate")
"""Sections of the settings that decide over results, whole."""


@dataclass(slots=True)
class WorkerState:
    """What this process keeps between shards; empty in every other process."""

    asked: bytes = b""
    """Description of the run that it is ready for."""
    context: PipelineContext | None = None


WORKER: Final = WorkerState()


def run_of(context: PipelineContext) -> DatasetRun:
    """Return what tells the results of this model and these settings from all others."""
    settings, model = context.settings, context.model
    about = {
        "schema": schema.name(),
        "hilum": __version__,
        **of_run(model.identity, settings.pixels.pipeline),
        "operating_points": dict(model.operating_points),
        "points_setting": settings.model.operating_points,
        "curves": {label: [*map(str, astuple(each))] for label, each in model.curves.items()},
        "language": settings.report.model_dump(mode="json")["language"],
        "character_set": settings.pacs.model_dump(mode="json")["default_character_set"],
        **{name: getattr(settings, name).model_dump(mode="json") for name in SECTIONS},
    }
    return DatasetRun(tuple(model.labels), about)


def settings_for(run: DatasetRun) -> Settings:
    """Return this machine's settings with what a run asks for.

    Raises
    ------
    SettingInvalid
        This machine's settings cannot be used.
    """
    about = run.about
    settings = Settings.load().changed(
        "model", name=about["model"], operating_points=about["points_setting"], threads=1
    )
    settings = settings.changed("report", language=about["language"])
    settings = settings.changed("pacs", default_character_set=about["character_set"])
    for name in SECTIONS:
        settings = settings.changed(name, **about[name])
    return settings


def ready(asked: bytes) -> PipelineContext:
    """Load the model of a run, unless it is loaded.

    Parameters
    ----------
    asked
        Description of the run; see `DatasetRun.metadata`.

    Raises
    ------
    WorkerDiffers
        This hilum, these weights or these settings would give other results.
    ModelError
        The model is not here, or cannot be used.
    """
    if WORKER.context is None or WORKER.asked != asked:
        warnings.filterwarnings("ignore", module=r"(pydicom|highdicom)\.")
        wanted = DatasetRun.of_metadata(asked)
        context = open_pipeline(settings_for(wanted))
        differing = run_of(context).differs_in(wanted)
        if differing:
            raise WorkerDiffers(
                "A worker would not give the same results as this machine: {names} differ.",
                "Install the same hilum, model and settings on every machine.",
                names=", ".join(differing),
            )
        release_freed_memory()
        keep_freed_memory()
        WORKER.context, WORKER.asked = context, asked
    return WORKER.context


def read_shard(packed: bytes, asked: bytes) -> list[Row]:
    """Read the sources of a shard; return their rows.

    Raises
    ------
    WorkerDiffers, ModelError
        See `ready`.
    StoreUnavailable
        An object store does not answer, or not now.
    """
    context = ready(asked)
    about = of_run(context.model.identity, context.settings.pixels.pipeline)
    rows = []
    for candidate in Shard(packed, 0).candidates():
        with ended_after(context.settings.node.inference_timeout_s):
            outcome, header = read_with_header(fetched(candidate), context)
            reading = outcome.reading
            if reading is not None:
                header = reading.radiograph.header
            rows.append(row_of(outcome, header, about))
    return rows


def fetched(candidate: Candidate) -> Candidate:
    """Return a candidate of an object store with its bytes: each request takes its time."""
    if not isinstance(candidate.opener, RemoteObject):
        return candidate
    try:
        with candidate.opener() as stream:
            content = stream.read()
    except HilumError as exc:
        if exc.retryable:
            raise
        return candidate  # says again why it cannot be read
    return replace(candidate, opener=partial(BytesIO, content))


def serve(connection: Connection, asked: bytes) -> None:
    """Be a worker of this machine: say that it is ready, then answer each shard until the end."""
    become_worker(memory_bytes=Settings.load().node.inference_memory_bytes)
    try:
        ready(asked)
        connection.send(None)
        while True:
            connection.send(read_shard(connection.recv_bytes(), asked))
    except HilumError as exc:
        connection.send(exc)
    except (EOFError, BrokenPipeError):  # whoever gave the work has ended
        return
