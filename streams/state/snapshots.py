"""Finds the latest status of devices in the compacted status topic, reading it backwards."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from contracts.errors import InvalidMessage
from contracts.messages.verdicts import DeviceStatus, decode_status
from transport.kafka.offset_range_reader import OffsetRangeReader
from transport.kafka.offsets import BackwardSteps, TopicPartition

log = structlog.get_logger()

FIRST_STEP = 500


class SnapshotReader:
    """Remembers which devices the topic has ever named, so that looking for a new one reads only what is new."""

    def __init__(self, reader: OffsetRangeReader, topic: str) -> None:
        self._reader = reader
        self._topic = topic
        self._named: set[str] = set()
        self._read_through: dict[TopicPartition, int] = {}

    def forget(self) -> None:
        """Know of nothing any more: the topic was made anew."""
        self._named.clear()
        self._read_through.clear()

    async def latest(self, devices: Iterable[str]) -> dict[str, DeviceStatus]:
        """Return the newest status of each device that has one: the highest (epoch, applied_through) near the end."""
        wanted = set(devices)
        bounds = await self._reader.bounds(await self._reader.partitions(self._topic))
        steps = BackwardSteps(bounds, FIRST_STEP)
        newest: dict[str, DeviceStatus] = {}
        while (missing := self._missing(wanted - newest.keys(), steps.reached)) and (ranges := steps.next(bounds)):
            await self._collect(ranges, missing, newest)
        self._remember(bounds, steps.reached)
        return newest

    def _missing(self, devices: set[str], reached: dict[TopicPartition, int]) -> set[str]:
        """Return those that may still be found: where all newer records were seen, only devices named before."""
        known_below = bool(self._read_through) and all(
            at <= self._read_through.get(partition, -1) for partition, at in reached.items()
        )
        return devices & self._named if known_below else devices

    async def _collect(
        self, ranges: dict[TopicPartition, tuple[int, int]], missing: set[str], newest: dict[str, DeviceStatus]
    ) -> None:
        async for records in self._reader.read(ranges):
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
                known = newest.get(device_id)
                if known is None or _pair(status) >= _pair(known):
                    newest[device_id] = status

    def _remember(self, bounds: dict[TopicPartition, tuple[int, int]], reached: dict[TopicPartition, int]) -> None:
        """Once everything below `end` has been seen, in this call or before, later calls need not look there again."""
        for partition, (start, end) in bounds.items():
            if reached[partition] <= max(start, self._read_through.get(partition, -1)):
                self._read_through[partition] = end


def _pair(status: DeviceStatus) -> tuple[int, int]:
    return status.epoch, status.applied_through
