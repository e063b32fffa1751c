"""How a device's scores become votes: every kind on one scale, the largest against the threshold, decisions counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Set
from typing import Final, NamedTuple

from contracts.verdicts import DeviceSnapshot
from detectors.guards import SUSPICIOUS_SHARE
from detectors.scorer import MINUTE_KINDS, SCORED_KINDS, Yardstick
from detectors.ticks import Tick
from detectors.votes import KINDS, Votes
from detectors.windows import BLOCK_MIN

_SLOW: Final = tuple(enumerate(SCORED_KINDS))[len(MINUTE_KINDS) :]
_IN_WORDS: Final = {
    "replay": "heart rate and breathing repeat what this device sent before",
    "copies": "heart rate or breathing alone repeats an earlier stretch",
    "pulse": "the heart rate is not what the pulse says",
}


class WindowScore(NamedTuple):
    """What the model says of a window.

    `g` in the order of `SCORED_KINDS` (NaN: not known), `copied` a share 0..1 (NaN: not known), `error` the mean squared
    residual, `reason` puts its findings into words.
    """

    g: tuple[float, ...]
    copied: float
    error: float
    reason: Callable[[], str]


class Line(NamedTuple):
    """A minute's verdict: the scores in the order of `votes.KINDS` (NaN: none), the largest, and whether it is over the threshold."""

    scores: tuple[float, ...]
    score: float
    flagged: bool


NO_LINE: Final = Line((math.nan,) * len(KINDS), math.nan, False)


class Ballot:
    """A device's votes and the scores of its last decision, which hold until the next; only `kinds` of score are heard."""

    __slots__ = ("_held", "_held_block", "_kinds", "explanation", "votes")

    def __init__(self, snapshot: DeviceSnapshot, kinds: Set[str] = KINDS.keys()) -> None:
        self.votes = Votes(snapshot.scored_mask, snapshot.flagged_masks)
        self._kinds = kinds
        self._held = self._heard(snapshot.held_scores)
        self._held_block = snapshot.held_block
        self.explanation = snapshot.explanation

    def held(self) -> tuple[dict[str, float], int]:
        """Return the scores of the last decision and its block, for a snapshot."""
        return dict(self._held), self._held_block

    def advance(self, blocks: int) -> None:
        """Move on by blocks of event time."""
        self.votes.advance(blocks)

    def score(self, tick: Tick, window: WindowScore, stick: Yardstick) -> Line:
        """Judge a scored minute, and vote if a decision falls on it."""
        block = tick.event_minute // BLOCK_MIN
        if tick.decision:
            self._held, self._held_block = self._heard(_of_decision(tick, window, stick)), block
        scores = self._heard(dict(zip(MINUTE_KINDS, window.g, strict=False)))
        if block - self._held_block <= 1:
            scores |= self._held
        if tick.decision:
            self._vote({name: _over(score, stick.threshold) for name, score in scores.items()}, window)
        # A score that is no number counts against the device.
        score = math.inf if any(math.isnan(value) for value in scores.values()) else max(scores.values())
        line = tuple(scores.get(name, math.nan) for name in KINDS)
        return Line(line, score, _over(score, stick.threshold))

    def _heard(self, scores: Mapping[str, float]) -> dict[str, float]:
        return {name: score for name, score in scores.items() if name in self._kinds}

    def _vote(self, over: Mapping[str, bool], window: WindowScore) -> None:
        flagged = [name for name, is_over in over.items() if is_over]
        self.votes.cast(flagged)
        if flagged:
            guards = [_IN_WORDS[name] for name in flagged if name in _IN_WORDS]
            self.explanation = "; ".join(guards) or window.reason()
        elif not self.votes.share:
            self.explanation = ""


def _of_decision(tick: Tick, window: WindowScore, stick: Yardstick) -> dict[str, float]:
    """Scores that only a decision gives: long windows and guards, a guard's own limit being put on the threshold."""
    scores = {name: window.g[place] for place, name in _SLOW if not math.isnan(window.g[place])}
    scores["replay"] = stick.threshold * tick.replayed / SUSPICIOUS_SHARE
    if not math.isnan(window.copied):
        scores["copies"] = stick.threshold * window.copied / SUSPICIOUS_SHARE
    if tick.pulse_median_bpm is not None:
        scores["pulse"] = stick.threshold * tick.pulse_median_bpm / stick.pulse_limit_bpm
    return scores


def _over(score: float, threshold: float) -> bool:
    return not score <= threshold
