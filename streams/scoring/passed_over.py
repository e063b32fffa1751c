"""Which messages the group's consumer fetched and never handed over, as Faust drops what it holds when the group changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple

from streams.state.devices import AssignedDevices
from streams.vitals_records import VitalsRecord
from transport.kafka.offsets import TopicPartition

LOOKS: Final = 3
"""As many in a row find a partition where it was: what is only on its way has come by then, and to read it twice does no harm."""
MOST_AT_ONCE: Final = 500

ReadGap = Callable[[TopicPartition, int, int], Awaitable[list[VitalsRecord]]]
"""(partition, start, stop) -> the records of [start, stop)."""


class Span(NamedTuple):
    """Offsets of a partition, from `start` up to and without `stop`."""

    partition: TopicPartition
    start: int
    stop: int


def own_positions(held: AssignedDevices) -> dict[TopicPartition, int]:
    """Return the next offset of each partition that is one device's own. A gap before a message shows by the message itself."""
    return {held.partition_of[device_id]: held.devices[device_id].next_offset for device_id in held.verified}


class SharedPositions:
    """Up to where the partitions that many devices share were handed over: between a device's own offsets lie others'."""

    def __init__(self) -> None:
        self.reached: dict[TopicPartition, int] = {}

    def begin_at(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Note where the group reads on after a change: what lies below was applied."""
        self.reached.update(offsets)

    def keep(self, partitions: Collection[TopicPartition]) -> None:
        """Forget all but these partitions."""
        self.reached = {at: offset for at, offset in self.reached.items() if at in partitions}

    async def filled(self, records: Sequence[VitalsRecord], read_gap: ReadGap) -> list[VitalsRecord]:
        """Return the records with what was passed over before each, read again."""
        whole = list[VitalsRecord]()
        for record in records:
            reached = self.reached.get(record.partition, record.offset)
            if record.offset > reached:
                whole += await read_gap(record.partition, reached, record.offset)
            whole.append(record)
            self.reached[record.partition] = max(reached, record.offset + 1)
        return whole


class PassedOver:
    """Finds partitions that stand still before their end."""

    def __init__(self) -> None:
        self._stood: dict[TopicPartition, tuple[int, int]] = {}

    def look(self, positions: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int | None]) -> list[Span]:
        """Return what to read of partitions that did not move for LOOKS calls. `ends`: where each ends, None unknown."""
        stood, spans = self._stood, list[Span]()
        self._stood = {}
        for partition, at in positions.items():
            end = ends.get(partition) or 0
            if end <= at:
                continue
            before, looks = stood.get(partition, (at, 0))
            looks = looks + 1 if before == at else 1
            self._stood[partition] = at, looks
            if looks >= LOOKS:
                spans.append(Span(partition, at, min(end, at + MOST_AT_ONCE)))
        return spans
