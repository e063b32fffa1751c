"""Finished runs as lines of JSON: a run that was broken off goes on after the last seed that is there."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from chaos.run import Outcome


class Results:
    """`seeds.jsonl` of a folder. A seed that was run again, after something was mended, has several lines, the newest last."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "seeds.jsonl"

    def add(self, outcome: Outcome) -> None:
        """Append a line, in the place of one that was cut off, and have it on the disk. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as stream:
            stream.seek(0)
            stream.truncate(stream.read().rfind(b"\n") + 1)
            stream.write(msgspec.json.encode(outcome) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def all(self) -> list[Outcome]:
        """Return every run in the order in which they ended; a last line that was cut off is left out."""
        if not self.path.exists():
            return []
        whole = self.path.read_bytes().rpartition(b"\n")[0]
        return [msgspec.json.decode(line, type=Outcome) for line in whole.splitlines()]

    def newest(self) -> dict[int, Outcome]:
        """Return the newest run of each seed."""
        return {outcome.seed: outcome for outcome in self.all()}

    def left(self, seeds: range, *, again: bool = False) -> list[int]:
        """Return the seeds still to run: those that never were, and with `again` those whose newest run failed."""
        newest = self.newest()
        return [seed for seed in seeds if seed not in newest or (again and not newest[seed].passed)]
