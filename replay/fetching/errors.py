"""What can go wrong with a record that is fetched, beyond the shared errors."""

from __future__ import annotations

from contracts.errors import FedSecureError


class NotThere(FedSecureError):
    """The server answers that it has no such file."""


class Damaged(FedSecureError):
    """The files of a record are not what they should be. Says which and how."""


class NotAvailable(FedSecureError):
    """A file does not come now: no network, or the server does not give it. Says which and why."""
