"""An answer that is cut off, or none, is never taken for one: asking again may help."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from hilum.errors import PacsRefused, PacsUnavailable
from hilum.pacs.archive import ObjectFacts
from hilum.pacs.orthanc.archive import OrthancArchive, OrthancForwarding

QUESTIONS: dict[str, Callable[[OrthancArchive], Any]] = {
    "newest": lambda archive: archive.newest(),
    "arrivals": lambda archive: archive.arrivals("7 x y", 5),
    "behind": lambda archive: archive.behind("7 x y"),
    "describe": lambda archive: archive.describe("x"),
    "content_id": lambda archive: archive.content_id(ObjectFacts("x", "1.2", "v")),
    "attributes": lambda archive: archive.attributes("x"),
    "attributes_of_index": lambda archive: archive.attributes_of_index("x"),
    "origin": lambda archive: archive.origin("x"),
    "fetch verified": lambda archive: archive.fetch("x", verified=True),
    "store": lambda archive: archive.store(b"x"),
    "present": lambda archive: archive.present(["x"]),
    "delete_study": lambda archive: archive.delete_study("1.2"),
    "find_objects": lambda archive: archive.find_objects("1.2"),
    "find_studies": lambda archive: archive.find_studies({}),
    "study_of": lambda archive: archive.study_of("x"),
    "series_of": lambda archive: archive.series_of("x"),
    "size": lambda archive: archive.size(),
    "ask_commitment": lambda archive: forwarding(archive).ask_commitment("x", ["x"]),
    "commitment": lambda archive: forwarding(archive).commitment("x"),
}


def forwarding(archive: OrthancArchive) -> Any:
    """Return what sends on, without asking the version."""
    return OrthancForwarding(archive)


@pytest.mark.parametrize("answer", ["", '{"ID": "', "<html>", "7", "null", "[7]", "[[]]"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_answer_that_is_none_may_be_asked_for_again(question: str, answer: str):
    """Whatever was asked."""
    open_http = httpx.MockTransport(lambda _: httpx.Response(200, text=answer))
    with (
        OrthancArchive("http://pacs", transport=open_http) as archive,
        pytest.raises(PacsUnavailable),
    ):
        QUESTIONS[question](archive)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (httpx.RemoteProtocolError("cut off"), PacsUnavailable),
        (httpx.Response(503), PacsUnavailable),
        (httpx.Response(401), PacsRefused),
    ],
)
def test_no_answer_and_a_refusal_are_told_apart(question: str, broken: Any, expected: Any):
    """Whatever was asked."""

    def answer(_: httpx.Request) -> httpx.Response:
        if isinstance(broken, Exception):
            raise broken
        return broken

    open_http = httpx.MockTransport(answer)
    with OrthancArchive("http://pacs", transport=open_http) as archive, pytest.raises(expected):
        QUESTIONS[question](archive)
