"""The device page: one device's day of scores, vital signs and what the model expected, and what happened to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from console.sources.board import Board, DeviceTrail
from console.sources.device_feed import DeviceFeed
from console.sources.series import STATES, Columns, as_json
from console.views.rounds import event_of
from console.views.wall import tile_of
from fl_coordinator.gate.device_view import DeviceView

MOST_ROUND_EVENTS = 60


def scores_as_json(columns: Columns) -> dict[str, Any]:
    """Return score columns by name."""
    numbers = {name: as_json(column, 4) for name, column in columns.items() if name != "state"}
    return numbers | {"state": [STATES[code] for code in columns["state"].tolist()]}


def vitals_as_json(columns: Columns) -> dict[str, Any]:
    """Return vital-sign columns by name."""
    return {name: as_json(column) for name, column in columns.items()}


class DevicePageView:
    """One device. `device()` returns it as Redis shows it now, or None."""

    def __init__(
        self, device_id: str, device: Callable[[], DeviceView | None], board: Board, vitals: DeviceFeed
    ) -> None:
        self._id = device_id
        self._device = device
        self._board = board
        self._vitals = vitals
        self._tile: dict[str, Any] | None = None
        self._scores = (0, 0)
        self._seen = (0, 0)
        self._vitals_version = -1
        self._around = (-1, -1, -1)

    def snapshot(self) -> Mapping[str, Any]:
        """Return the whole page."""
        trail = self._trail()
        return {
            "device": self._tile,
            "scores": scores_as_json(trail.scores.latest(len(trail.scores))),
            "vitals": vitals_as_json(self._vitals.minutes.latest(len(self._vitals.minutes))),
            "expected": self._vitals.expected,
            **self._happened(trail),
        }

    def changes(self) -> Mapping[str, Any] | None:
        """Return what is new since the last call: minutes to be appended, the rest to be replaced."""
        trail = self._trail()
        changed = self._new_scores(trail) | self._new_vitals()
        view = self._device()
        tile = self._tile if view is None else self._full(view)
        if tile != self._tile:
            changed["device"] = self._tile = tile
        around = (trail.changes_added, self._board.rounds_version, self._board.truth_version)
        if around != self._around:
            self._around = around
            changed |= self._happened(trail)
        return changed or None

    def _full(self, view: DeviceView) -> dict[str, Any]:
        status = view.status
        more = ("minutes", "windows", "flagged_windows", "session_id", "epoch", "worker_id", "bundle_sha", "scores")
        return tile_of(view) | {name: getattr(status, name, None) for name in more}

    def _trail(self) -> DeviceTrail:
        return self._board.trails.get(self._id) or DeviceTrail()

    def _new_scores(self, trail: DeviceTrail) -> dict[str, Any]:
        now = (trail.scores.begun, trail.scores.added)
        before, self._scores = self._scores, now
        if now == before:
            return {}
        if now[0] != before[0]:
            return {"scores": scores_as_json(trail.scores.latest(len(trail.scores)))}
        return {"more_scores": scores_as_json(trail.scores.after(before[1]))}

    def _new_vitals(self) -> dict[str, Any]:
        news: dict[str, Any] = {}
        held = self._vitals.minutes
        before, self._seen = self._seen, (held.begun, held.added)
        if before[0] != held.begun:
            news["vitals"] = vitals_as_json(held.latest(len(held)))
        elif before[1] != held.added:
            news["more_vitals"] = vitals_as_json(held.after(before[1]))
        if self._vitals.version != self._vitals_version:
            self._vitals_version = self._vitals.version
            news["expected"] = self._vitals.expected
        return news

    def _happened(self, trail: DeviceTrail) -> dict[str, Any]:
        rounds = [event_of(event) for event in self._board.events if event.device_id == self._id]
        truths = [interval for interval in self._board.truths.values() if interval.device_id == self._id]
        return {
            "changes": [
                {"at": change.at, "minute": change.event_minute, "state": change.state, "reason": change.reason}
                for change in reversed(trail.changes)
            ],
            "rounds": rounds[: -MOST_ROUND_EVENTS - 1 : -1],
            "truth": [
                {"attack": t.attack, "level": t.level, "from": t.first_event_minute, "to": t.end_event_minute}
                for t in truths
            ],
        }
