"""The sha256 by which weights, bundle files and manifests are named."""

from __future__ import annotations

import hashlib


def sha256_of(content: bytes) -> str:
    """Return the sha256 of some bytes in hex."""
    return hashlib.sha256(content).hexdigest()
