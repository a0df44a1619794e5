"""The page over a real database; see also `page_desk`."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from hilum.radiograph import ImageUIDs
from hilum.web.context import Desk
from web_context import Page, open_desk, open_page


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a desk whose PACS does not answer."""
    with open_desk(tmp_path) as made:
        yield made


@pytest.fixture
def page(desk: Desk) -> Iterator[Page]:
    """Return the page and the API, served."""
    with open_page(desk) as made:
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
