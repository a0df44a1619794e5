"""What stands beside the node: the viewer OHIF, and traces."""

from collections.abc import Iterator
from importlib.util import find_spec

from hilum.doctor.finding import Finding, ok, problem, warning
from hilum.settings import Settings


def ohif(settings: Settings) -> Iterator[Finding]:
    """Say whether the page can show images."""
    folder = settings.page.ohif_folder
    if not settings.page.enabled:
        yield ok("the page is off (page.enabled)")
    elif folder is None:
        yield warning("OHIF is not set", "Run scripts/ohif.sh and set page.ohif_folder.")
    elif not (folder / "index.html").is_file():
        yield problem(
            f"page.ohif_folder names {folder}, which holds no build of OHIF",
            "Run scripts/ohif.sh, or set it to the folder dist of @ohif/app.",
        )
    else:
        yield ok(f"OHIF is in {folder}")


def traces(settings: Settings) -> Iterator[Finding]:
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
