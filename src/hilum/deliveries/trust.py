"""Whom a receiver is checked against, and what is said when it cannot be reached."""

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from hilum.errors import ReceiverUnavailable
from hilum.language import Message
from hilum.language.system import system_error
from hilum.pacs.tls import TlsFiles
from hilum.settings.deliveries import Receiver


def context_of(receiver: Receiver) -> ssl.SSLContext:
    """Return what a connection to a receiver needs.

    Raises
    ------
    SettingInvalid
        A file cannot be read, or is not what it should be.
    """
    return TlsFiles(
        receiver.ca_file, receiver.certificate_file, receiver.key_file, section=receiver.target
    ).context()


@contextmanager
def connected(receiver: Receiver, host: str, port: int, *, tls: bool) -> Iterator[socket.socket]:
    """Return a connection to a receiver.

    Raises
    ------
    ReceiverUnavailable
        There is none, or it breaks in the block.
    SettingInvalid
        A file for TLS cannot be used.
    """
    try:
        with ExitStack() as stack:
            connection = stack.enter_context(
                socket.create_connection((host, port), timeout=receiver.timeout_s)
            )
            if tls:
                context = context_of(receiver)
                connection = stack.enter_context(
                    context.wrap_socket(connection, server_hostname=host)
                )
            yield connection
    except (OSError, ValueError) as exc:
        raise unreachable(exc) from exc


def unreachable(exc: Exception) -> ReceiverUnavailable:
    """Return what is said of an exchange that broke: nothing of what was sent, and no address."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ReceiverUnavailable("Its certificate: {why}.", why=cause.verify_message)
        if isinstance(cause, TimeoutError):
            return ReceiverUnavailable("It did not answer in time.")
        if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError) and cause.errno:
            why = system_error(cause) if cause.errno < 0 else Message(os.strerror(cause.errno))
            return ReceiverUnavailable("It cannot be reached: {why}.", why=why)
        cause = cause.__cause__ or cause.__context__
    return ReceiverUnavailable("It cannot be reached: {why}.", why=type(exc).__name__)
