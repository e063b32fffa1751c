"""The folder that records are fetched into: a record moves to its place when all of it is whole and checked."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from replay.fetching.errors import Damaged, NotThere
from replay.fetching.record_kinds import RecordKind
from replay.sources.wfdb_numerics import listed_records

UNFINISHED: Final = ".unfinished"


class Staging:
    """`out` and the folder below it that holds what is not checked yet. Calls read and write files and raise OSError."""

    def __init__(self, out: Path, kind: RecordKind) -> None:
        self.out = out
        self.kind = kind
        self._unfinished = out / UNFINISHED
        self._unfinished.mkdir(parents=True, exist_ok=True)
        self.whole: set[str] = set()

    def is_whole(self, record: str) -> bool:
        """Say whether a record stands in its place with every byte that its header promises."""
        if not Path(f"{self.out / record}.hea").is_file():
            return False
        try:
            self.kind.check(self.out / record)
        except Damaged:
            return False
        self.whole.add(record)
        return True

    def place(self, file: str) -> Path:
        """Return where a file is kept until it is checked. Its folder is there."""
        path = self._unfinished / file
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def move(self, record: str, files: Iterable[str]) -> None:
        """Check a record and move its files to their place, the header last. Raises Damaged."""
        self.kind.check(self._unfinished / record)
        for file in sorted(files, key=lambda file: file.endswith(".hea")):
            (self.out / file).parent.mkdir(parents=True, exist_ok=True)
            self.place(file).replace(self.out / file)

        self.whole.add(record)

    @contextmanager
    def dropping(self, files: Iterable[str]) -> Iterator[None]:
        """Forget what is kept of these files when the block finds that they are damaged or not to be had."""
        try:
            yield
        except (Damaged, NotThere):
            for file in files:
                self.place(file).unlink(missing_ok=True)
            raise

    def finish(self, records: Sequence[str]) -> None:
        """List the whole ones of `records` beside others listed before. Tidy up if nothing is open."""
        if self.kind.record_list is not None:
            record_list = self.out / self.kind.record_list
            before = listed_records(record_list) if record_list.is_file() else []
            if names := sorted({*before}.difference(records) | self.whole):
                part = record_list.with_name(f"{record_list.name}.part")
                part.write_text("\n".join(names) + "\n", encoding="utf-8")
                part.replace(record_list)
        if not any(path.is_file() for path in self._unfinished.rglob("*")):
            shutil.rmtree(self._unfinished)
