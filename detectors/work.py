"""One chunk on its way through the engine: which of its minutes were admitted, and what became of them."""

from __future__ import annotations

import math

import numpy as np

from contracts.verdicts import DeviceState
from detectors.ballot import Line
from detectors.chunks import MinuteChunk, Transition, Verdicts, minutes_of
from detectors.track import Track
from detectors.votes import KINDS


class Work:
    """One chunk on its way: the next of its minutes to admit, and its verdicts so far."""

    __slots__ = (
        "_verdicts", "chunk", "dropped", "error", "event_minute", "lines", "minutes", "position", "session_opened", "state",
        "threshold", "transitions",
    )  # fmt: skip

    def __init__(self, chunk: MinuteChunk) -> None:
        self.chunk = chunk
        self.minutes = list(minutes_of(chunk))
        self.position = 0
        self.dropped: dict[str, int] = {}
        self.transitions: list[Transition] = []
        self.session_opened = False
        self.event_minute: list[int] = []
        self.error: list[float] = []
        self.lines: list[Line] = []
        self.threshold: list[float] = []
        self.state: list[DeviceState] = []
        self._verdicts: Verdicts | None = None

    @property
    def done(self) -> bool:
        """Whether every minute was admitted or dropped."""
        return self.position == len(self.minutes)

    def drop(self, reason: str, minutes: int = 1) -> None:
        """Count minutes that are not applied."""
        self.dropped[reason] = self.dropped.get(reason, 0) + minutes

    def result(self) -> Verdicts:
        """Return the verdicts of a chunk that was judged to its end."""
        assert self._verdicts is not None
        return self._verdicts

    def close(self, track: Track) -> None:
        """Make the verdicts, with the device as it stands after this chunk."""
        scored = [at for at, line in enumerate(self.lines) if not math.isnan(line.score)]
        last = scored[-1] if scored else None
        scores = np.array([line.scores for line in self.lines], np.float32).reshape(-1, len(KINDS))
        self._verdicts = Verdicts(
            device_id=track.device_id,
            session_id=track.session_id,
            event_minute=np.array(self.event_minute, np.int64),
            reconstruction_error=np.array(self.error, np.float32),
            score=np.array([line.score for line in self.lines], np.float32),
            scores=dict(zip(KINDS, scores.T, strict=True)),
            threshold=np.array(self.threshold, np.float32),
            flagged=np.array([line.flagged for line in self.lines], np.bool_),
            state=self.state,
            transitions=self.transitions,
            dropped=self.dropped,
            session_opened=self.session_opened,
            windows=len(scored),
            flagged_windows=sum(line.flagged for line in self.lines),
            latest_score=None if last is None else self.lines[last].score,
            latest_threshold=None if last is None else self.threshold[last],
            latest_flagged=last is not None and self.lines[last].flagged,
            flagged_share=track.ballot.votes.share,
            enrolled=track.profile is not None,
            enrolment_share=track.enrolment_share,
            reason=track.reason(),
        )
