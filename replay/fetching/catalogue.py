"""Read what a server lists, and refuse what is no record name: it becomes a path on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from contracts.errors import Misconfigured

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
    found = {name: {name, PurePosixPath(name).name} & {*wanted} for name in names}
    lacking = sorted({*wanted}.difference(*found.values()))
    if lacking:
        raise Misconfigured(f"the server does not list {', '.join(lacking)}; --records takes a record's name")
    return [name for name, by in found.items() if by]
