"""What does the model see? Model cards, weights that are who they say they are, ONNX Runtime."""

from hilum.predict.card import ModelCard
from hilum.predict.catalogue import DEMONSTRATION, all_cards, find_card
from hilum.predict.installed import is_installed
from hilum.predict.model import Model, load_model

__all__ = [
    "DEMONSTRATION",
    "Model",
    "ModelCard",
    "all_cards",
    "find_card",
    "is_installed",
    "load_model",
]
