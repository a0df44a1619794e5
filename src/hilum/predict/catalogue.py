"""Which models there are: hilum's own cards, and those that were added here."""

import difflib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from hilum.errors import CardInvalid, ModelUnknown
from hilum.predict.card import ModelCard

DEMONSTRATION: Final = "demonstration"
"""Name of the card whose weights have learned from phantoms alone."""

CARD_FILE: Final = "card.json"
"""Card of a model that was added, in its folder."""


CARDS: Final = files("hilum.predict") / "cards"
SUFFIX: Final = ".toml"
"""What follows a card's name in that of its file."""


def models_folder(data_folder: Path) -> Path:
    """Return the folder that holds one folder for each installed model."""
    return data_folder / "models"


@cache
def shipped_cards() -> tuple[ModelCard, ...]:
    """Return hilum's own cards, by name.

    Raises
    ------
    CardInvalid
        A card of hilum's is wrong, which is a fault of hilum.
    """
    return tuple(map(shipped_card, shipped_names()))


@cache
def shipped_names() -> tuple[str, ...]:
    """Return the names of hilum's own cards, sorted."""
    names = (entry.name for entry in CARDS.iterdir())
    return tuple(sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)))


@cache
def shipped_card(name: str) -> ModelCard:
    """Return one of hilum's own cards, and leave the others unread.

    Raises
    ------
    CardInvalid
        It is wrong, which is a fault of hilum.
    """
    return ModelCard.read(CARDS / f"{name}{SUFFIX}")


def added_card(path: Path) -> ModelCard:
    """Return the card of a model that was added, as `installed.install` wrote it.

    Raises
    ------
    CardInvalid
        It was damaged since.
    """
    try:
        return ModelCard.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as exc:
        raise CardInvalid(
            "The card of the added model {name} is damaged.",
            "Add the model again with `hilum models add --replace`.",
            name=path.parent.name,
        ) from exc


def all_cards(data_folder: Path) -> tuple[ModelCard, ...]:
    """Return every card, hilum's own first.

    Raises
    ------
    CardInvalid
        A card cannot be used.
    """
    return (*shipped_cards(), *map(added_card, _added(data_folder)))


def _added(data_folder: Path) -> list[Path]:
    """Return the cards of models that were added on this machine, by name."""
    return sorted(models_folder(data_folder).glob(f"*/{CARD_FILE}"))


def is_shipped(name: str) -> bool:
    """Whether a card of this name comes with hilum."""
    return name in shipped_names()


def find_card(name: str, data_folder: Path) -> ModelCard:
    """Return the card of this name.

    Raises
    ------
    ModelUnknown
        There is none.
    CardInvalid
        There is one, but it cannot be used.
    """
    if is_shipped(name):
        return shipped_card(name)
    names = list(shipped_names())
    for path in _added(data_folder):
        if path.parent.name == name:
            return added_card(path)
        names.append(path.parent.name)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean {close[0]}? " if close else ""
    raise ModelUnknown(
        "There is no model named {name!r}.",
        "{hint}`hilum models list` shows all of them.",
        name=name,
        hint=hint,
    )
