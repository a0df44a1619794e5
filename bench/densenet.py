"""A network of the published size, with seeded weights: as fast as the real one."""

from pathlib import Path

from hilum.pipeline import PipelineContext, open_pipeline
from hilum.predict import find_card
from hilum.predict.graph import load_graph
from hilum.predict.installed import Source, install
from hilum.settings import Settings
from reference_environment import reference_python
from seeded_weights import random_state

__all__ = ["densenet_pipeline", "install_densenet", "reference_python"]


BIAS = "classifier.bias"
CERTAIN = 8.0
"""A bias beyond what the other weights make up for, in logits."""


def densenet_pipeline(folder: str, *, threads: int = 0) -> PipelineContext:
    """Return a pipeline with a DenseNet-121 whose data folder is `folder`.

    Parameters
    ----------
    folder
        An empty one.
    threads
        Of the network; 0 is one for each physical core.
    """
    return open_pipeline(install_densenet(Path(folder)).changed("model", threads=threads))


def install_densenet(folder: Path, *, positives: int | None = None) -> Settings:
    """Install a DenseNet-121 in a data folder; return the settings that name it.

    Parameters
    ----------
    folder
        The data folder.
    positives
        How many of its findings are positive on every image, as a trained network finds
        a few; None: as many as chance has it, eleven of RG1.
    """
    settings = Settings.load(data_folder=folder)
    settings = settings.changed("model", name="densenet121-res224-all")
    card = find_card(settings.model.name, settings.data_folder)
    graph = load_graph(card.graph)
    assert card.weights.sha256 is not None
    state = random_state(graph, len(card.labels), seed=1)
    if positives is not None:
        bias = state[BIAS]
        bias[:positives], bias[positives:] = CERTAIN, -CERTAIN
    install(
        card,
        graph.lay_out(state, len(card.labels)),
        Source(card.weights.sha256, verified=True),
        data_folder=settings.data_folder,
    )
    return settings
