"""The page over a real database; see also `page_desk`."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from hilum.radiograph import ImageUIDs
from hilum.web.context import WebContext
from web_context import Page, open_page, open_web_context


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebContext]:
    """Return a web whose PACS does not answer."""
    with open_web_context(tmp_path) as made:
        yield made


@pytest.fixture
def page(web: WebContext) -> Iterator[Page]:
    """Return the page and the API, served."""
    with open_page(web) as made:
        yield made


@pytest.fixture
def anybody(page: Page) -> httpx.Client:
    """Return the browser of somebody who has not signed in."""
    return page.browser()


@pytest.fixture
def asked() -> list[str]:
    """Return what `retry` was asked to read again."""
    return []


@pytest.fixture
def retry(asked: list[str]) -> Callable[[Sequence[ImageUIDs]], int]:
    """Return the way to have images read again of a node that takes all."""

    def take(chosen: Sequence[ImageUIDs]) -> int:
        asked.extend(uids.sop_instance_uid for uids in chosen)
        return len(chosen)

    return take
