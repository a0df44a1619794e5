"""Starts the web server of a node: the page, and /metrics, /healthz and /readyz."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from hilum import predict
from hilum.language import Message
from hilum.node.health import NodeHealth
from hilum.node.service import Service
from hilum.node.study_tools import PooledStudyTools
from hilum.radiograph import ImageUIDs
from hilum.web.app import create_app, serving
from hilum.web.context import InstalledModel, WebContext
from hilum.web.first_user import NAME, ensure_user
from hilum.web.health import health_app


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
        metrics_token=service.settings.telemetry.metrics_token,
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

    return WebContext(
        context.settings,
        context.database,
        context.archive,
        service.address,
        context.pacs,
        read_file=service.pool.document,
        retry=retry,
        health=condition(service).checks,
        models=lambda: installed_models(service),
        tools=PooledStudyTools(context.settings, service.pool.page),
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
    ]
