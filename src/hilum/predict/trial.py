"""Tries an added network in a process of its own, within a time limit."""

from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from hilum.errors import CardInvalid, HilumError
from hilum.files.errors import read_errors
from hilum.predict.card import ModelCard
from hilum.predict.installed import Installation, InstallRecord
from hilum.predict.model import build_network
from hilum.predict.network import Execution

TRIAL_S: Final = 60.0
"""Seconds for loading and one run: many times what the largest network needs."""


def require_usable(card: ModelCard, network: Path) -> None:
    """Load an ONNX file and run it once.

    Raises
    ------
    CardInvalid
        It does not keep the contract of docs/models.md, never ends, or crashes.
    SourceUnreadable
        The file cannot be opened.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(card, network, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(TRIAL_S):
            raise CardInvalid(
                "{name} did not finish within {trial_s:.0f} s.",
                "Look for an endless loop in it.",
                name=network.name,
                trial_s=TRIAL_S,
            )
        problem: HilumError | None = ours.recv()
    except EOFError as exc:
        raise CardInvalid(
            "{name} crashed the process that tried it.", "Check the file.", name=network.name
        ) from exc
    finally:
        process.kill()
        process.join()
        ours.close()
    if problem is not None:
        raise problem


def _run(card: ModelCard, network: Path, told: Connection) -> None:
    record = InstallRecord(source_sha256="", contents_sha256="", verified=False)
    try:
        with read_errors(f"The file {network.name}"):
            contents = network.read_bytes()
        build_network(card, Installation(contents, record), [0], Execution())
    except HilumError as exc:
        told.send(exc)
    else:
        told.send(None)
