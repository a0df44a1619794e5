"""Senders to the real Orthanc, one for each way."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from pydantic import SecretStr

from hilum.pacs.send import DicomTarget, Sender, WebTarget, open_sender
from orthanc_server import OrthancServer


def rest(server: OrthancServer) -> Sender:
    return open_sender(
        WebTarget(
            server.url,
            dicomweb=False,
            username=server.username,
            password=SecretStr(server.password),
        )
    )


def stow(server: OrthancServer) -> Sender:
    return open_sender(
        WebTarget(
            f"{server.url}/dicom-web",
            dicomweb=True,
            username=server.username,
            password=SecretStr(server.password),
        )
    )


def c_store(server: OrthancServer) -> Sender:
    return open_sender(DicomTarget(server.aet, "127.0.0.1", server.dicom_port))


@pytest.fixture(params=[rest, stow, c_store], ids=lambda make: make.__name__)
def sender(request: pytest.FixtureRequest, empty_orthanc: OrthancServer) -> Iterator[Sender]:
    """Return each sender in turn, to an empty Orthanc."""
    with closing(request.param(empty_orthanc)) as opened:
        yield opened
