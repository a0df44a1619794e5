"""``hilum up``: start the node and, unless there is one, the PACS."""

import gc
import importlib
from typing import Final

import click

from hilum.cli.main import main
from hilum.node import PRELOADED
from hilum.runtime import fork_server

RUNNING: Final = "hilum.cli.running"
"""The module that does it; it takes a second to load, and so does what reads."""


@main.command()
@click.option(
    "--pull",
    is_flag=True,
    help="First download the model's weights if they are not installed; continue without them "
    "if that fails.",
)
def up(*, pull: bool) -> None:
    """Start the node: every chest radiograph that arrives in the PACS is read.

    Without pacs.url in the settings, an Orthanc is started as well, with its data in
    hilum's data folder. Ctrl-C finishes the images in work and stops everything.
    """
    fork_server.begin(PRELOADED)
    gc.disable()  # what is loaded stays; `started` lets the collector in when all is there
    importlib.import_module(RUNNING).run_node(pull=pull)
