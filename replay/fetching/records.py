"""Fetches the records that a catalogue names: headers, checksums, then signals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from contracts.errors import Misconfigured
from replay.fetching.catalogue import SUMS_FILE, published_sums, sha256_of
from replay.fetching.errors import Damaged, NotThere
from replay.fetching.record_kinds import WFDB_RECORD, RecordKind
from replay.fetching.server import Server
from replay.fetching.staging import Staging

TRIES: Final = 2


@dataclass(frozen=True, slots=True)
class FetchProgress:
    """How far a fetch is: `done` of `total` lists or records in a `phase` (lists, headers, checksums or signals)."""

    phase: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch did. `failed` holds (record, reason). `sums_checked` of `files` files were in the server's SHA-256 list."""

    patients: int
    records: int
    new_records: int
    new_bytes: int
    files: int
    sums_checked: int
    failed: tuple[tuple[str, str], ...]


def fetch_records(
    server: Server,
    out: Path,
    names: Sequence[str],
    on_progress: Callable[[FetchProgress], None] = lambda _: None,
    kind: RecordKind = WFDB_RECORD,
) -> Fetched:
    """Bring the named records to `out`, laid out as on the server, and list them there if their kind is read by a list.

    Blocks. A record that is whole in `out` is not fetched again; one that cannot be had or arrives damaged twice is left
    out and reported, the others go on. However this ends, `out` holds only whole records, its list names them,
    and the next call goes on from there. Raises Misconfigured for a wrong folder, Unavailable without network.
    """
    try:
        return _Fetch(server, Staging(out, kind), names, on_progress).run()
    except OSError as error:
        raise Misconfigured(f"cannot write to {out}: {error.strerror or error}; choose another --out") from None


class _Fetch:
    """One fetch: headers first, for they may name the signal files, then the checksums of all, then the signals."""

    def __init__(
        self, server: Server, staging: Staging, names: Sequence[str], on_progress: Callable[[FetchProgress], None]
    ) -> None:
        self._server = server
        self._staging = staging
        self._names = names
        self._on_progress = on_progress
        self._failed: dict[str, str] = {}
        self._bytes = 0

    def run(self) -> Fetched:
        missing = [name for name in self._names if not self._staging.is_whole(name)]
        checked = wanted = 0
        try:
            files = {name: self._attempt(name, self._header) for name in self._shown("headers", missing)}
            self._on_progress(FetchProgress("checksums", 0, 1))
            sums = published_sums(self._server, [file for of_record in files.values() for file in of_record])
            self._on_progress(FetchProgress("checksums", 1, 1))
            checked, wanted = len(sums), sum(map(len, files.values()))
            for name in self._shown("signals", missing):
                if files[name]:
                    self._attempt(name, partial(self._signals, files[name], sums))
        finally:
            self._staging.finish(self._names)
        whole = self._staging.whole
        new = len(whole.intersection(missing))
        patients = len({self._staging.kind.subject(PurePosixPath(name)) for name in whole})
        failed = tuple(self._failed.items())
        return Fetched(patients, len(whole), new, self._bytes, wanted, checked, failed)

    def _attempt(self, name: str, step: Callable[[str], list[str]]) -> list[str]:
        """Return what the step does for a record, after a second try for damage, or nothing when it is given up."""
        for _ in range(TRIES):
            try:
                return step(name)
            except (Damaged, NotThere) as error:
                self._failed[name] = str(error)
                if isinstance(error, NotThere):
                    break
        return []

    def _header(self, name: str) -> list[str]:
        """Fetch the header and return the record's files, the header first."""
        header = f"{name}.hea"
        with self._staging.dropping([header]):
            self._get(header)
            others = self._staging.kind.files(self._staging.place(name))
        return [header, *(str(PurePosixPath(name).with_name(other)) for other in others)]

    def _signals(self, files: list[str], sums: Mapping[str, str], name: str) -> list[str]:
        """Have all files of a record, check them, and move them to their place."""
        with self._staging.dropping(files):
            for file in files:
                self._get(file)
                if file in sums and sha256_of(self._staging.place(file)) != sums[file]:
                    raise Damaged(f"{PurePosixPath(file).name} differs from the server's {SUMS_FILE}")
            self._staging.move(name, files)
        self._failed.pop(name, None)
        return files

    def _get(self, file: str) -> None:
        place = self._staging.place(file)
        if not place.is_file():
            self._bytes += self._server.download(file, place)

    def _shown(self, phase: str, names: Sequence[str]) -> Iterator[str]:
        for done, name in enumerate(names):
            self._on_progress(FetchProgress(phase, done, len(names)))
            yield name
        self._on_progress(FetchProgress(phase, len(names), len(names)))
