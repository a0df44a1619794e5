"""What `hilum read --store` says that it stored."""

from collections import Counter

import pytest

from hilum.cli.read import stored_line


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({}, "Nothing was stored in the PACS."),
        (
            {"a.dcm": 1},
            "Stored 1 object for 1 image in http://pacs:8042, in the studies of the images.",
        ),
        (
            {"a.dcm": 3, "b.dcm": 3},
            "Stored 6 objects for 2 images in http://pacs:8042, in the studies of the images.",
        ),
    ],
)
def test_last_lines_say_how_many_objects_for_how_many_images_and_where(
    stored: dict[str, int], said: str
):
    """Counted as they went, not as they were meant."""
    assert said == stored_line(Counter(stored), "http://pacs:8042")
