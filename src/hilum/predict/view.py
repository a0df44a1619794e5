"""Frontal or lateral, as a network sees it in the pixels: a second opinion on the header."""

from collections.abc import Collection
from functools import cached_property
from threading import Lock
from typing import Final

import numpy as np

from hilum.predict.card import ModelCard, NetworkKind
from hilum.predict.catalogue import shipped_cards
from hilum.predict.installed import identity_of, is_installed, open_installation
from hilum.predict.model import build_network
from hilum.predict.network import Execution, batch_of_one
from hilum.radiograph import ModelInput
from hilum.settings import Settings, ViewFromPixels

FRONTAL: Final = "Frontal"
"""Label of the output that speaks for a frontal view."""

UNCLEAR: Final = frozenset({"view_unknown", "view_contradiction", "picture_without_header"})
"""Codes of warnings after which the pixels are asked for the view."""


class ViewNetwork:
    """One view network in memory. It may be used by several threads at once."""

    def __init__(self, card: ModelCard, settings: Settings) -> None:
        installation = open_installation(card, settings.data_folder)
        execution = Execution(settings.model.provider, settings.model.threads)
        chosen = list(range(len(card.labels)))
        self.identity: Final = identity_of(card, installation)
        self._frontal = card.labels.index(FRONTAL)
        self._network = build_network(card, installation, chosen, execution)

    def frontal(self, model_input: ModelInput) -> float:
        """Return how far an image looks frontal, in [0, 1]: the softmax of the network's logits."""
        (logits,) = self._network.run(batch_of_one(model_input, self.identity)).logits
        shares = np.exp(logits.astype(np.float64) - logits.max())
        return float(shares[self._frontal] / shares.sum())


class ViewNetworks:
    """The view network of an installation, loaded when an image first needs it.

    Parameters
    ----------
    settings
        Name the data folder, and what networks run on.
    demonstration
        Whether the model is the demonstration's, which has a view network of its own kind.
    """

    def __init__(self, settings: Settings, *, demonstration: bool) -> None:
        self._settings = settings
        self._demonstration = demonstration
        self._lock = Lock()
        self._loaded: ViewNetwork | None = None

    @cached_property
    def _card(self) -> ModelCard | None:
        """Its card, for which all are read: few images need it."""
        views = (card for card in shipped_cards() if card.kind is NetworkKind.VIEW)
        return next((card for card in views if card.demonstration == self._demonstration), None)

    @property
    def is_installed(self) -> bool:
        """Whether there is one on this machine."""
        return self._card is not None and is_installed(self._card, self._settings.data_folder)

    def require(self) -> None:
        """Return when the network can be used.

        Raises
        ------
        ModelError
            It is not there, or not what it was.
        """
        if self._card is not None:
            open_installation(self._card, self._settings.data_folder)

    def asked(self, when: ViewFromPixels, warnings: Collection[str]) -> ViewNetwork | None:
        """Return the network where an image is to be shown to it, and it is there.

        Parameters
        ----------
        warnings
            Codes of the warnings of the gate.
        """
        unclear = not UNCLEAR.isdisjoint(warnings)
        if when is ViewFromPixels.ALWAYS or (when is ViewFromPixels.WHEN_UNCLEAR and unclear):
            return self.get()
        return None

    def get(self) -> ViewNetwork | None:
        """Return the network, loaded at the first call; None where it is not installed.

        Raises
        ------
        ModelError
            It is there and cannot be used.
        """
        with self._lock:
            if self._loaded is None and self._card is not None and self.is_installed:
                self._loaded = ViewNetwork(self._card, self._settings)
            return self._loaded
