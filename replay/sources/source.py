"""What a file of this folder says to become a source of recordings by itself: `SOURCE = Source(…)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from replay.sources.reading import Reading


@dataclass(frozen=True, slots=True)
class Source:
    """A format that its suffix tells. `read` raises Misconfigured when a file cannot be read; `said` names it to people."""

    suffixes: tuple[str, ...]
    said: str
    read: Callable[[Path], Reading]


def sources_by_suffix() -> Mapping[str, Source]:
    """Return every such source of this folder, by each of its suffixes (with the dot, lower case)."""
    package = __name__.rpartition(".")[0]
    modules = [import_module(f"{package}.{module.name}") for module in iter_modules(import_module(package).__path__)]
    sources = [module.SOURCE for module in modules if isinstance(getattr(module, "SOURCE", None), Source)]
    return {suffix: source for source in sources for suffix in source.suffixes}
