"""Why the coordinator refuses an update or a round, or must stop."""

from __future__ import annotations

from contracts.errors import FedSecureError, Unavailable


class UpdateRefused(FedSecureError):
    """An update that does not count. `reason` is a metric label, `is_bad` sends it to the dead letters too.

    A late or repeated update is an honest race and only counted; one that breaks the rules is bad.
    """

    def __init__(self, reason: str, detail: str = "", *, is_bad: bool = False) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.is_bad = is_bad


class IllegalTransition(FedSecureError):
    """A round was asked to go where its phase does not lead: a fault of the program, never of a device."""


class AggregationRefused(FedSecureError):
    """The rule's own bound is not met by these contributions. It never degrades silently."""


class Fenced(FedSecureError):
    """Another coordinator holds a higher lease: this one must stop at once."""


class GateClosed(Unavailable):
    """Redis does not answer, or takes no writes: nobody can be checked, so nobody takes part."""
