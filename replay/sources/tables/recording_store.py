"""Hold recordings until they are wanted: in memory, or, where they are long, with their channels in one temporary file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from replay.recording import Recording
from replay.sources.tables.row_store import MOST_ROWS_IN_MEMORY
from replay.sources.tables.spill_file import SpillFile


@dataclass(frozen=True, slots=True, eq=False)
class KeptRecording:
    """A recording that is here as a whole (`known`), or `known` is its first minute and its channels lie in a file.

    In the file `path` they begin at the byte `offset`, `minutes` values each. Can be sent to another process.
    """

    known: Recording
    minutes: int
    path: Path | None = None
    offset: int = 0

    def named(self, device_id: str) -> KeptRecording:
        """Return it as the recording of another device."""
        return replace(self, known=replace(self.known, device_id=device_id))

    def recording(self) -> Recording:
        """Return the whole recording. Reads the file and raises OSError where that fails."""
        if self.path is None:
            return self.known
        names = tuple(self.known.channels())
        values = np.fromfile(self.path, np.float64, len(names) * self.minutes, offset=self.offset)
        channels = values.reshape(len(names), self.minutes)
        return replace(self.known, **dict(zip(names, channels, strict=True)))  # type: ignore[arg-type]


@dataclass(slots=True)
class RecordingStore:
    """Keeps recordings. With a `folder`, `most_minutes` are in memory at most, the others in a file there."""

    folder: Path | None = None
    most_minutes: int = MOST_ROWS_IN_MEMORY
    minutes_in_memory: int = 0
    _file: SpillFile | None = None

    def keep(self, recording: Recording) -> KeptRecording:
        """Keep a recording. May write to the folder; raises Unavailable where that fails."""
        if self.folder is None or self.minutes_in_memory + recording.minutes <= self.most_minutes:
            self.minutes_in_memory += recording.minutes
            return KeptRecording(recording, recording.minutes)
        self._file = self._file or SpillFile(self.folder, "recordings of a large folder")
        channels = recording.channels()
        offset = self._file.append(np.concatenate(list(channels.values())))
        first = {name: values[:1].copy() for name, values in channels.items()}
        known = replace(recording, **first)  # type: ignore[arg-type]
        return KeptRecording(known, recording.minutes, self._file.path, offset)
