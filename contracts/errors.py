"""The errors that programs share: what the user can mend, what is unavailable, what is invalid."""

from __future__ import annotations


class FedSecureError(Exception):
    """Base of every error that a person is shown as one sentence, without a traceback."""


class InvalidMessage(FedSecureError):
    """A message that will never become valid: it goes to the dead letters and the program goes on.

    `reason` is one of `contracts.messages.dead_letters.REASONS`; `detail` never holds a vital sign's value.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Unavailable(FedSecureError):
    """A service that does not answer now: retry with a bound, then give up and say which one."""


class Misconfigured(FedSecureError):
    """A setting, flag or file is wrong: the message says what is wrong and lists what is right."""


class BadSignature(FedSecureError):
    """A signature that was not made by this key over this message: forged, altered on its way, or made by another key."""
