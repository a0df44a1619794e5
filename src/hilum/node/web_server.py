"""What people and probes see of a node: the page with what it needs of the core, and the probes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum import explain, predict
from hilum.encode.forms import FORMS
from hilum.ingest.earlier_reports import EarlierReports
from hilum.language import Language, Message
from hilum.node import anatomy, page_work
from hilum.node.backfill import Backfill, BackfillQuery
from hilum.node.health import NodeHealth
from hilum.node.points import PointsDesk
from hilum.node.service import Service
from hilum.pacs.archive import Archive
from hilum.predict.card import NetworkKind
from hilum.radiograph import FieldOfView, ImageUIDs
from hilum.reading import Heatmap
from hilum.records import forwards
from hilum.records.forwards import ForwardState
from hilum.records.review import Review
from hilum.records.states import Urgency
from hilum.records.stored_reading import StoredReading
from hilum.settings import AnatomyMode, Settings
from hilum.web.app import create_app, serving
from hilum.web.context import InstalledModel, WebContext
from hilum.web.displayed import DisplayedImage
from hilum.web.first_user import NAME, ensure_user
from hilum.web.health import health_app, metrics_token
from hilum.web.study_tools import ReadingFile


@dataclass(frozen=True, slots=True)
class PooledStudyTools:
    """Implements `hilum.web.study_tools.StudyTools`."""

    settings: Settings
    """Those of reports count."""
    work: Callable[..., Any]
    """Runs a function of `hilum.node.page_work` on a file, in an inference worker."""

    def picture(self, file: bytes) -> DisplayedImage:
        """Return an image as it is displayed, whatever the gate says of it."""
        made: DisplayedImage = self.work(page_work.picture, file)
        return made

    def thumbnail(self, file: bytes) -> bytes:
        """Return the small picture of an image."""
        return bytes(self.work(page_work.thumbnail, file))

    def release_picture(self, file: bytes) -> tuple[bytes, str]:
        """Return what a person looks at before an image is exported, and its pixels' SHA-256."""
        made: tuple[bytes, str] = self.work(page_work.release_picture, file)
        return made

    def png(self, file: bytes) -> bytes:
        """Return the picture of a stored overlay."""
        return bytes(self.work(page_work.png, file))

    def outlines(
        self, activation: NDArray[np.float32], field_of_view: FieldOfView
    ) -> Sequence[NDArray[np.float64]]:
        """Return where a map is strong; the whole field when it is strong nowhere."""
        found = explain.outlines(Heatmap("", activation, field_of_view))
        return found or (field_of_view.frame,)

    def is_reported(self, archive: Archive, reference: str, uids: ImageUIDs) -> bool:
        """Return whether the archive holds a report of hilum, whoever stored it, on an image."""
        return bool(EarlierReports(archive).references(reference, uids))

    def forms(self, reading: StoredReading) -> Mapping[str, str]:
        """Return the forms in which a reading can be had, name → title."""
        # identifiers that are derived from pixels are only right where the pixels were read
        ours = reading.origin is None
        return {each.name: each.title for each in FORMS.values() if ours or not each.needs_image}

    def written(
        self,
        form: str,
        reading: StoredReading,
        image: Callable[[], bytes],
        when: datetime,
        *,
        language: Language | None = None,
    ) -> ReadingFile:
        """Return a reading in one of its forms, those for people in a language."""
        asked = page_work.WantedForm(form, language)
        if not FORMS[form].needs_image:
            return page_work.written(b"", self.settings.current(), asked, reading, when)
        made: ReadingFile = self.work(page_work.written, image(), asked, reading, when)
        return made

    def review_file(
        self, file: bytes, review: Review, key: str, judged: bytes | None
    ) -> tuple[str, bytes]:
        """Return UID and file of the structured report of a reader's review."""
        made: tuple[str, bytes] = self.work(page_work.review_file, file, review, key, judged)
        return made


@contextmanager
def page(service: Service) -> Iterator[list[str]]:
    """Serve the page of a node; yield the lines of the banner that tell of it.

    Raises
    ------
    PortTaken
        Another program listens on its port.
    SettingInvalid
        Its address or certificate cannot be used.
    """
    settings = service.settings.page
    password = ensure_user(service.context.database, service.settings.data_folder)
    app = create_app(context(service), condition(service).vitals())
    with serving(app, settings) as address:
        lines = [f"  page      {address}"]
        if password is not None:
            lines += [f"            user {NAME}, password in {password}"]
        yield lines


@contextmanager
def probes(service: Service, port: int) -> Iterator[str]:
    """Serve /metrics, /healthz and /readyz alone, for a worker; yield their address."""
    settings = service.settings.page.model_copy(update={"port": port, "public_url": None})
    app = health_app(
        condition(service).vitals(),
        metrics_token=metrics_token(service.settings),
        settings=settings,
    )
    with serving(app, settings) as address:
        yield address


def condition(service: Service) -> NodeHealth:
    """Return what probes ask."""
    follows = service.follower is not None
    return NodeHealth(service.address, service.context, service.watch, follows=follows)


def context(service: Service) -> WebContext:
    """Return what the page works with."""
    context = service.context

    def retry(chosen: Iterable[ImageUIDs]) -> int:
        with context.database.transaction() as connection:
            now = datetime.now(UTC)
            return len(context.queue.retry(connection, context.archive, chosen, now))

    def read_study(study: str, again: bool) -> int:  # noqa: FBT001  a callback of two values
        modalities = context.settings.gate.modalities
        wanted = BackfillQuery(None, None, modalities, study, again, Urgency.ROUTINE)
        return sum(Backfill(context, wanted).run())

    def retry_deliveries() -> int:
        with context.database.transaction() as connection:
            failed = forwards.entries(connection, context.archive, {ForwardState.FAILED})
            chosen = [each.forward for each in failed]
            return context.queue.retry_forwards(connection, chosen, datetime.now(UTC))

    mode = context.settings.anatomy.mode
    desk = PointsDesk(context.settings, context.database)
    return WebContext(
        context.settings,
        context.database,
        context.archive,
        service.address,
        context.pacs,
        read_file=service.pool.document,
        retry=retry,
        read_study=read_study,
        use_points=desk.use,
        card_points=lambda: tuple(desk.card.operating_points),
        named_points=lambda: desk.named_file,
        retry_deliveries=retry_deliveries,
        health=condition(service).checks,
        models=lambda: installed_models(service),
        tools=PooledStudyTools(context.settings, service.pool.page),
        ask_anatomy=None if mode is AnatomyMode.OFF else lambda job: anatomy.ask(context, job),
    )


def installed_models(service: Service) -> list[InstalledModel]:
    """Return every model that hilum knows, as the operations page shows it."""
    folder = service.settings.data_folder
    used = service.watch.model
    return [
        InstalledModel(
            card.name,
            card.version,
            card.weights.sha256 or "",
            in_use=used is not None and used.name == card.name,
            installed=predict.is_installed(card, folder),
            verified=predict.is_verified(card, folder),
            demonstration=card.demonstration,
            text=Message.joined(
                "\n", map(Message, (card.title, *card.training_data, *card.limits))
            ),
        )
        for card in predict.all_cards(folder)
        if card.kind is NetworkKind.CLASSIFIER or predict.is_installed(card, folder)
    ]
