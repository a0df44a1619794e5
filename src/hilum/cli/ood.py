"""``hilum models ood``: the statistics by which unusual images are told."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import click
import numpy as np
from numpy.typing import NDArray

from hilum.cli.progress import progress
from hilum.cli.terminal import echo, say
from hilum.dataset.batch import read_many
from hilum.dataset.terminal import one_line
from hilum.errors import NodeError
from hilum.files.find import find_candidates
from hilum.language import of_environment
from hilum.node.retrying_archive import archive_name
from hilum.pipeline import open_pipeline
from hilum.predict import ReferenceFiles, load_model, reference_key
from hilum.predict.reference import fit
from hilum.records import feature_samples
from hilum.records.database import open_database
from hilum.settings import Settings

MOST: Final = 5000
"""Images of a folder that are looked at: more tell nothing new."""

NICE: Final = 10
"""Of the process: images are read first."""


@click.group()
def ood() -> None:
    """Tell unusual images: fit and show the statistics of the reference images.

    The model's features of each image are compared with those of reference images of your own. A
    node collects them from the images that it analyzes and fits the statistics by itself; they are
    of one model and one pixel pipeline. No pixels are kept.
    """


@ood.command("fit")
@click.argument("folder", required=False, type=click.Path(exists=True, path_type=Path))
def fit_reference(folder: Path | None) -> None:
    """Fit the statistics anew, for the model of the settings.

    \b
    hilum models ood fit FOLDER   on the images below FOLDER that the gate accepts
    hilum models ood fit          on the recent images of the node

    What was fitted before is kept, but no longer used.
    """  # noqa: D301  click wants the character itself, not a backslash and a b
    settings = Settings.load()
    os.nice(NICE)
    model = load_model(settings)
    pipeline = settings.pixels.pipeline
    key = reference_key(model.identity.key, pipeline)
    features = features_of_node(settings, key) if folder is None else features_in(folder, settings)
    needed = settings.model.reference_images
    if len(features) < needed:
        raise NodeError(
            "There are {count} images, and a fit needs {needed}.",
            "Wait for more, name a folder with more, or lower model.reference_images.",
            count=len(features),
            needed=needed,
        )
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    kept = ReferenceFiles(settings.data_folder, model.identity).write(
        pipeline, fit(features, key=key, version=1, fitted=today)
    )
    echo(
        "{name}: fitted on {count} images, version {version}. It applies from the next image on.",
        name=model.identity.name,
        count=kept.images,
        version=kept.version,
    )


def features_of_node(settings: Settings, key: str) -> NDArray[np.floating]:
    """Return the features of the node's recent images: shape ``(images, features)``."""
    with open_database(settings) as database, database.look() as connection:
        return feature_samples.sample(connection, archive_name(settings), key)


def features_in(folder: Path, settings: Settings) -> NDArray[np.floating]:
    """Return the features of the images in a folder: shape ``(images, features)``."""
    rows = list(islice(read_features(folder, settings), MOST))
    return np.stack(rows) if rows else np.empty((0, 0), np.float32)


def read_features(folder: Path, settings: Settings) -> Iterator[NDArray[np.float32]]:
    """Yield the features of each image that the gate accepts."""
    context = open_pipeline(settings)
    found = list(find_candidates([folder]))
    with progress(say("reading"), len(found)) as advance:
        for outcome in read_many(found, context):
            advance(one_line(outcome, of_environment()))
            if outcome.reading is not None and outcome.reading.features is not None:
                yield outcome.reading.features


@ood.command()
def show() -> None:
    """Show what unusual images are told by, or how many images are still missing."""
    settings = Settings.load()
    model = load_model(settings)
    pipeline = settings.pixels.pipeline
    known = ReferenceFiles(settings.data_folder, model.identity).newest(pipeline)
    if not settings.model.unusual_percentile:
        echo("Unusual images are not told: model.unusual_percentile is 0.")
    if known is not None:
        echo(
            "{name}, pixels {pipeline}: version {version} of {fitted}, {count} images, "
            "SHA-256 {sha256}",
            name=model.identity.name,
            pipeline=str(pipeline),
            version=known.version,
            fitted=known.fitted,
            count=known.images,
            sha256=known.sha256,
        )
        return
    with open_database(settings) as database, database.look() as connection:
        key = reference_key(model.identity.key, pipeline)
        count = feature_samples.count(connection, archive_name(settings), key)
    echo(
        "{name}, pixels {pipeline}: not enough images yet, {count} of {needed}",
        name=model.identity.name,
        pipeline=str(pipeline),
        count=count,
        needed=settings.model.reference_images,
    )
