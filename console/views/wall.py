"""The device wall: a tile a device, and only those that changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from console.sources.board import Board
from console.sources.series import as_json
from contracts.messages.verdicts import DeviceState
from fl_coordinator.gate.device_view import FRESH, DeviceView

SPARK_MIN: Final = 60
_KEEP_WHEN_SILENT: Final = {DeviceState.QUARANTINED, DeviceState.INVALID_INPUT}

Tile = dict[str, Any]
Devices = Callable[[], Mapping[str, DeviceView]]


def shown_state(view: DeviceView) -> str:
    """Return what a tile shows as the device's state: `stale` and `from_the_future` come before a verdict that they make old.

    An exclusion stays one, however silent the device is.
    """
    if view.status is None:
        return view.freshness
    if view.status.state in _KEEP_WHEN_SILENT or view.freshness in {FRESH, "finished"}:
        return str(view.status.state)
    return view.freshness


def tile_of(view: DeviceView) -> Tile:
    """Return a device's tile without its course. Nothing in it changes with time alone."""
    status = view.status
    tile: Tile = {
        "id": view.device_id,
        "label": view.label,
        "standing": shown_state(view),
        "verdict": view.state,
        "freshness": view.freshness,
        "may_train": view.may_train,
        "why_not": view.why_not,
    }
    if status is None:
        return tile | {"reason": "nothing readable in Redis"}
    return tile | {
        "reason": status.reason,
        "score": None if status.score is None else round(status.score, 2),
        "threshold": None if status.threshold is None else round(status.threshold, 2),
        "flagged_share": round(status.flagged_share, 2),
        "enrolled": status.enrolled,
        "enrolment_share": round(status.enrolment_share, 2),
        "received_at": round(status.received_at, 1),
        "state_since": status.state_since,
        "applied_through": status.applied_through,
        "finished": status.finished,
    }


class WallView:
    """All devices of `devices()`, with the course of their last hour of scores from the board."""

    def __init__(self, devices: Devices, board: Board) -> None:
        self._devices = devices
        self._board = board
        self._sent: dict[str, tuple[Tile, int, int]] = {}

    def snapshot(self) -> Mapping[str, Any]:
        """Return every tile as it was told last."""
        return {"devices": [tile | self._course(device_id, None) for device_id, (tile, _, _) in self._sent.items()]}

    def changes(self) -> Mapping[str, Any] | None:
        """Return the tiles that differ from what was told, with the scores that are new, and the devices that are gone."""
        devices = self._devices()
        gone = [device_id for device_id in self._sent if device_id not in devices]
        for device_id in gone:
            del self._sent[device_id]
        changed = [tile for view in devices.values() if (tile := self._if_changed(view)) is not None]
        return {"devices": changed, "gone": gone} if changed or gone else None

    def _if_changed(self, view: DeviceView) -> Tile | None:
        tile = tile_of(view)
        trail = self._board.trails.get(view.device_id)
        begun, added = (trail.scores.begun, trail.scores.added) if trail else (0, 0)
        sent = self._sent.get(view.device_id)
        if sent == (tile, begun, added):
            return None
        self._sent[view.device_id] = (tile, begun, added)
        goes_on = sent is not None and sent[1] == begun
        return tile | self._course(view.device_id, sent[2] if sent and goes_on else None)

    def _course(self, device_id: str, since: int | None) -> Tile:
        """Return the scores since then to be appended, or the whole course."""
        trail = self._board.trails.get(device_id)
        if trail is None:
            return {"course": []}
        scores = trail.scores
        if since is None or scores.added - since > SPARK_MIN:
            return {"course": as_json(scores.latest(SPARK_MIN)["score"])}
        return {"more": as_json(scores.after(since)["score"])}
