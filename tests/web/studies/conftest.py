"""Studies on the page, over a real PACS and real readings."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hilum.records.accounts import Role
from hilum.web.context import WebContext
from orthanc_server import OrthancServer
from page_studies import Shown, add_read, chest, open_demonstration
from web_context import Page


@pytest.fixture
def web(tmp_path: Path, empty_orthanc: OrthancServer) -> Iterator[WebContext]:
    """Return a web with the demonstration model and a real PACS."""
    with open_demonstration(tmp_path, empty_orthanc) as made:
        yield made


@pytest.fixture
def shown(web: WebContext) -> Shown:
    """Return a phantom that was read."""
    return add_read(web, chest())


@pytest.fixture
def reader(page: Page) -> httpx.Client:
    """Return the browser of somebody who may give reviews."""
    return page.signed_in(Role.READER, "ana")
