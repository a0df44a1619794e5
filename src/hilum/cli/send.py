"""``hilum send``: files into a PACS, over REST, STOW-RS or C-STORE."""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
from pydantic import SecretStr

from hilum.cli.progress import progress
from hilum.cli.terminal import check_paths, say
from hilum.errors import SettingInvalid, SourceUnreadable
from hilum.files.candidate import Candidate
from hilum.files.find import find_candidates
from hilum.language import Message
from hilum.pacs import credentials
from hilum.pacs.send import (
    AT_ONCE,
    DicomTarget,
    SendOutcome,
    SendStatus,
    WebTarget,
    deliver,
    open_sender,
    parse_target,
)
from hilum.pacs.send.outcome import ARRIVED
from hilum.pacs.send.outgoing import kind_of
from hilum.pacs.send.target import checked_ae_title
from hilum.pacs.tls import TlsFiles
from hilum.settings import Settings

WORDS: Final = {
    SendStatus.STORED: Message("stored"),
    SendStatus.ALREADY_THERE: Message("already there"),
    SendStatus.REFUSED: Message("refused"),
    SendStatus.NOT_DICOM: Message("not DICOM"),
    SendStatus.FAILED: Message("failed"),
}
"""How sending a file ended → its word."""

COUNTED: Final = {
    SendStatus.STORED: Message("{count} stored", "{count} stored"),
    SendStatus.ALREADY_THERE: Message("{count} already there", "{count} already there"),
    SendStatus.REFUSED: Message("{count} refused", "{count} refused"),
    SendStatus.NOT_DICOM: Message("{count} not DICOM", "{count} not DICOM"),
    SendStatus.FAILED: Message("{count} failed", "{count} failed"),
}
"""How many files ended so."""

PASSWORD_VARIABLE: Final = "HILUM_SEND_PASSWORD"  # noqa: S105  the name of the variable
"""Environment variable with the password that belongs to ``--user``."""


def _target(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> WebTarget | DicomTarget | None:
    """Read ``--to``; what is wrong with it is wrong usage."""
    try:
        return None if value is None else parse_target(value)
    except SettingInvalid as exc:
        raise click.BadParameter(say(exc.message)) from exc


def _ae_title(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """Check ``--from``; what is wrong with it is wrong usage."""
    try:
        return checked_ae_title(value)
    except SettingInvalid as exc:
        raise click.BadParameter(say(exc.message)) from exc


@click.command("send")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path())
@click.option(
    "--to",
    "target",
    callback=_target,
    metavar="URL|AET@HOST:PORT",
    help="Where to: http(s)://HOST:8042 an Orthanc, http(s)://HOST/dicom-web (or stow+http://...)"
    " for DICOMweb, AET@HOST:PORT for C-STORE. Default: the PACS of the settings.",
)
@click.option(
    "--user",
    help=f"User at that URL; its password comes from ${PASSWORD_VARIABLE} or is asked for.",
)
@click.option(
    "--from",
    "calling_aet",
    callback=_ae_title,
    metavar="AET",
    default="HILUM",
    show_default=True,
    help="Our AE title.",
)
@click.option("--tls", is_flag=True, help="Encrypt C-STORE; https:// is encrypted anyway.")
@click.option(
    "--ca-file",
    type=click.Path(path_type=Path),
    help="PEM file of the authorities to trust. Default: pacs.ca_file, else the system's.",
)
@click.option(
    "--certificate-file",
    type=click.Path(path_type=Path),
    help="PEM file of the certificate to show. Default: pacs.certificate_file.",
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="PEM file of its key. Default: pacs.key_file.",
)
@click.option(
    "--at-once",
    type=click.IntRange(1, 32),
    default=AT_ONCE,
    show_default=True,
    help="Files, and associations, under way at the same time.",
)
def send(
    paths: tuple[str, ...],
    *,
    target: WebTarget | DicomTarget | None,
    user: str | None,
    calling_aet: str,
    at_once: int,
    tls: bool,
    ca_file: Path | None,
    certificate_file: Path | None,
    key_file: Path | None,
) -> None:
    """Send DICOM files, unchanged unless damaged, into a PACS.

    PATH is a file, a folder, a ZIP archive or a DICOMDIR. One line per file gives its
    status: stored, already there, refused, not DICOM, or failed. Sending again is safe.

    Exit status: 0 all stored, 1 something was refused or failed or nothing was
    there to send, 2 wrong usage.
    """
    if target is not None:
        target = _with_user(target, user)
    check_paths(paths)
    settings = Settings.load()
    target = _with_tls(target or _with_user(_target_of(settings), user), tls=tls)
    pacs = settings.pacs
    sender = open_sender(
        target,
        calling_aet=calling_aet,
        timeout_s=pacs.timeout_s,
        files=TlsFiles(
            ca_file or pacs.ca_file,
            certificate_file or pacs.certificate_file,
            key_file or pacs.key_file,
        ),
    )
    counted: Counter[SendStatus] = Counter()
    well = True
    try:
        sender.check()
        candidates = list(find_candidates(paths))
        if isinstance(target, DicomTarget):
            sender.expect(kinds_of(candidates))
        with progress(say("sending"), len(candidates)) as tell:
            for outcome in deliver(candidates, sender, at_once=at_once):
                counted[outcome.sent] += 1
                well &= outcome.well
                tell(line(outcome))
    finally:
        sender.close()
    click.echo(f"{summary(counted)} -> {target}")
    if not well or not any(counted[sent] for sent in ARRIVED):
        sys.exit(1)


def kinds_of(candidates: Iterable[Candidate]) -> Iterator[tuple[str, str]]:
    """Yield SOP Class and Transfer Syntax UID of each file that says them at its beginning."""
    for candidate in candidates:
        try:
            kind = kind_of(candidate.head())
        except SourceUnreadable:
            continue  # said when it is sent
        if kind is not None:
            yield kind


def line(outcome: SendOutcome) -> str:
    """Return the outcome of one file, as one line."""
    detail = say(outcome.detail).removeprefix(f"{outcome.name} ")
    notes = " ".join(
        filter(None, (detail, *(say("Warning: {text}", text=w) for w in outcome.warnings)))
    )
    return f"{say(WORDS[outcome.sent]):<13}  {outcome.name}" + (f": {notes}" if notes else "")


def summary(counted: Counter[SendStatus]) -> str:
    """Return how many files ended how, e.g. ``3 files: 2 stored, 1 refused``."""
    ends = ", ".join(
        say(COUNTED[s].with_values(count=counted[s])) for s in SendStatus if counted[s]
    )
    return say(
        "{count} file: {ends}",
        "{count} files: {ends}",
        count=counted.total(),
        ends=ends or Message("none"),
    )


def _target_of(settings: Settings) -> WebTarget:
    """Return the Orthanc of the settings, or the one that hilum started."""
    return credentials.load(settings).target()


def _with_tls(target: WebTarget | DicomTarget, *, tls: bool) -> WebTarget | DicomTarget:
    """Return the target, encrypted if that was asked for."""
    if isinstance(target, DicomTarget):
        return replace(target, tls=tls)
    if tls and not target.url.startswith("https:"):
        raise click.UsageError(say("--tls is for AET@HOST:PORT; write https:// in an address."))
    return target


def _with_user(target: WebTarget | DicomTarget, user: str | None) -> WebTarget | DicomTarget:
    """Return the target with the user of the command line and its password."""
    if user is None:
        return target
    if isinstance(target, DicomTarget):
        raise click.UsageError(say("--user is for http(s) addresses; C-STORE has no user."))
    password = os.environ.get(PASSWORD_VARIABLE)
    if password is None:
        password = click.prompt(say("Password of {user}", user=user), hide_input=True, err=True)
    return replace(target, username=user, password=SecretStr(password))
