"""Whether the ports of the settings are free, and if not, who has them."""

import errno
import socket
from typing import Final

from hilum.errors import PortTaken
from hilum.pacs.credentials import LOOPBACK
from hilum.pacs.orthanc.client import is_orthanc

EVERY_ADDRESS: Final = ""
"""Orthanc listens on every address of this machine, so the port must be free on each."""


def require_free(name: str, port: int, host: str = EVERY_ADDRESS) -> None:
    """Return when `port` can be listened on.

    Parameters
    ----------
    name
        Name of the setting, e.g. ``"pacs.http_port"``.
    host
        Where; what is no address of this machine is not looked at.

    Raises
    ------
    PortTaken
        Another program listens there, or this user may not.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        # as Orthanc does: connections of the last run that are still closing don't count
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
            trial.listen()
        except PermissionError as exc:
            raise PortTaken(
                "Port {port} ({name}) needs administrator rights.",
                "Set {name} to a port above 1023.",
                port=port,
                name=name,
            ) from exc
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                raise _taken(name, port) from exc


def _taken(name: str, port: int) -> PortTaken:
    if not is_orthanc(f"http://{LOOPBACK}:{port}"):
        return PortTaken(
            "Port {port} ({name}) is in use by another program.",
            "Stop that program, or set {name} to a free port.",
            port=port,
            name=name,
        )
    return PortTaken(
        "Port {port} ({name}) is in use by another Orthanc.",
        "If it is the one that Debian starts by itself, run systemctl disable --now orthanc; "
        "to work with it, set pacs.url to {url}; else set {name} to a free port.",
        port=port,
        name=name,
        url=f"http://{LOOPBACK}:{port}",
    )
