"""Reads back the vitals that a restored device needs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from contracts.errors import InvalidMessage
from contracts.messages.vitals import VitalsBatch, decode_vitals
from detectors.engine.chunks import MinuteChunk
from streams.vitals_records import DeviceNames, VitalsRecord
from transport.kafka.offset_range_reader import OffsetRangeReader
from transport.kafka.offsets import BackwardSteps, TopicPartition

FIRST_STEP = 128
PROBED_RECORDS = 16
JOINED_MIN = 360


@dataclass(slots=True)
class BackfillRequest:
    """Vitals of one device below offset `stop`, of one session, back to an event minute. `batches` are the result."""

    device_id: str
    partition: TopicPartition
    stop: int
    session_id: int
    from_event_minute: int
    batches: list[VitalsBatch] = field(default_factory=list)
    _oldest: list[tuple[int, int]] = field(default_factory=list)

    def add_older(self, values: Iterable[bytes | None]) -> None:
        """Put records read from before the known ones in front. Invalid ones were dead letters already."""
        older, places = [], []
        for value in values:
            try:
                batch = decode_vitals(value, expected_device_id=self.device_id)
            except InvalidMessage:
                continue
            places.append((batch.session_id, batch.first_event_minute))
            if batch.session_id == self.session_id:
                older.append(batch)
        self.batches[:0] = older
        self._oldest = (places + self._oldest)[:PROBED_RECORDS]

    def add_newer(self, records: Iterable[VitalsRecord]) -> None:
        """Put the device's records from `stop` on behind the known ones."""
        for record in records:
            with contextlib.suppress(InvalidMessage):
                if record.device_id == self.device_id:
                    batch = decode_vitals(record.value, expected_device_id=self.device_id)
                    self.batches += [batch] if batch.session_id == self.session_id else []

    def is_whole(self, first_kept: int) -> bool:
        """Return whether nothing that was asked for was deleted from the topic, whose first offset now is `first_kept`."""
        return first_kept == 0 or self.is_complete()

    def is_complete(self) -> bool:
        """Return whether the oldest records are old enough. Several are asked, for one may be a late repetition."""
        return bool(self._oldest) and max(self._oldest) <= (self.session_id, self.from_event_minute)


@dataclass(frozen=True, slots=True)
class BackfillReader:
    """Reads many devices' history together. At a minute a message a day takes about 1 MB a device."""

    reader: OffsetRangeReader
    names: DeviceNames

    async def read(self, wanted: Iterable[BackfillRequest], starts: Mapping[TopicPartition, int]) -> None:
        """Fill `batches` of each, all at once. `starts` holds the first offset that each topic still keeps."""
        by_partition: dict[TopicPartition, list[BackfillRequest]] = {}
        for request in wanted:
            by_partition.setdefault(request.partition, []).append(request)
        bounds = {
            partition: (starts[partition], max(request.stop for request in requests))
            for partition, requests in by_partition.items()
        }
        steps = BackwardSteps(bounds, FIRST_STEP)
        stops = {request.device_id: request.stop for requests in by_partition.values() for request in requests}
        pending = sorted(by_partition)
        while ranges := steps.next(pending):
            values: dict[str, list[bytes | None]] = {}
            async for records in self.reader.read(ranges):
                for record in records:
                    device_id = self.names.device_of(record.topic, record.key)
                    if record.offset < stops.get(device_id, 0):
                        values.setdefault(device_id, []).append(record.value)
            for request in (request for partition in ranges for request in by_partition[partition]):
                request.add_older(values.get(request.device_id, ()))
            pending = [at for at in ranges if not all(request.is_complete() for request in by_partition[at])]

    async def gap(self, partition: TopicPartition, start: int, stop: int) -> list[VitalsRecord]:
        """Return the records of [start, stop) that the group's consumer did not hand over."""
        ranges = {partition: (start, stop)}
        return [self.names.record(message) async for messages in self.reader.read(ranges) for message in messages]


def joined(batches: Sequence[VitalsBatch]) -> Iterator[MinuteChunk]:
    """Join batches that follow each other: the engine fills a long chunk much faster than many short ones."""
    together: list[VitalsBatch] = []
    first = minutes = 0
    for batch in batches:
        event_minute = batch.first_event_minute
        if together and (event_minute != first + minutes or minutes >= JOINED_MIN):
            yield _as_one(together, first)
            together = []
        if not together:
            first, minutes = event_minute, 0
        together.append(batch)
        minutes += len(batch)
    if together:
        yield _as_one(together, first)


def _as_one(batches: Sequence[VitalsBatch], first_event_minute: int) -> MinuteChunk:
    has_pulse = any(batch.pulse_bpm is not None for batch in batches)
    return MinuteChunk(
        batches[0].device_id,
        batches[0].session_id,
        first_event_minute,
        [value for batch in batches for value in batch.heart_rate_bpm],
        [value for batch in batches for value in batch.resp_rate_bpm],
        [value for batch in batches for value in batch.pulse_bpm or [None] * len(batch)] if has_pulse else None,
    )
