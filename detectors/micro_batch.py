"""One pass over a micro-batch: admit minutes of many devices, score their windows in one call, judge them in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.verdicts import DeviceState
from detectors.chunks import MinuteChunk, Transition, Verdicts, plain
from detectors.history import History
from detectors.intake import RowBuffer
from detectors.preprocessing import scaled
from detectors.scorer import TrainedModel
from detectors.track import Track

MAX_PASS_ROWS: Final = 8192  # bounds the memory of a pass: 1 kB a window


class Tick(NamedTuple):
    """An admitted minute and the rows [first_row, end_row) that it pushed (none: it was missing)."""

    event_minute: int
    first_row: int
    end_row: int


class Work:
    """One chunk on its way: the next of its minutes to admit, and its verdicts so far."""

    __slots__ = (
        "_verdicts", "chunk", "dropped", "error", "event_minute", "flagged", "heart", "position", "resp", "score",
        "session_opened", "state", "threshold", "transitions",
    )  # fmt: skip

    def __init__(self, chunk: MinuteChunk) -> None:
        self.chunk = chunk
        self.heart, self.resp = plain(chunk.heart_rate_bpm), plain(chunk.resp_rate_bpm)
        self.position = 0
        self.dropped: dict[str, int] = {}
        self.transitions: list[Transition] = []
        self.session_opened = False
        self.event_minute: list[int] = []
        self.error: list[float] = []
        self.score: list[float] = []
        self.threshold: list[float] = []
        self.flagged: list[bool] = []
        self.state: list[DeviceState] = []
        self._verdicts: Verdicts | None = None

    @property
    def done(self) -> bool:
        """Whether every minute was admitted or dropped."""
        return self.position == len(self.heart)

    def drop(self, reason: str, minutes: int = 1) -> None:
        """Count minutes that are not applied."""
        self.dropped[reason] = self.dropped.get(reason, 0) + minutes

    def result(self) -> Verdicts:
        """Return the verdicts of a chunk that was judged to its end."""
        assert self._verdicts is not None
        return self._verdicts

    def close(self, track: Track) -> None:
        """Make the verdicts, with the device as it stands after this chunk."""
        scored = [line for line, value in enumerate(self.error) if value == value]  # noqa: PLR0124 - NaN: no window
        last = scored[-1] if scored else None
        self._verdicts = Verdicts(
            device_id=track.device_id,
            session_id=track.session_id,
            event_minute=np.array(self.event_minute, np.int64),
            reconstruction_error=np.array(self.error, np.float32),
            score=np.array(self.score, np.float32),
            threshold=np.array(self.threshold, np.float32),
            flagged=np.array(self.flagged, np.bool_),
            state=self.state,
            transitions=self.transitions,
            dropped=self.dropped,
            session_opened=self.session_opened,
            windows=len(scored),
            flagged_windows=sum(self.flagged),
            latest_score=None if last is None else self.score[last],
            latest_threshold=None if last is None else self.threshold[last],
            latest_flagged=last is not None and self.flagged[last],
            flagged_share=track.votes.share,
            enrolled=track.profile is not None,
            enrolment_share=track.enrolment_share,
            reason=track.reason(),
        )


class Pass:
    """Admit, then judge: `admit` once a device, at most one segment each, then `judge` for all of them."""

    def __init__(self, model: TrainedModel, history: History) -> None:
        self._model = model
        self._history = history
        self._rows = RowBuffer()
        self._valid_rows: list[int] = []
        self._segments: list[tuple[Track, int, list[tuple[Work, list[Tick]]]]] = []

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
            self._segments.append((track, len(self._rows) - first_row, parts))
        return finished

    def judge(self) -> None:
        """Score every usable window in one call and apply the admitted minutes in order."""
        scores = self._score()
        for track, _, parts in self._segments:
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
            work.transitions += track.open_session(chunk.session_id, chunk.first_event_minute)
            work.session_opened = True
        elif chunk.session_id < track.session_id:
            work.drop("old_session", len(work.heart))
            work.position = len(work.heart)

    def _admit_minutes(self, track: Track, work: Work, allowance: int) -> tuple[list[Tick], int]:
        intake, rows, ticks = track.intake, self._rows, list[Tick]()
        while not work.done and allowance > 0:
            position = work.position
            work.position += 1
            event_minute = work.chunk.first_event_minute + position
            refused = intake.refused(event_minute)
            if refused is not None:
                work.drop(refused)
                continue
            intake.admit(event_minute)
            first_row = len(rows)
            if intake.push(event_minute, work.heart[position], work.resp[position], rows):
                self._valid_rows.append(len(rows) - 1)
                allowance -= 1
            ticks.append(Tick(event_minute, first_row, len(rows)))
        return ticks, allowance

    def _score(self) -> dict[int, tuple[float, float]]:
        """Return (logit, reconstruction error) by the row that ends a usable window."""
        if not self._valid_rows:
            return {}
        tracks = [track for track, pushed, _ in self._segments if pushed]
        counts = np.array([pushed for _, pushed, _ in self._segments if pushed])
        values = np.array(self._rows.values, np.float32).reshape(-1, 2)
        slots = np.array([track.slot for track in tracks])
        windows = self._history.push(slots, counts, values, np.array(self._rows.event_minute, np.int64))
        ends = np.array(self._valid_rows)
        ends = ends[windows.usable[ends]]
        if not len(ends):
            return {}
        raw, event_minute = windows.cut(ends)
        owner = np.repeat(np.arange(len(tracks)), counts)[ends]
        median, scale, residual_rms = _yardsticks(tracks)[:, owner]
        window_z = scaled(raw, median[:, None], scale[:, None])
        found = self._model.scorer.score(window_z, event_minute, residual_rms)
        error = found.mean_squared_residual.mean(axis=1)
        return dict(zip(ends.tolist(), zip(found.logit.tolist(), error.tolist(), strict=True), strict=True))

    def _judge_ticks(self, track: Track, work: Work, ticks: list[Tick], scores: dict[int, tuple[float, float]]) -> None:
        for event_minute, first_row, end_row in ticks:
            found = scores.get(end_row - 1) if end_row > first_row else None
            logit, error = (None, float("nan")) if found is None else found
            work.threshold.append(track.yardstick.threshold)
            pushed = (self._rows, first_row, end_row)
            score, flagged = track.judge(event_minute, logit, pushed, work.transitions)
            work.event_minute.append(event_minute)
            work.error.append(error)
            work.score.append(score)
            work.flagged.append(flagged)
            work.state.append(track.state)


def _yardsticks(tracks: Sequence[Track]) -> NDArray[np.float32]:
    """Return float32[3, D, 2]: median, scale and residual RMS of each device."""
    each = [(track.yardstick.median, track.yardstick.scale, track.yardstick.residual_rms) for track in tracks]
    return np.array(each, np.float32).transpose(1, 0, 2)
