"""Metric series of single devices, exported while the devices are few."""

from __future__ import annotations

from collections import Counter

from contracts.freshness import stale_after_s
from contracts.messages.verdicts import DeviceState, DeviceStatus
from contracts.metrics import (
    DEVICE_FLAGGED_SHARE,
    DEVICE_INFO,
    DEVICE_LAST_RECEIVED_SECONDS,
    DEVICE_SCORE,
    DEVICE_STALE_AFTER_SECONDS,
    DEVICE_STATE,
    DEVICE_THRESHOLD,
    DEVICES,
    STALE_DEVICES,
    STREAMING_DEVICES,
)

_OF_DEVICE = (
    DEVICE_INFO,
    DEVICE_FLAGGED_SHARE,
    DEVICE_LAST_RECEIVED_SECONDS,
    DEVICE_STALE_AFTER_SECONDS,
    DEVICE_SCORE,
    DEVICE_THRESHOLD,
)


class DeviceSeries:
    """Above `limit` devices none has series of its own: dashboards then read the aggregates.

    `stale_cap_s` is the longest silence (wall seconds) any device is allowed.
    """

    def __init__(self, limit: int, stale_cap_s: float) -> None:
        self._limit = limit
        self._stale_cap_s = stale_cap_s
        self._shown: dict[str, DeviceState] = {}
        self._statuses: dict[str, DeviceStatus] = {}

    def show(self, status: DeviceStatus) -> None:
        """Export a device's latest status."""
        device = status.device_id
        stale_after = stale_after_s(status.batch_interval_s, self._stale_cap_s)
        self._statuses[device] = status
        if len(self._statuses) > self._limit:
            for shown in list(self._shown):
                self._remove(shown)
            return
        if (old := self._shown.get(device)) not in (None, status.state):
            DEVICE_STATE.remove(device, str(old))
        self._shown[device] = status.state
        DEVICE_STATE.labels(device, str(status.state)).set(1)
        DEVICE_INFO.labels(device).info({"label": status.label or ""})
        DEVICE_FLAGGED_SHARE.labels(device).set(status.flagged_share)
        DEVICE_LAST_RECEIVED_SECONDS.labels(device).set(status.received_at)
        if status.finished:
            DEVICE_STALE_AFTER_SECONDS.remove(device)
        else:
            DEVICE_STALE_AFTER_SECONDS.labels(device).set(stale_after)
        if status.score is not None and status.threshold is not None:
            DEVICE_SCORE.labels(device).set(status.score)
            DEVICE_THRESHOLD.labels(device).set(status.threshold)

    def forget(self, device: str) -> None:
        """Remove a device that this worker no longer holds."""
        self._statuses.pop(device, None)
        self._remove(device)

    def count(self, now: float) -> None:
        """Export how many devices are in each state, may be asked by rounds, and are stale `now` (epoch seconds)."""
        # The silence of a device whose recording has ended is meant.
        sending = [status for status in self._statuses.values() if not status.finished]
        silent = [s for s in sending if now > s.received_at + stale_after_s(s.batch_interval_s, self._stale_cap_s)]
        STREAMING_DEVICES.set(sum(status.enrolled for status in sending))
        STALE_DEVICES.set(len(silent))
        counts = Counter(status.state for status in self._statuses.values())
        for state in DeviceState:
            DEVICES.labels(str(state)).set(counts[state])

    def _remove(self, device: str) -> None:
        state = self._shown.pop(device, None)
        if state is None:
            return
        DEVICE_STATE.remove(device, str(state))
        for gauge in _OF_DEVICE:
            gauge.remove(device)
