"""What a source of recordings is, and what it gives: recordings that can be used, and what it left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from contracts.errors import Misconfigured
from replay.recording import Recording
from replay.sources.minutes.usable import Unusable, checked

if TYPE_CHECKING:
    from replay.sources.tables.blocks import BytesRead
    from replay.sources.tables.device_rows import DeviceRows
    from replay.sources.tables.row_store import RowStore

NAMES_SHOWN = 3
Names = frozenset[str]
"""The column names of a table's header, in lower case."""
RowsOf = Callable[[Path, "RowStore", "BytesRead"], "DeviceRows"]
"""Puts a table's rows into a store."""


@dataclass(frozen=True, slots=True)
class Source:
    """A format of recordings: `name` and `marks` say to people what it is called and what its files look like.

    A file is told by its suffix (`suffixes`, with the dot, lower case) or, if it is a text table, by its header
    (`header` says whether these are its columns). `folder` is a pattern of file names in lower case: of a folder with such
    files, below it too, these alone are read, and a subject's second recording is a device of its own. `read` raises Misconfigured for what cannot be read, and nothing else.
    A table of many devices, a row a minute, may be of any size: `rows` puts its rows into a store, from which `read` makes its recordings.
    What holds many recordings otherwise gives with `each` what `read` gives, little by little.
    """

    name: str
    marks: str
    read: Callable[[Path], Reading]
    suffixes: tuple[str, ...] = ()
    header: Callable[[Names], bool] | None = None
    folder: str | None = None
    rows: RowsOf | None = None
    each: Callable[[Path], Iterable[Reading]] | None = None


def all_sources() -> tuple[Source, ...]:
    """Return every source of this folder, by the name of its file.

    >>> any(".vital" in source.suffixes for source in all_sources())
    True
    """
    package = __name__.rpartition(".")[0]
    modules = [import_module(f"{package}.{module.name}") for module in iter_modules(import_module(package).__path__)]
    return tuple(module.SOURCE for module in modules if isinstance(getattr(module, "SOURCE", None), Source))


@dataclass(frozen=True, slots=True)
class Reading:
    """The usable recordings of a source in their order, the errors of the others, and what their formats are called."""

    recordings: tuple[Recording, ...]
    skipped: tuple[Unusable, ...] = ()
    formats: tuple[str, ...] = ()

    @property
    def found(self) -> int:
        """How many recordings the source holds, usable or not."""
        return len(self.recordings) + len(self.skipped)


def read_each(readers: Iterable[tuple[str, Callable[[], Recording]]]) -> Reading:
    """Call every reader and check its recording. One that is refused with Misconfigured is skipped under its name."""
    return merged(each_read(readers))


def each_read(readers: Iterable[tuple[str, Callable[[], Recording]]]) -> Iterator[Reading]:
    """Yield the same, a reader at a time."""
    return (read_or_skip(name, partial(_usable, name, read)) for name, read in readers)


def read_or_skip(name: str, read: Callable[[], Reading]) -> Reading:
    """Return what `read` gives, or, where it is refused with Misconfigured, that it is skipped under this name."""
    try:
        return read()
    except Unusable as error:
        return Reading((), (error,))
    except Misconfigured as error:
        return Reading((), (Unusable(name, without_name(str(error), name)),))


def merged(readings: Iterable[Reading]) -> Reading:
    """Return several readings as one."""
    recordings: list[Recording] = []
    skipped: list[Unusable] = []
    formats: dict[str, None] = {}
    for reading in readings:
        recordings += reading.recordings
        skipped += reading.skipped
        formats |= dict.fromkeys(reading.formats)
    return Reading(tuple(recordings), tuple(skipped), tuple(formats))


def _usable(name: str, read: Callable[[], Recording]) -> Reading:
    return Reading((checked(name, read()),))


def read_one(path: Path, read: Callable[[], Recording]) -> Reading:
    """Return what a file's only reader gives."""
    return read_each([(str(path), read)])


def numbered(readings: Iterable[Reading]) -> Iterator[Reading]:
    """Give each recording a device id of its own: the second of a subject gets `-2`, the third `-3`."""
    seen: Counter[str] = Counter()
    for reading in readings:
        recordings = []
        for recording in reading.recordings:
            seen[recording.device_id] += 1
            device_id = numbered_id(recording.device_id, seen[recording.device_id])
            recordings.append(replace(recording, device_id=device_id))
        yield replace(reading, recordings=tuple(recordings))


def numbered_id(device_id: str, number: int) -> str:
    """Return the id of a subject's so manieth recording.

    >>> numbered_id("p000020", 1), numbered_id("p000020", 2)
    ('p000020', 'p000020-2')
    """
    return device_id if number == 1 else f"{device_id}-{number}"


def without_name(sentence: str, name: str) -> str:
    """Return an error's sentence without the name of the file or recording before it.

    >>> without_name("ward.csv: it is empty", "ward.csv")
    'it is empty'
    """
    return sentence.removeprefix(name).lstrip(":, ")


def describe_skipped(skipped: Sequence[Unusable]) -> str:
    """Return each reason once, with how many recordings it hit and the first of their names.

    >>> describe_skipped([Unusable("a", "no heart rate"), Unusable("b", "no heart rate")])
    'no heart rate (2: a, b)'
    """
    by_reason: dict[str, list[str]] = {}
    for error in skipped:
        by_reason.setdefault(error.reason, []).append(error.short_name)
    return "; ".join(
        f"{reason} ({len(names)}: {', '.join(names[:NAMES_SHOWN])}{', …' if len(names) > NAMES_SHOWN else ''})"
        for reason, names in sorted(by_reason.items(), key=lambda item: -len(item[1]))
    )
