"""Optional parts: the viewer OHIF, and traces."""

from collections.abc import Iterator
from importlib.util import find_spec

from hilum.doctor.check import CheckResult, ok, problem, warning
from hilum.settings import Settings
from hilum.web import ohif_files


def ohif(settings: Settings) -> Iterator[CheckResult]:
    """Say whether the page can show images."""
    found = ohif_files.folder(settings)
    if not settings.page.enabled:
        yield ok("the page is off (page.enabled)")
    elif found is not None:
        yield ok("OHIF is in {found}", found=found)
    elif settings.page.ohif_folder is None:
        yield warning("OHIF is not installed", ohif_files.HOW_TO_GET_IT)
    else:
        yield problem(
            "page.ohif_folder is {ohif_folder}, which contains no build of OHIF",
            ohif_files.HOW_TO_GET_IT,
            ohif_folder=settings.page.ohif_folder,
        )


def traces(settings: Settings) -> Iterator[CheckResult]:
    """Say whether traces can be sent where the settings want them."""
    if settings.telemetry.otlp_endpoint is None:
        yield ok("off (telemetry.otlp_endpoint)")
    elif find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        yield problem(
            "telemetry.otlp_endpoint is set, but OpenTelemetry is not installed",
            "Run pip install hilum[tracing], or unset it.",
        )
    else:
        yield ok("on")
