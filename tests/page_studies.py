"""Studies for tests of the page: really read by the demonstration model, really in a PACS."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset

from hilum import phantom
from hilum.eligibility import Reason
from hilum.node.process_file import open_pipeline, read_file
from hilum.node.processed import ProcessedImage, withheld
from hilum.node.web_server import PooledStudyTools
from hilum.outcome import Status
from hilum.pipeline import PipelineContext
from hilum.radiograph import FieldOfView, ImageUIDs
from hilum.records import images, limits, readings, studies
from hilum.records.images import Arrived, Settlement
from hilum.records.job import Job
from hilum.records.states import State, Urgency
from hilum.records.stored_reading import StoredReading
from hilum.records.studies import StudyFacts
from hilum.settings import NodeMode, Settings
from hilum.values.ages import age_of
from hilum.web.context import InstalledModel, WebContext
from orthanc_server import OrthancServer
from radiographs import dicom_file
from web_context import open_web_context

STATES = {
    Status.READ: State.STORED,
    Status.REFUSED: State.REFUSED,
    Status.FAILED: State.FAILED,
}


KNOWN_BY = ("InstitutionName", "ReferringPhysicianName")


@dataclass(frozen=True)
class Shown:
    """A study that is on the worklist."""

    study: str
    image: str
    job: Job
    answer: ProcessedImage | None = None

    @property
    def path(self) -> str:
        """Address of its page."""
        return f"/studies/{self.study}"

    @property
    def at(self) -> str:
        """Address of its image."""
        return f"{self.path}/images/{self.image}"


def demonstration(folder: Path) -> Settings:
    """Return settings with the demonstration model, which comes with hilum."""
    return Settings(data_folder=folder).changed("model", name="demonstration")


@contextmanager
def open_demonstration(folder: Path, pacs: OrthancServer, **more: Any) -> Iterator[WebContext]:
    """Yield a web with that model and a real PACS; `more` is what else is at it."""
    settings = demonstration(folder)
    tools = tools_here(settings)
    with open_web_context(
        folder, pacs, settings=settings, models=installed, tools=tools, **more
    ) as web:
        yield web


def tools_here(settings: Settings) -> PooledStudyTools:
    """Return what draws for the page, in this process."""
    return PooledStudyTools(
        settings, lambda function, file, *arguments: function(file, settings, *arguments)
    )


@cache
def demonstration_pipeline() -> PipelineContext:
    """Return the demonstration model as inside `hilum demo`: it may read anything."""
    return open_pipeline(demonstration(Path("/nowhere")), in_demonstration=True)


def installed() -> tuple[InstalledModel, ...]:
    """Return what a node says of that model."""
    model = demonstration_pipeline().model.identity
    facts = {"verified": model.verified, "demonstration": model.demonstration}
    return (
        InstalledModel(
            model.name,
            model.version,
            model.sha256,
            in_use=True,
            installed=True,
            **facts,
            text="Trained on phantoms alone.",
        ),
    )


def chest(seed: int = 3, findings: tuple[str, ...] | None = ("effusion",)) -> Dataset:
    """Return a small phantom."""
    return phantom.make(seed, findings=findings, size=384).dataset


def facts_of(image: Dataset) -> StudyFacts:
    """Return what a node takes from an image."""
    keywords = {
        "patient_name": "PatientName",
        "whole_name": "PatientName",
        "patient_id": "PatientID",
        "issuer": "IssuerOfPatientID",
        "birth_date": "PatientBirthDate",
        "sex": "PatientSex",
        "accession_number": "AccessionNumber",
        "study_date": "StudyDate",
        "study_time": "StudyTime",
        "description": "StudyDescription",
    }
    said = {name: str(image.get(keyword) or "") for name, keyword in keywords.items()}
    age = age_of(lambda keyword: str(image.get(keyword) or ""))
    return StudyFacts(str(image.StudyInstanceUID), **said, age_years=age.years)


def arrive(
    web: WebContext,
    image: Dataset,
    *,
    urgency: Urgency = Urgency.ROUTINE,
    at: datetime | None = None,
    mode: NodeMode = NodeMode.LIVE,
) -> Shown:
    """Store an image in the PACS and write it down as the node does when it arrives."""
    stored = web.pacs.store(dicom_file(image))
    return write_down(web, image, stored.reference, urgency=urgency, at=at, mode=mode)


def write_down(
    web: WebContext,
    image: Dataset,
    instance: str,
    *,
    urgency: Urgency = Urgency.ROUTINE,
    at: datetime | None = None,
    mode: NodeMode = NodeMode.LIVE,
) -> Shown:
    """Write an image down as arrived, whether a PACS has it or not."""
    facts, when = facts_of(image), at or datetime.now(UTC)
    uid, study = str(image.SOPInstanceUID), facts.study_instance_uid
    with web.database.transaction() as connection:
        new = Arrived(web.archive, ImageUIDs.of(image), instance, "digest", urgency, when, mode)
        job = images.arrived(connection, new)
        assert job is not None
        studies.arrived(connection, web.archive, facts, urgency=urgency, now=when)
        said = (str(image.get(name) or "") for name in KNOWN_BY)
        limits.keep(connection, web.archive, facts.study_instance_uid, limits.known_by(*said))
    return Shown(study, uid, job)


def read(web: WebContext, image: Dataset, shown: Shown) -> Shown:
    """Let the model read an image that arrived, and store what it says, as the node does."""
    orthanc = web.pacs
    answer = read_file(
        dicom_file(image), demonstration_pipeline(), [], when=datetime.now(UTC).astimezone()
    )
    with web.database.look() as connection:
        known = images.entry(connection, web.archive, shown.job.uids)
    if known is not None and known.mode is not NodeMode.LIVE:
        answer = withheld(answer)
    for result in answer.results:
        orthanc.store(result.file)
    settle(
        web,
        shown,
        STATES[answer.status],
        reasons=answer.reasons,
        results=tuple(result.sop_instance_uid for result in answer.results),
        reading=answer.reading,
    )
    return Shown(shown.study, shown.image, shown.job, answer)


def settle(
    web: WebContext,
    shown: Shown,
    state: State,
    *,
    reasons: tuple[Reason, ...] = (),
    results: tuple[str, ...] = (),
    reading: StoredReading | None = None,
) -> None:
    """Write down how the work on an image ended."""
    now = datetime.now(UTC)
    with web.database.transaction() as connection:
        images.settle(connection, shown.job, Settlement(state, reasons, results), now)
        known = images.entry(connection, web.archive, shown.job.uids)
        if reading is not None and known is not None:
            readings.put(connection, shown.job, reading, known.mode)
        studies.refresh(connection, web.archive, shown.study, now)


def add_read(
    web: WebContext,
    image: Dataset,
    *,
    urgency: Urgency = Urgency.ROUTINE,
    mode: NodeMode = NodeMode.LIVE,
) -> Shown:
    """Do all of it."""
    return read(web, image, arrive(web, image, urgency=urgency, mode=mode))


def invented(**scores: float) -> StoredReading:
    """Return a reading that no model gave, where a test needs certain scores."""
    findings = [
        {
            "label": label,
            "code": {"value": "1", "scheme": "99TXRV", "meaning": label},
            "raw": score,
            "operating_point": 0.5,
            "score": score,
            "positive": score >= 0.5,
        }
        for label, score in scores.items()
    ]
    model = {
        "name": "densenet",
        "version": "1",
        "sha256": "ab" * 32,
        "verified": False,
        "demonstration": False,
        "input_size": 224,
        "operating_points": "default",
    }
    pixels = {"pipeline": "display", "rows": 40, "columns": 30, "decisions": []}
    row = {"reasons": [], "pixels": pixels, "findings": findings, "sop_instance_uid": "1"}
    document = {
        "software": {"name": "hilum", "version": "1"},
        "model": model,
        "readings": [row],
    }
    maps = np.zeros((len(scores), 2, 2), np.float16)
    maps[:, 0, 0] = 3
    return StoredReading(document, maps, FieldOfView(0, 0, 40, 30))
