"""What `hilum read --store` says that it stored."""

import pytest

from hilum.cli.read import stored_line


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ([], "Nothing was stored in the PACS."),
        (
            ["a.dcm\nhttp://pacs:8042/instances/1"],
            "Stored 1 object for 1 image in http://pacs:8042, in the studies of the images.",
        ),
        (
            [
                f"{image}.dcm\nhttp://pacs:8042/instances/{image}{n}"
                for image in "ab"
                for n in "123"
            ],
            "Stored 6 objects for 2 images in http://pacs:8042, in the studies of the images.",
        ),
    ],
)
def test_last_lines_say_how_many_objects_for_how_many_images_and_where(
    stored: list[str], said: str
):
    """Counted as they went, not as they were meant."""
    assert said == stored_line(stored)
