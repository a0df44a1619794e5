"""What everybody has to know about the node, asked for at most every few seconds."""

from typing import Final

from fastapi import Request

from hilum.web.context import Check, Desk, InstalledModel
from hilum.web.ttl_cache import Remembered

KEEP_S: Final = 5.0
"""Seconds for which an answer of the node is believed."""


class Node:
    """What the node says of itself.

    Parameters
    ----------
    desk
        Asks it.
    """

    def __init__(self, desk: Desk) -> None:
        self.models: Final = Remembered(desk.models, KEEP_S)
        self.health: Final = Remembered(desk.health, KEEP_S)


def node_of(request: Request) -> Node:
    """Return what the application knows of its node."""
    state = request.app.state
    if not hasattr(state, "node"):
        state.node = Node(state.desk)
    node: Node = state.node
    return node


def model_in_use(request: Request) -> InstalledModel | None:
    """Return the model that reads now, None when there is none or nobody says."""
    return next((model for model in node_of(request).models() if model.in_use), None)


def troubles(request: Request) -> list[Check]:
    """Return what is not as it should be."""
    return [check for check in node_of(request).health() if not check.ok]
