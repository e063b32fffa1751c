"""Which numerics records of the PhysioNet/CinC Challenge 2009's training set to fetch: by its groups or by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from contracts.errors import Misconfigured
from replay.fetching.catalogue import listed_names
from replay.fetching.errors import NotThere
from replay.fetching.server import Server
from replay.sources.wfdb_numerics import subject_of

BASE_URLS: Final = (
    "https://physionet.org/files/challenge-2009/1.0.0/",
    "https://archive.physionet.org/pn5/mimic2db/",  # MIMIC-II, of which the challenge's training records are
)
RECORD_LIST: Final = "RECORDS"
TRAINING_SET: Final = "training-set"
DEEPEST: Final = 4
EXAMPLE: Final = "training-set/h1/a40439n"

# As published on the challenge's page of the training set; a server that is laid out by groups says it by its folders.
_PUBLISHED: Final = {
    "h1": "40439 40493 40764 40834 40928 41200 41447 41770 41835 41882 41925 42277 42397 42410 42928",
    "h2": "40006 40012 40050 40051 40064 40076 40096 40099 40113 40119 40125 40127 40154 40164 40172",
    "c1": "40282 40473 40551 40802 40921 41137 41177 41385 41434 41466 41495 41664 41934 42141 42259",
    "c2": "40207 40215 40225 40234 40260 40264 40277 40306 40329 40355 40374 40376 40384 40408 40424",
}
GROUPS: Final = {group: tuple(f"a{number}" for number in text.split()) for group, text in _PUBLISHED.items()}


@dataclass(frozen=True, slots=True)
class Choice:
    """What to fetch: records of these groups, and records of these names (`a40439`), in lower case."""

    groups: frozenset[str]
    names: frozenset[str]

    def opens(self, folder: str) -> bool:
        """Say whether a folder may hold what is chosen, so that its list is worth reading."""
        name = PurePosixPath(folder).name.lower()
        return name in {TRAINING_SET, *self.names, *(self.groups or GROUPS)}

    def takes(self, record: str) -> bool:
        """Say whether a record is chosen, by its name or by a group's folder that it is in."""
        path = PurePosixPath(record)
        return subject_of(path.name) in self.names or any(part.lower() in self.groups for part in path.parent.parts)


def choose(groups: Sequence[str] = (), records: Sequence[str] = ()) -> Choice:
    """Return the choice of some groups (none: all four), or of records by name instead. Raises Misconfigured."""
    if groups and records:
        raise Misconfigured("--records names single records and --groups whole groups; give one of them")
    if records:
        return Choice(frozenset(), frozenset(subject_of(PurePosixPath(record).name) for record in records))
    chosen = frozenset(group.lower() for group in groups) or frozenset(GROUPS)
    if unknown := sorted(chosen.difference(GROUPS)):
        raise Misconfigured(f"there is no group {', '.join(unknown)}; --groups takes some of {', '.join(GROUPS)}")
    return Choice(chosen, frozenset(name for group in chosen for name in GROUPS[group]))


def training_records(servers: Iterable[Server], choice: Choice) -> tuple[Server, list[str]]:
    """Return the first server whose lists hold chosen records, and their numerics there.

    Blocks. Raises Misconfigured when no server lists any, or not every one that is chosen by name, and Unavailable.
    """
    tried = []
    for server in servers:
        if records := list(dict.fromkeys(_listed(server, choice))):
            lacking = choice.names.difference(subject_of(PurePosixPath(record).name) for record in records)
            if lacking and not choice.groups:
                raise Misconfigured(f"{server.base_url} does not list {', '.join(sorted(lacking))}")
            return server, records
        tried.append(server.base_url)
    raise Misconfigured(
        f"no list of {' or '.join(tried)} holds such records; --base-url names a folder with {TRAINING_SET}/, or with a "
        "folder a record such as a40439/, and a RECORDS in each"
    )


def _listed(server: Server, choice: Choice) -> list[str]:
    """The chosen numerics, by the server's list, the training set's, or else those that records' own folders have."""
    lists = 0
    for folder in ("", f"{TRAINING_SET}/"):
        try:
            records = list(_below(server, folder, choice))
        except NotThere:
            continue
        if records:
            return records
        lists += 1
    return [] if lists else list(_below_all(server, sorted(f"{name}/" for name in choice.names), choice))


def _below(server: Server, folder: str, choice: Choice, depth: int = 1) -> Iterator[str]:
    """Yield the chosen numerics that a folder's list names, and those of the folders that it names. Raises NotThere."""
    entries = [folder + entry for entry in listed_names(server.text(folder + RECORD_LIST), RECORD_LIST, EXAMPLE)]
    for record in entries:
        if not record.endswith("/") and choice.takes(record):
            yield record if record.endswith("n") else f"{record}n"  # a waveform record has its numerics beside it
    if depth < DEEPEST:
        folders = [entry for entry in entries if entry.endswith("/") and choice.opens(entry)]
        yield from _below_all(server, folders, choice, depth + 1)


def _below_all(server: Server, folders: Iterable[str], choice: Choice, depth: int = DEEPEST) -> Iterator[str]:
    """Yield the chosen numerics of folders. One without a list has none."""
    for folder in folders:
        try:
            yield from _below(server, folder, choice, depth)
        except NotThere:
            continue
