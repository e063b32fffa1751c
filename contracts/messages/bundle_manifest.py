"""The manifest of a detector bundle: its files, each by its sha256."""

from __future__ import annotations

from typing import Final

import msgspec

from contracts.content_hash import sha256_of

MANIFEST: Final = "manifest.json"
MAX_MANIFEST_BYTES: Final = 16_384


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a bundle (`size` in bytes)."""

    sha256: str
    size: int


class BundleManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The manifest as it lies in a bundle's folder, `files` by their names without itself."""

    format: str
    architecture: str
    features: list[str]
    files: dict[str, FileEntry]

    def holds(self, name: str, content: bytes) -> bool:
        """Return whether this is the content of the file that the manifest describes under this name."""
        entry = self.files.get(name)
        return entry is not None and len(content) == entry.size and sha256_of(content) == entry.sha256
