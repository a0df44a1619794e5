"""What a server says of a file that it was given.

Sources
-------
PS3.18 10.5.3 (Store Transaction Response), I.2.2 (failure reasons, which are C-STORE's statuses).
"""

from typing import Any, Final

import httpx

from hilum.language import Message
from hilum.pacs.send.outcome import SendStatus, meaning

FAILED_SOP_SEQUENCE: Final = "00081198"
REFERENCED_SOP_SEQUENCE: Final = "00081199"
FAILURE_REASON: Final = "00081197"

AZURE: Final = {0xB00E: SendStatus.ALREADY_THERE, 0xB00F: SendStatus.FAILED}
"""Reasons of Azure's own: it is there, or for a while half there after a store was cut off."""


def judged(response: httpx.Response) -> tuple[SendStatus, str]:
    """Return what the Store response says about the one file in the request (PS3.18 10.5.3)."""
    try:
        answer: Any = response.json()
        failed = answer.get(FAILED_SOP_SEQUENCE, {}).get("Value", [])
        referenced = answer.get(REFERENCED_SOP_SEQUENCE, {}).get("Value", [])
        if failed:
            reason = int(failed[0][FAILURE_REASON]["Value"][0])
            sent, why = meaning(reason)
            if reason in AZURE:
                return AZURE[reason], why
            if sent is SendStatus.STORED:  # no reason for a failure, but it is not there
                return SendStatus.REFUSED, Message(
                    "The server did not store it ({reason:04X}H).", reason=reason
                )
            return sent, why
    except (ValueError, LookupError, AttributeError, TypeError):
        return (
            SendStatus.FAILED,
            Message("The server's answer is not a STOW-RS response. Check the address."),
        )
    if referenced:
        return SendStatus.STORED, ""
    return (
        SendStatus.REFUSED,
        Message(
            "The server answered HTTP {status_code} and stored nothing.",
            status_code=response.status_code,
        ),
    )
