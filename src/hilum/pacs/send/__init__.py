"""Sending files: to Orthanc, over DICOMweb, or over DIMSE."""

from hilum.pacs.send.outcome import SendOutcome, SendStatus
from hilum.pacs.send.outgoing import Outgoing
from hilum.pacs.send.sender import AT_ONCE, Sender, deliver
from hilum.pacs.send.target import DicomTarget, WebTarget, parse_target
from hilum.pacs.tls import NO_FILES, TlsFiles

__all__ = [
    "AT_ONCE",
    "DicomTarget",
    "Outgoing",
    "SendOutcome",
    "SendStatus",
    "Sender",
    "WebTarget",
    "deliver",
    "open_sender",
    "parse_target",
]


def open_sender(
    target: WebTarget | DicomTarget,
    *,
    calling_aet: str = "HILUM",
    timeout_s: float = 30.0,
    files: TlsFiles = NO_FILES,
) -> Sender:
    """Return the sender for a target.

    Parameters
    ----------
    target
        Where to; see `parse_target`.
    calling_aet
        Our AE title, for C-STORE.
    files
        Whom we trust and what we show over TLS.

    Raises
    ------
    PacsRefused
        The address is none.
    SettingInvalid
        A file for TLS cannot be used.
    """
    if isinstance(target, DicomTarget):
        # pynetdicom takes half a second to import: only who needs it waits
        from hilum.pacs.send.dimse import DimseSender  # noqa: PLC0415

        return DimseSender(
            target,
            calling_aet=calling_aet,
            timeout_s=timeout_s,
            context=files.context() if target.tls else None,
        )
    verify = files.context() if target.url.startswith("https:") else True
    if target.dicomweb:
        from hilum.pacs.dicomweb.sender import StowSender  # noqa: PLC0415

        return StowSender(target, timeout_s=timeout_s, verify=verify)
    from hilum.pacs.orthanc.sender import OrthancSender  # noqa: PLC0415

    return OrthancSender(target, timeout_s=timeout_s, verify=verify)
