"""The name that content has by its bytes: weights, files of a bundle and manifests all go by it."""

from __future__ import annotations

import hashlib


def sha256_of(content: bytes) -> str:
    """Return the sha256 of some bytes in hex."""
    return hashlib.sha256(content).hexdigest()
