"""What commands that analyze files ask alike: with which model, and which pixel pipeline."""

import click

from hilum.radiograph import PixelPipeline
from hilum.settings import Settings

model_option = click.option("--model", help="Model to read with; see `hilum models list`.")

pixels_option = click.option(
    "--pixels",
    type=click.Choice([pipeline.value for pipeline in PixelPipeline]),
    help="Pixel pipeline: as the radiologist is shown the image (display), or exactly as "
    "TorchXRayVision reads the file.",
)


def read_with(settings: Settings, model: str | None, pixels: str | None) -> Settings:
    """Return settings with the model and the pixel pipeline that were asked for."""
    if model is not None:
        settings = settings.changed("model", name=model)
    if pixels is not None:
        settings = settings.changed("pixels", pipeline=pixels)
    return settings
