"""One chunk on its way through the engine: which of its minutes were admitted, and what became of them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from contracts.messages.verdicts import DeviceState
from detectors.array_types import Bools, Floats32
from detectors.decisions.votes import KINDS
from detectors.engine.chunks import MinuteChunk, Transition, Verdicts, minutes_of
from detectors.engine.tracker import DeviceTracker


class MinuteVerdict(NamedTuple):
    """What a decision says of the minute that it falls on: score, scores by kind, whether it is flagged, the network's error."""

    score: float
    kinds: tuple[float, ...]
    flagged: bool
    error: float


class ChunkProgress:
    """The next of a chunk's minutes to admit, and its verdicts so far."""

    __slots__ = (
        "_result", "chunk", "dropped", "event_minute", "minutes", "position", "session_opened", "state", "threshold",
        "transitions", "verdicts",
    )  # fmt: skip

    def __init__(self, chunk: MinuteChunk) -> None:
        self.chunk = chunk
        self.minutes = list(minutes_of(chunk))
        self.position = 0
        self.dropped: dict[str, int] = {}
        self.transitions: list[Transition] = []
        self.session_opened = False
        self.event_minute: list[int] = []
        self.state: list[DeviceState] = []
        self.threshold: list[float] = []
        self.verdicts: dict[int, MinuteVerdict] = {}
        self._result: Verdicts | None = None

    @property
    def done(self) -> bool:
        """Whether every minute was admitted or dropped."""
        return self.position == len(self.minutes)

    def drop(self, reason: str, minutes: int = 1) -> None:
        """Count minutes that are not applied."""
        self.dropped[reason] = self.dropped.get(reason, 0) + minutes

    def add(self, event_minute: int, state: DeviceState, threshold: float, verdict: MinuteVerdict | None) -> None:
        """Add an applied minute. `verdict` is None where no decision falls."""
        if verdict is not None:
            self.verdicts[len(self.event_minute)] = verdict
        self.event_minute.append(event_minute)
        self.state.append(state)
        self.threshold.append(threshold)

    def result(self) -> Verdicts:
        """Return the verdicts of a chunk that was judged to its end."""
        assert self._result is not None
        return self._result

    def close(self, tracker: DeviceTracker) -> None:
        """Make the verdicts, with the device as it is after this chunk."""
        score, error, flagged, kinds = self._columns()
        at = next(reversed(self.verdicts), None)
        last = None if at is None else self.verdicts[at]
        self._result = Verdicts(
            device_id=tracker.device_id,
            session_id=tracker.session_id,
            event_minute=np.array(self.event_minute, np.int64),
            reconstruction_error=error,
            score=score,
            scores=kinds,
            threshold=np.array(self.threshold, np.float32),
            flagged=flagged,
            state=self.state,
            transitions=self.transitions,
            dropped=self.dropped,
            session_opened=self.session_opened,
            windows=len(self.verdicts),
            flagged_windows=int(flagged.sum()) if self.verdicts else 0,
            latest_score=None if last is None else last.score,
            latest_threshold=None if at is None else self.threshold[at],
            latest_flagged=last is not None and last.flagged,
            flagged_share=tracker.over_share,
            enrolled=tracker.profile is not None,
            enrolment_share=tracker.enrolment_share,
            reason=tracker.reason(),
        )

    def _columns(self) -> Columns:
        """Return the chunk's columns: NaN and False but where a decision fell."""
        nothing = _nothing(len(self.event_minute))
        if not self.verdicts:
            return nothing
        score, error, flagged = nothing[0].copy(), nothing[1].copy(), nothing[2].copy()
        kinds = np.full((len(KINDS), len(self.event_minute)), np.nan, np.float32)
        for place, verdict in self.verdicts.items():
            score[place], kinds[:, place], flagged[place], error[place] = verdict
        return score, error, flagged, dict(zip(KINDS, kinds, strict=True))


Columns = tuple[Floats32, Floats32, Bools, dict[str, Floats32]]


@lru_cache(maxsize=64)
def _nothing(count: int) -> Columns:
    """Return the columns of minutes on which no decision falls, as most chunks have them. Shared, so never written to."""
    score, flagged = np.full(count, np.nan, np.float32), np.zeros(count, np.bool_)
    score.flags.writeable = flagged.flags.writeable = False
    return score, score, flagged, dict.fromkeys(KINDS, score)
