"""Look up the SHA-256 of a few files in a list of any length, as PhysioNet publishes it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Final

from replay.fetching.errors import NotThere
from replay.fetching.server import Server

SUMS_FILE: Final = "SHA256SUMS.txt"


def published_sums(server: Server, names: Collection[str]) -> dict[str, str]:
    """Return name -> SHA-256 in hex of those of `names` that the server's list holds; empty when it has no list.

    Blocks; the list is read only as far as needed (it is long: a line for every file of the database). Raises Unavailable.
    """
    wanted = set(names)
    found: dict[str, str] = {}

    def take(line: str) -> bool:
        digest, _, name = line.strip().partition(" ")
        name = name.strip().removeprefix("*").removeprefix("./")
        if name in wanted:
            found[name] = digest.lower()
        return len(found) == len(wanted)

    if wanted:
        try:
            server.lines_until(SUMS_FILE, take)
        except NotThere:
            return {}
    return found


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
