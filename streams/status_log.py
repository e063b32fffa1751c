"""Finds the latest status of devices in the compacted status topic, reading it backwards."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from contracts.errors import InvalidMessage
from contracts.verdicts import DeviceStatus, decode_status
from streams.records import Unit
from streams.stretch_reader import StretchReader

log = structlog.get_logger()

FIRST_STEP = 500


class StatusLog:
    """Remembers which devices the topic has ever named, so that looking for a new one reads only what is new."""

    def __init__(self, reader: StretchReader, topic: str) -> None:
        self._reader = reader
        self._topic = topic
        self._named: set[str] = set()
        self._read_through: dict[Unit, int] = {}

    async def latest(self, devices: Iterable[str]) -> dict[str, DeviceStatus]:
        """Return the newest status of each device that has one: the highest (epoch, applied_through) near the end."""
        wanted = set(devices)
        bounds = await self._reader.bounds(await self._reader.partitions(self._topic))
        reached = {unit: end for unit, (_, end) in bounds.items()}
        found: dict[str, DeviceStatus] = {}
        step = FIRST_STEP
        while missing := self._missing(wanted - found.keys(), reached):
            stretches = {
                unit: (max(bounds[unit][0], at - step), at) for unit, at in reached.items() if at > bounds[unit][0]
            }
            if not stretches:
                break
            await self._collect(stretches, missing, found)
            reached.update({unit: start for unit, (start, _) in stretches.items()})
            step *= 2
        self._remember(bounds, reached)
        return found

    def _missing(self, devices: set[str], reached: dict[Unit, int]) -> set[str]:
        """Return those that may still be found: where all newer records were seen, only devices named before."""
        known_below = bool(self._read_through) and all(
            at <= self._read_through.get(unit, -1) for unit, at in reached.items()
        )
        return devices & self._named if known_below else devices

    async def _collect(
        self, stretches: dict[Unit, tuple[int, int]], missing: set[str], found: dict[str, DeviceStatus]
    ) -> None:
        async for records in self._reader.read(stretches):
            for record in records:
                device_id = (record.key or b"").decode("ascii", "replace")
                self._named.add(device_id)
                if device_id not in missing or record.value is None:
                    continue
                try:
                    status = decode_status(record.value)
                except InvalidMessage as error:
                    log.warning("status_refused", device=device_id, reason=error.detail or error.reason)
                    continue
                known = found.get(device_id)
                if known is None or _pair(status) >= _pair(known):
                    found[device_id] = status

    def _remember(self, bounds: dict[Unit, tuple[int, int]], reached: dict[Unit, int]) -> None:
        """Once everything below `end` has been seen, in this call or before, later calls need not look there again."""
        for unit, (start, end) in bounds.items():
            if reached[unit] <= max(start, self._read_through.get(unit, -1)):
                self._read_through[unit] = end


def _pair(status: DeviceStatus) -> tuple[int, int]:
    return status.epoch, status.applied_through
