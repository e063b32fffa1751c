"""What can go wrong in a worker beyond the shared errors."""

from __future__ import annotations

from contracts.errors import FedSecureError


class Fatal(FedSecureError):
    """The worker cannot go on and must end, so that its supervisor starts it afresh and others take its devices."""
