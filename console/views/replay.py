"""The replay page: what was really attacked beside what the detector said of it, minute by minute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from console.sources.board import Board
from console.sources.series import STATES, Minutes
from contracts.messages.truth import TruthInterval
from contracts.messages.verdicts import DeviceState

BEFORE_MIN: Final = 120
AFTER_MIN: Final = 240
_OUT: Final = STATES.index(DeviceState.QUARANTINED)


def runs_of(scores: Minutes, first: int, end: int) -> list[tuple[str, int, int]]:
    """Return (state, from minute, to minute) of each stretch of one state inside [first, end)."""
    held = scores.latest(len(scores))
    inside = (held["minute"] >= first) & (held["minute"] < end)
    minute, state = held["minute"][inside], held["state"][inside]
    if not len(minute):
        return []
    turns = np.flatnonzero(np.diff(state)) + 1
    starts = [0, *turns.tolist()]
    ends = [*(int(minute[at]) for at in turns), int(minute[-1]) + 1]
    return [(str(STATES[state[at]]), int(minute[at]), stop) for at, stop in zip(starts, ends, strict=True)]


def outcome_of(scores: Minutes, first: int, end: int) -> dict[str, Any]:
    """Return how the detector did on an attack over [first, end): a word, the delay in minutes, and a sentence."""
    held = scores.latest(len(scores))
    now = scores.last_minute
    if now < first:
        return _outcome("ahead", None, "has not begun yet")
    out = held["minute"][held["state"] == _OUT]
    if len(out) and first - 1 in out:
        return _outcome("before", None, "was excluded before it began")
    later = out[out >= first]
    if len(later):
        delay = int(later[0]) - first
        late = "" if later[0] < end else ", after it had ended"
        return _outcome("found", delay, f"quarantined {in_words(delay)} after it began{late}")
    if now >= end:
        return _outcome("missed", None, "ended without being noticed")
    return _outcome("open", None, f"under way for {in_words(now - first)}, not excluded so far")


def in_words(minutes: int) -> str:
    """Return a span of minutes as people say it."""
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _outcome(word: str, delay_min: int | None, words: str) -> dict[str, Any]:
    return {"outcome": word, "delay_min": delay_min, "words": words}


class ReplayView:
    """All attacks that the truth topic tells of, newest first, and exclusions for which it knows none."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._sent: dict[str, Any] = {}

    def snapshot(self) -> Mapping[str, Any]:
        """Return the panel as it was told last."""
        return self._sent

    def changes(self) -> Mapping[str, Any] | None:
        """Return the whole panel if anything in it differs from what was told."""
        devices = sorted(self._board.trails)
        panel = {"attacks": self._attacks(), "unexplained": self._unexplained(), "devices": devices}
        panel |= {"labels": self._board.labels(devices)}
        if panel == self._sent:
            return None
        self._sent = panel
        return panel

    def _attacks(self) -> list[dict[str, Any]]:
        truths = reversed(self._board.truths.values())
        return [self._attack(interval) for interval in truths if self._is_current(interval)]

    def _is_current(self, interval: TruthInterval) -> bool:
        trail = self._board.trails.get(interval.device_id)
        return trail is None or interval.session_id >= trail.scores.session_id

    def _attack(self, interval: TruthInterval) -> dict[str, Any]:
        first, end = interval.first_event_minute, interval.end_event_minute
        trail = self._board.trails.get(interval.device_id)
        scores = trail.scores if trail and trail.scores.session_id == interval.session_id else Minutes.of_scores()
        shown = (first - BEFORE_MIN, end + AFTER_MIN)
        return {
            "device": interval.device_id,
            "session": interval.session_id,
            "attack": interval.attack,
            "level": interval.level,
            "from": first,
            "to": end,
            "poisoned_share": round(interval.poisoned.count("1") / max(1, len(interval.poisoned)), 2),
            "shown": shown,
            "now": scores.last_minute,
            "states": runs_of(scores, *shown),
            **outcome_of(scores, first, end),
        }

    def _unexplained(self) -> list[dict[str, Any]]:
        """Return the devices that are quarantined now although nobody told of an attack on them."""
        attacked = {interval.device_id for interval in self._board.truths.values()}
        return [
            {"device": device_id, "since": trail.changes[-1].event_minute, "reason": trail.changes[-1].reason}
            for device_id, trail in sorted(self._board.trails.items())
            if device_id not in attacked and trail.changes and trail.changes[-1].state == DeviceState.QUARANTINED
        ]
