"""Notices about the node, refreshed at most every few seconds."""

from typing import Final

from fastapi import Request

from hilum.runtime.caches import TtlCache
from hilum.web.context import InstalledModel, NodeCheck, WebContext

KEEP_S: Final = 5.0
"""Seconds for which an answer of the node is believed."""


class NodeNotices:
    """What the node says of itself."""

    def __init__(self, context: WebContext) -> None:
        self.models: Final = TtlCache(context.models, KEEP_S)
        self.health: Final = TtlCache(context.health, KEEP_S)


def node_of(request: Request) -> NodeNotices:
    """Return what the application knows of its node."""
    state = request.app.state
    if not hasattr(state, "node"):
        state.node = NodeNotices(state.context)
    node: NodeNotices = state.node
    return node


def model_in_use(request: Request) -> InstalledModel | None:
    """Return the model that reads now, None when there is none or nobody says."""
    return next((model for model in node_of(request).models() if model.in_use), None)


def troubles(request: Request) -> list[NodeCheck]:
    """Return what is not as it should be."""
    return [check for check in node_of(request).health() if not check.ok]
