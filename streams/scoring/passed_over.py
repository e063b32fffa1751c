"""Which messages the group's consumer fetched and never handed over, as Faust drops what it holds when the group changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from streams.state.devices import AssignedDevices
from transport.kafka.offsets import TopicPartition

LOOKS: Final = 3
"""As many in a row find a device where it was: what is only on its way has come by then, and to read it twice does no harm."""
MOST_AT_ONCE: Final = 500


class Span(NamedTuple):
    """Offsets of a partition, from `start` up to and without `stop`."""

    partition: TopicPartition
    start: int
    stop: int


class PassedOver:
    """Finds devices that stand still behind the end of their own topic; a gap before a message shows by the message itself."""

    def __init__(self) -> None:
        self._stood: dict[str, tuple[int, int]] = {}

    def look(self, held: AssignedDevices, ends: Mapping[TopicPartition, int | None]) -> list[Span]:
        """Return what to read for devices that did not move for LOOKS calls. `ends`: where each partition ends, None unknown."""
        stood, spans = self._stood, list[Span]()
        self._stood = {}
        for device_id in held.verified:
            at, partition = held.devices[device_id].next_offset, held.partition_of[device_id]
            end = ends.get(partition) or 0
            if end <= at:
                continue
            before, looks = stood.get(device_id, (at, 0))
            looks = looks + 1 if before == at else 1
            self._stood[device_id] = at, looks
            if looks >= LOOKS:
                spans.append(Span(partition, at, min(end, at + MOST_AT_ONCE)))
        return spans
