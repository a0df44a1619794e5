"""What does the model see? Model cards, verified weights, ONNX Runtime.

A card in ``cards/`` describes each model. ``architectures/`` has a network without weights for
each architecture, ``built_in/`` the whole network of a model that comes with hilum.
"""

from hilum.predict.card import ModelCard
from hilum.predict.catalogue import DEMONSTRATION, all_cards, find_card, models_folder
from hilum.predict.installed import (
    Installation,
    InstallRecord,
    is_installed,
    is_verified,
    open_installation,
)
from hilum.predict.model import Model, load_model
from hilum.predict.reference import Reference
from hilum.predict.reference_files import ReferenceFiles, reference_key
from hilum.predict.view import ViewNetworks

__all__ = [
    "DEMONSTRATION",
    "InstallRecord",
    "Installation",
    "Model",
    "ModelCard",
    "Reference",
    "ReferenceFiles",
    "ViewNetworks",
    "all_cards",
    "find_card",
    "is_installed",
    "is_verified",
    "load_model",
    "models_folder",
    "open_installation",
    "reference_key",
]
