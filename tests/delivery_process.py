"""A process that delivers, to be killed: ``python delivery_process.py FOLDER PORT``."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hilum.jobs.engine import Engine, Slots
from hilum.jobs.pause import Pause
from hilum.jobs.queue import Queue
from hilum.node.forward import Forwarder
from hilum.records import Database
from hilum.records.database import sqlite_url
from hilum.settings import DeliverySettings, Settings
from job_tools import PACE, Steps

RECEIVER = {"name": "RIS", "host": "127.0.0.1", "timeout_s": 20}


def deliver(folder: Path, port: int) -> None:
    """Deliver until killed."""
    chosen = DeliverySettings(hl7=[{**RECEIVER, "port": port}])
    with Database(sqlite_url(folder / "hilum.sqlite")) as database:
        made: Any = SimpleNamespace(
            database=database,
            queue=Queue(database),
            archive="own",
            pacs=None,
            settings=Settings(data_folder=folder, deliveries=chosen),
            pause=Pause(),
            now=lambda: datetime.now(UTC),
        )
        with Engine(
            database,
            Steps(database).named(),
            forward=Forwarder(made),
            slots=Slots(1, receivers=("hl7:RIS",)),
            role="node",
            pause=made.pause,
            pace=PACE,
        ) as engine:
            engine.launch()
            while True:
                engine.tend()
                time.sleep(0.1)


if __name__ == "__main__":
    deliver(Path(sys.argv[1]), int(sys.argv[2]))
