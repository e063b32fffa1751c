"""Why a message is rejected."""

from __future__ import annotations

from contracts.errors import FedSecureError


class Rejected(FedSecureError):
    """A message that will never be taken, whoever sends it again: no HL7, or of another kind; never holds its content."""
