"""What a server lists: names of records, which become paths on this machine, and SHA-256 sums."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from contracts.errors import Misconfigured
from replay.fetching.errors import NotThere
from replay.fetching.server import Server

PATH: Final = re.compile(r"([A-Za-z0-9_-]+/)*[A-Za-z0-9_-]+/?")


def listed_names(text: str, list_name: str, example: str, path: re.Pattern[str] = PATH) -> Iterator[str]:
    """Yield the entries of a list of records, a line each. Raises Misconfigured for one that is no such name."""
    for name in text.split():
        if not path.fullmatch(name):
            raise Misconfigured(f"the server's {list_name} holds {name[:80]!r}; it lists names like {example}")
        yield name


def named(names: Iterable[str], wanted: Sequence[str]) -> list[str]:
    """Return those of the listed `names` that are wanted, by their whole path or its last part, in the list's order.

    Raises Misconfigured naming those that are not listed.
    """
    matches = {name: {name, PurePosixPath(name).name} & {*wanted} for name in names}
    lacking = sorted({*wanted}.difference(*matches.values()))
    if lacking:
        raise Misconfigured(f"the server does not list {', '.join(lacking)}; --records takes a record's name")
    return [name for name, by in matches.items() if by]


SUMS_FILE: Final = "SHA256SUMS.txt"


def published_sums(server: Server, names: Collection[str]) -> dict[str, str]:
    """Return name -> SHA-256 in hex of those of `names` that the server's list holds, nothing when it has no list.

    Blocks; the list is read only as far as needed (it is long: a line for every file of the database). Raises Unavailable.
    """
    wanted = set(names)
    matches: dict[str, str] = {}

    def take(line: str) -> bool:
        digest, _, name = line.strip().partition(" ")
        name = name.strip().removeprefix("*").removeprefix("./")
        if name in wanted:
            matches[name] = digest.lower()
        return len(matches) == len(wanted)

    if wanted:
        try:
            server.lines_until(SUMS_FILE, take)
        except NotThere:
            return {}
    return matches


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
