"""Endpoints for monitoring: ``/metrics``, ``/healthz`` and ``/readyz``.

``/healthz`` says that the process lives: restart it when not. ``/readyz`` says that images
are read now: send somebody when not. Both are open and cheap; neither tells of any patient.
"""

import hmac
import ipaddress
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import SecretStr

from hilum.runtime.caches import TtlCache
from hilum.settings import PageSettings, Settings
from hilum.settings.secret_files import secret_of
from hilum.telemetry.metrics import CONTENT_TYPE
from hilum.web.context import HealthSource
from hilum.web.security import SafeApp

BEAT_WITHIN_S: Final = 60.0
"""Seconds since the last heartbeat after which a process counts as hung."""

KEEP_S: Final = 2.0
"""Seconds for which an answer of the checks is given again: asking often costs the PACS nothing."""

PROXY_HEADERS: Final = ("forwarded", "x-forwarded-for", "x-real-ip")
"""Headers by which a request that a proxy of this machine hands on is known."""


def health_routes(
    vitals: HealthSource,
    *,
    metrics_token: SecretStr | None = None,
    beat_within_s: float = BEAT_WITHIN_S,
    clock: Callable[[], float] = time.monotonic,
) -> APIRouter:
    """Return the three routes, to be included in an application.

    Parameters
    ----------
    metrics_token
        With it other machines read ``/metrics``; without one only this machine does.
    beat_within_s
        Seconds that a heartbeat may be old.
    """
    router = APIRouter(include_in_schema=False)
    readiness = TtlCache(vitals.checks, KEEP_S, clock=clock, stale=False)

    @router.get("/healthz")
    def healthz() -> JSONResponse:
        age = vitals.beat_age_s()
        alive = age is not None and age <= beat_within_s
        said = {"status": "alive" if alive else "hung", "heartbeat_age_s": age}
        return answer(said, alive)

    @router.get("/readyz")
    def readyz(request: Request) -> JSONResponse:
        checks = readiness()
        ready = all(check.ok for check in checks)
        said: list[dict[str, Any]] = [{"name": each.name, "ok": each.ok} for each in checks]
        if refused(request, metrics_token) is None:  # versions and paths are nobody else's business
            for line, each in zip(said, checks, strict=True):
                line |= {"text": each.text, "remedy": each.remedy}
        return answer({"status": "ready" if ready else "not ready", "checks": said}, ready)

    @router.get("/metrics")
    def metrics(request: Request) -> Response:
        refusal = refused(request, metrics_token)
        return refusal or Response(vitals.metrics(), media_type=CONTENT_TYPE)

    return router


def health_app(
    vitals: HealthSource,
    *,
    metrics_token: SecretStr | None = None,
    settings: PageSettings | None = None,
) -> FastAPI:
    """Return an application of these routes alone: a worker has no page."""
    app = SafeApp(settings or PageSettings(), {})
    app.include_router(health_routes(vitals, metrics_token=metrics_token))
    return app


def metrics_token(settings: Settings) -> SecretStr | None:
    """Return the token of the settings, or what its file holds.

    Raises
    ------
    SettingInvalid
        The file cannot be read, or is empty.
    """
    told = settings.telemetry
    return secret_of(told.metrics_token, told.metrics_token_file, "telemetry.metrics_token_file")


def answer(said: dict[str, Any], fine: bool) -> JSONResponse:  # noqa: FBT001  it is the answer
    """Return what was found, with the status that probes go by."""
    status = HTTPStatus.OK if fine else HTTPStatus.SERVICE_UNAVAILABLE
    return JSONResponse(said, status_code=status, headers={"Cache-Control": "no-store"})


def refused(request: Request, token: SecretStr | None) -> Response | None:
    """Return the answer to somebody who may not read the metrics; None for who may."""
    if is_this_machine(request):
        return None
    if token is None:
        text = "Metrics are read from this machine; for others set telemetry.metrics_token.\n"
        return Response(text, HTTPStatus.FORBIDDEN, media_type="text/plain")
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    right = hmac.compare_digest(given.strip().encode(), token.get_secret_value().encode())
    if kind.lower() == "bearer" and right:
        return None
    asked = {"WWW-Authenticate": 'Bearer realm="hilum metrics"'}
    return Response("This needs the bearer token.\n", HTTPStatus.UNAUTHORIZED, asked, "text/plain")


def is_this_machine(request: Request) -> bool:
    """Return whether a request comes from this machine and was not handed on by a proxy."""
    if request.client is None or any(name in request.headers for name in PROXY_HEADERS):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:  # no address: a socket file, say
        return False
