"""The page and the API as one application, and the server that runs it."""

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.resources import as_file, files
from typing import Final

import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from hilum.errors import PortTaken, SettingInvalid
from hilum.language.system import system_error
from hilum.runtime.caches import LruSet
from hilum.settings import PageSettings
from hilum.web import (
    account,
    anatomy,
    api,
    claims,
    dicomweb,
    events,
    export,
    failures,
    login,
    node_settings,
    ohif_files,
    oidc,
    operations,
    passkeys,
    pictures,
    points,
    reviews,
    rollout,
    study,
    try_file,
    users,
    worklist,
)
from hilum.web.connections import Listener, affordable, protocol_of
from hilum.web.context import HealthSource, WebContext
from hilum.web.health import health_routes, metrics_token
from hilum.web.pages import STATIC, static_digest
from hilum.web.security import SafeApp
from hilum.web.slots import PROXIED, PROXIED_EACH, RequestSlots
from hilum.web.status import StatusSource
from hilum.web.webauthn import Challenges

ROUTERS: Final[tuple[APIRouter, ...]] = (
    worklist.router,
    events.router,
    study.router,
    pictures.router,
    reviews.router,
    claims.router,
    login.router,
    oidc.router,
    account.router,
    passkeys.router,
    ohif_files.router,
    dicomweb.router,
    anatomy.router,
    operations.router,
    export.router,
    node_settings.router,
    rollout.router,
    points.router,
    try_file.router,
    users.router,
    api.router,
)
"""Each page's own; a new page is a module with a router, and a word here."""

FOR_EVER: Final = "public, max-age=31536000, immutable"
"""Static files have another address after any change."""

BACKLOG: Final = 128
"""Connections that wait to be accepted."""

DRAIN_S: Final = 3
"""Seconds that requests in work get when the page stops; live connections never end."""


class StaticForEver(StaticFiles):
    """Files whose addresses change with their contents."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return one file."""
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = FOR_EVER
        return answer


def create_app(context: WebContext, vitals: HealthSource | None = None) -> FastAPI:
    """Return the application for one context.

    Parameters
    ----------
    vitals
        What machines ask the node; None leaves their addresses out.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        client = dicomweb.client_of(context.address, context.settings.pacs.timeout_s)
        async with client:
            app.state.dicomweb = client
            yield

    settings = context.settings
    sent, tried = settings.page.max_upload_bytes, settings.node.max_file_bytes
    app = SafeApp(settings.page, try_file.limits(sent, tried), lifespan=lifespan)
    app.state.context = context
    app.state.viewed = LruSet[tuple[str, str]](dicomweb.VIEWED_MOST)
    app.state.challenges = Challenges()
    app.state.within = LruSet[tuple[str, ...]](dicomweb.WITHIN_MOST)
    app.state.status = StatusSource(context)
    app.state.pictures = pictures.PictureCache(context)
    app.state.slots = RequestSlots()
    app.state.proxy_slots = RequestSlots(PROXIED, PROXIED_EACH)
    failures.handle(app)
    for router in ROUTERS:
        app.router.routes.extend(router.routes)
    if vitals is not None:
        app.include_router(health_routes(vitals, metrics_token=metrics_token(settings)))
    with as_file(files("hilum.web").joinpath("static")) as folder:
        app.mount(f"{STATIC}/{static_digest()}", StaticForEver(directory=folder), name="static")
    return app


@contextmanager
def serving(app: FastAPI, settings: PageSettings) -> Iterator[str]:
    """Serve the application from a thread of its own; yield its address.

    Raises
    ------
    PortTaken
        Another program listens there.
    SettingInvalid
        The address is none of this machine's, or the certificate cannot be used.
    """
    listener = _listen(settings)
    proxies = ",".join(settings.trusted_proxies)
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",  # faults are logged by failures.py, without what they quote
        access_log=False,
        server_header=False,
        date_header=True,
        lifespan="on",
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies or None,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.certificate_key,
        timeout_graceful_shutdown=DRAIN_S,
        http=protocol_of(listener),
        ws="none",
        backlog=BACKLOG,
    )
    try:
        config.load()
    except OSError as exc:
        listener.close()
        raise SettingInvalid(
            "The page's certificate cannot be used: {why}.",
            "Correct page.certificate and page.certificate_key.",
            why=system_error(exc),
        ) from exc
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="page", daemon=True
    )
    thread.start()
    try:
        yield address(settings, listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(DRAIN_S + 2)
        listener.close()


def address(settings: PageSettings, port: int) -> str:
    """Return where a person finds the page."""
    if settings.public_url is not None:
        return settings.public_url
    scheme = "https" if settings.certificate is not None else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104
    return f"{scheme}://{host}:{port}"


def _listen(settings: PageSettings) -> Listener:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    most = affordable(settings.max_connections)
    try:
        bound = socket.create_server((settings.host, settings.port), family=family)
    except PermissionError as exc:
        raise SettingInvalid(
            "Port {port} is not open to this user.", "Set page.port above 1023.", port=settings.port
        ) from exc
    except socket.gaierror as exc:
        raise SettingInvalid(
            "page.host {host} is no address of this machine.",
            "Correct page.host.",
            host=settings.host,
        ) from exc
    except OSError as exc:
        raise PortTaken(
            "Port {port} of {host}, for the page, cannot be used: {strerror}.",
            "Stop the program that uses this port, or set page.port.",
            port=settings.port,
            host=settings.host,
            strerror=system_error(exc),
        ) from exc
    return Listener(bound, most, most // 2, settings.trusted_proxies)
