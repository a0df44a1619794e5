"""Systems beside the archive: other PACS that are asked, and receivers of results."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from hilum.deliveries.trust import connected
from hilum.deliveries.web import FhirSender
from hilum.doctor.check import CheckResult, ok, warning
from hilum.doctor.records import lost_priors
from hilum.errors import DeliveryError, PacsError, SettingInvalid
from hilum.settings import Settings
from hilum.settings.deliveries import FhirReceiver, Hl7Receiver, Receiver, WebhookReceiver

ANSWER_S: Final = 5.0
"""Seconds to wait for one answer."""

NO_STUDY: Final = "2.25.1"
"""A Study Instance UID that nobody has."""


def other_pacs(settings: Settings) -> Iterator[CheckResult]:
    """Say whether the PACS of pacs.query answer a query; one for a study that is not there."""
    if not settings.pacs.query:
        yield ok("no other PACS is asked for images")
        return
    # pynetdicom takes half a second to import: only who needs it waits
    from hilum.pacs.query import open_query  # noqa: PLC0415

    for each in settings.pacs.query:
        try:
            remote = open_query(each, settings.pacs, timeout_s=ANSWER_S)
            remote.studies({"StudyInstanceUID": NO_STUDY})
        except (PacsError, SettingInvalid) as exc:
            yield warning("{name}: {why:clause}", exc.remedy, name=each.name, why=exc.problem)
        else:
            yield ok("{name} ({target}) answers queries", name=each.name, target=remote.target)
    yield from lost_priors(settings)


def receivers(settings: Settings) -> Iterator[CheckResult]:
    """Say whether each receiver of results can be reached; none is sent anything."""
    found = settings.deliveries.by_target.values()
    if not found:
        yield ok("no other system gets results")
    for each in found:
        try:
            _reach(each.model_copy(update={"timeout_s": ANSWER_S}))
        except DeliveryError as exc:
            yield warning(
                "{receiver}: {why:clause}",
                "See docs/deliveries.md; what is to be sent waits meanwhile.",
                receiver=each,
                why=exc.problem,
            )
        else:
            yield ok("{receiver} can be reached", receiver=each)


def _reach(receiver: Receiver) -> None:
    """Connect, with TLS where it has that; ask for a token where one is needed."""
    if isinstance(receiver, FhirReceiver):
        FhirSender(receiver).sign_in()
    if isinstance(receiver, Hl7Receiver):
        host, port, tls = receiver.host, receiver.port, receiver.tls
    elif isinstance(receiver, FhirReceiver | WebhookReceiver):
        parts = urlsplit(receiver.url)
        tls = parts.scheme == "https"
        host, port = str(parts.hostname), parts.port or (443 if tls else 80)
    else:
        raise NotImplementedError(receiver.kind)
    with connected(receiver, host, port, tls=tls):
        pass
