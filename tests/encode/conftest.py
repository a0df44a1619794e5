"""Fixtures of the tests of `encode`."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from hilum.encode import ResultContext, report_documents
from hilum.reading import Reading, Region
from hilum.settings import ReportSettings
from sr_cases import SOURCES, generated

WHEN = datetime(2024, 1, 2, 10, 30, tzinfo=timezone(timedelta(hours=-3)))
"""A fixed time of analysis, in the zone of Brasília."""


@pytest.fixture
def when() -> datetime:
    """Return a fixed time of analysis."""
    return WHEN


@pytest.fixture
def settings() -> ReportSettings:
    """Return the default settings of reports."""
    return ReportSettings()


@pytest.fixture
def reports(when: datetime, settings: ReportSettings) -> Callable[..., tuple[Dataset, ...]]:
    """Return what writes both reports of a reading, with the default settings at that time."""

    def written(
        reading: Reading,
        regions: Sequence[Region] = (),
        *,
        at: datetime = when,
        chosen: ReportSettings = settings,
        **more: Any,
    ) -> tuple[Dataset, ...]:
        return report_documents(
            ResultContext.of(reading, when=at, settings=chosen), regions, **more
        )

    return written


@pytest.fixture
def header() -> Dataset:
    """Return the header of the generated radiograph, as it arrives."""
    return generated()


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, chest_path: Path) -> Dataset:
    """Return each kind of header that a test must hold for."""
    return SOURCES[request.param](chest_path)
