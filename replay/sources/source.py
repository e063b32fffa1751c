"""What a file of this folder says to become a source of recordings by itself: `SOURCE = Source(…)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from replay.sources.reading import Reading

Names = frozenset[str]
"""The column names of a table's header, in lower case."""


@dataclass(frozen=True, slots=True)
class Source:
    """A format of recordings: `name` and `marks` say to people what it is called and what its files look like.

    A file is told by its suffix (`suffixes`, with the dot, lower case) or, if it is a text table, by its header
    (`header` says whether these are its columns). `folder` is a pattern of file names in lower case: of a folder with such
    files, below it too, these alone are read, and a subject's second recording is a device of its own. `read` raises Misconfigured for what cannot be read, and nothing else.
    """

    name: str
    marks: str
    read: Callable[[Path], Reading]
    suffixes: tuple[str, ...] = ()
    header: Callable[[Names], bool] | None = None
    folder: str | None = None


def all_sources() -> tuple[Source, ...]:
    """Return every source of this folder, by the name of its file.

    >>> any(".vital" in source.suffixes for source in all_sources())
    True
    """
    package = __name__.rpartition(".")[0]
    modules = [import_module(f"{package}.{module.name}") for module in iter_modules(import_module(package).__path__)]
    return tuple(module.SOURCE for module in modules if isinstance(getattr(module, "SOURCE", None), Source))
