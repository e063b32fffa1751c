"""One pass over a micro-batch: admit minutes of many devices, score their windows in one call, judge them in order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.ballot import WindowScore
from detectors.history import History
from detectors.intake import RowBuffer
from detectors.long_history import LongHistory, LongWindows
from detectors.scorer import TrainedModel, Yardstick
from detectors.ticks import Tick
from detectors.track import Track
from detectors.windows import Windows
from detectors.work import Work

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

MAX_PASS_ROWS: Final = 8192  # bounds the memory of a pass: 1 kB a window


class Segment(NamedTuple):
    """One device's minutes in a pass: the rows [first_row, end_row) that they pushed, and its chunks with their ticks."""

    track: Track
    first_row: int
    end_row: int
    parts: list[tuple[Work, list[Tick]]]


class Pass:
    """Admit, then judge: `admit` once a device, at most one segment each, then `judge` for all of them."""

    def __init__(self, model: TrainedModel, history: History, long_history: LongHistory) -> None:
        self._model = model
        self._history = history
        self._long_history = long_history
        self._rows = RowBuffer()
        self._segments: list[Segment] = []

    def admit(self, track: Track, works: Sequence[Work]) -> int:
        """Admit a device's chunks in order and return how many are finished.

        Stops at a minute that may freeze the profile (those after it need the new scale), before a new session, and
        when the pass is full.
        """
        track.end_restore()
        first_row = len(self._rows)
        to_freeze = track.valid_minutes_to_freeze()
        allowance = min(MAX_PASS_ROWS - first_row, MAX_PASS_ROWS if to_freeze is None else to_freeze)
        parts: list[tuple[Work, list[Tick]]] = []
        finished = 0
        for work in works:
            if allowance <= 0 or (parts and work.chunk.session_id > track.session_id):
                break
            self._enter(track, work)
            ticks, allowance = self._admit_minutes(track, work, allowance)
            parts.append((work, ticks))
            finished += work.done
        if parts:
            self._segments.append(Segment(track, first_row, len(self._rows), parts))
        return finished

    def judge(self) -> None:
        """Score every usable window in one call and apply the admitted minutes in order."""
        scores = self._score()
        for track, _, _, parts in self._segments:
            for work, ticks in parts:
                self._judge_ticks(track, work, ticks, scores)
                if work.done:
                    if work.chunk.session_id == track.session_id:
                        track.end_chunk(work.chunk, applied=len(work.event_minute))
                    work.close(track)

    def _enter(self, track: Track, work: Work) -> None:
        chunk = work.chunk
        if chunk.session_id > track.session_id:
            self._history.clear(track.slot)
            self._long_history.clear(track.slot)
            work.transitions += track.open_session(chunk.session_id, chunk.first_event_minute)
            work.session_opened = True
        elif chunk.session_id < track.session_id:
            work.drop("old_session", len(work.minutes))
            work.position = len(work.minutes)

    def _admit_minutes(self, track: Track, work: Work, allowance: int) -> tuple[list[Tick], int]:
        stream, rows, ticks = track.stream, self._rows, list[Tick]()
        while not work.done and allowance > 0:
            position = work.position
            work.position += 1
            event_minute = work.chunk.first_event_minute + position
            refused = stream.intake.refused(event_minute)
            if refused is not None:
                work.drop(refused)
                continue
            stream.intake.admit(event_minute)
            tick = stream.push(event_minute, *work.minutes[position], rows)
            if tick.valid:
                allowance -= 1
            ticks.append(tick)
        return ticks, allowance

    def _score(self) -> dict[int, WindowScore]:
        """Return what the model says of each usable window, by the row that ends it."""
        pushed = [segment for segment in self._segments if segment.end_row > segment.first_row]
        if not pushed:
            return {}
        values = np.array(self._rows.values, np.float32).reshape(-1, 2)
        event_minute = np.array(self._rows.event_minute, np.int64)
        counts = np.array([segment.end_row - segment.first_row for segment in pushed])
        slots = np.array([segment.track.slot for segment in pushed])
        windows = self._history.push(slots, counts, values, event_minute)
        ticks = [tick for segment in pushed for _, ticks in segment.parts for tick in ticks if tick.valid]
        ends = np.array([tick.end_row - 1 for tick in ticks])
        usable = windows.usable[ends]
        decision = np.array([tick.decision for tick in ticks])[usable]
        ends = ends[usable]
        raw, minutes = windows.cut(ends)
        owner = np.repeat(np.arange(len(pushed)), counts)[ends]
        long = self._long_windows(pushed, values, event_minute, ends[decision], owner[decision])
        slow = np.flatnonzero(decision)[long.usable]
        batch = Windows(owner, raw, minutes, slow, long.values, long.event_minute)
        return self._scored(batch, ends, [segment.track.yardstick for segment in pushed]) if len(ends) else {}

    def _long_windows(
        self, pushed: Sequence[Segment], values: Floats, event_minute: Ints, ends: Ints, owner: Ints
    ) -> LongWindows:
        """Cut the long windows that end at decisions, then push the rows of every device."""
        parts = []
        for place, segment in enumerate(pushed):
            rows = slice(segment.first_row, segment.end_row)
            fresh = values[rows], event_minute[rows]
            at = ends[owner == place] - segment.first_row
            if len(at):
                parts.append(self._long_history.windows(segment.track.slot, *fresh, at))
            self._long_history.push(segment.track.slot, *fresh)
        return LongWindows.joined(parts)

    def _scored(self, batch: Windows, ends: Ints, sticks: Sequence[Yardstick]) -> dict[int, WindowScore]:
        found = self._model.score(batch, sticks)
        copied = np.full(len(ends), np.nan)
        copied[batch.slow] = found.copied
        lines = zip(ends.tolist(), found.g.tolist(), copied.tolist(), found.error.tolist(), strict=True)
        return {
            row: WindowScore(tuple(g), share, error, partial(found.reason, place))
            for place, (row, g, share, error) in enumerate(lines)
        }

    def _judge_ticks(self, track: Track, work: Work, ticks: list[Tick], scores: dict[int, WindowScore]) -> None:
        for tick in ticks:
            window = scores.get(tick.end_row - 1) if tick.valid else None
            work.threshold.append(track.yardstick.threshold)
            work.lines.append(track.judge(tick, window, self._rows, work.transitions))
            work.event_minute.append(tick.event_minute)
            work.error.append(math.nan if window is None else window.error)
            work.state.append(track.state)
