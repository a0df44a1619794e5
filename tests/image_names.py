"""Names of images for tests in which only one of their three UIDs matters."""

from hilum.radiograph import ImageUIDs


def image_uids(image: str, study: str = "1.2", series: str = "1.2.0") -> ImageUIDs:
    """Return what names an image in an archive."""
    return ImageUIDs(study, series, image)
