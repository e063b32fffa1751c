"""Finds the last minute that each device's vitals topic holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError

from contracts.errors import InvalidMessage, Unavailable
from contracts.setting_parts import ServiceSettings
from contracts.vitals import decode_vitals
from transport.kafka.offsets import BackwardSteps
from transport.kafka.options import kafka_python_options

FIRST_STEP = 4
STEP_GROWTH = 16
READ_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class LastSent:
    """The newest minute of a device that its vitals topic holds, and the session that sent it."""

    session_id: int
    event_minute: int
    label: str | None = None


def read_last_sent(settings: ServiceSettings, device_ids: Iterable[str] | None) -> dict[str, LastSent]:
    """Return the newest minute of every device whose topic (or key, in the shared layout) holds a valid batch.

    All topics must exist. None is every device of the shared topic, which is read as a whole. Blocks; raises Unavailable.
    """
    wanted = None if device_ids is None else set(device_ids)
    try:
        consumer = KafkaConsumer(**kafka_python_options(settings), enable_auto_commit=False, group_id=None)
    except KafkaError as error:
        raise _unavailable(settings, error) from None
    try:
        if wanted is None or settings.topic_layout == "shared":
            return _read_shared(consumer, settings, wanted)
        return _read_per_patient(consumer, settings, wanted)
    except KafkaError as error:
        raise _unavailable(settings, error) from None
    finally:
        consumer.close(autocommit=False)


def _unavailable(settings: ServiceSettings, error: KafkaError) -> Unavailable:
    return Unavailable(
        f"Kafka at {settings.kafka_bootstrap_servers} did not give back the last minutes sent ({type(error).__name__})"
    )


def _read_per_patient(consumer: KafkaConsumer, settings: ServiceSettings, wanted: set[str]) -> dict[str, LastSent]:
    device_of = {TopicPartition(settings.topics.vitals(device_id), 0): device_id for device_id in wanted}
    found: dict[str, LastSent] = {}

    def still_wanted(partition: TopicPartition) -> bool:
        return device_of[partition] not in found

    for records in _windows_from_the_end(consumer, list(device_of), still_wanted):
        for record in records:
            _note(found, device_of[TopicPartition(record.topic, record.partition)], record)
    return found


def _read_shared(consumer: KafkaConsumer, settings: ServiceSettings, wanted: set[str] | None) -> dict[str, LastSent]:
    topic = settings.topics.vitals_shared
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    found: dict[str, LastSent] = {}

    def still_wanted(_: TopicPartition) -> bool:
        return wanted is None or bool(wanted - found.keys())

    for records in _windows_from_the_end(consumer, partitions, still_wanted):
        earlier: dict[str, LastSent] = {}
        for record in records:
            device_id = (record.key or b"").decode("utf-8", "replace")
            if wanted is None or device_id in wanted:
                _note(earlier, device_id, record)
        found.update({device_id: last for device_id, last in earlier.items() if device_id not in found})
    return found


def _note(found: dict[str, LastSent], device_id: str, record: ConsumerRecord) -> None:
    """Keep the furthest minute of a window: after a re-send the last record need not be it."""
    try:
        batch = decode_vitals(record.value, expected_device_id=device_id)
    except InvalidMessage:
        return  # somebody else's dead letter: the worker counts it, a replay looks past it
    if not len(batch):
        return
    last = LastSent(batch.session_id, batch.first_event_minute + len(batch) - 1, batch.label)
    known = found.get(device_id)
    if known is None or (last.session_id, last.event_minute) > (known.session_id, known.event_minute):
        found[device_id] = last


def _windows_from_the_end(
    consumer: KafkaConsumer, partitions: Sequence[TopicPartition], still_wanted: Callable[[TopicPartition], bool]
) -> Iterator[Iterator[ConsumerRecord]]:
    """Yield the records of ever earlier, ever larger windows until nothing more is wanted or the start is reached."""
    if not partitions:
        return
    ends = consumer.end_offsets(partitions)
    steps = BackwardSteps(consumer.beginning_offsets(partitions), ends, FIRST_STEP, STEP_GROWTH)
    while ranges := steps.next(at for at in partitions if still_wanted(at)):
        yield _read(consumer, ranges)


def _read(consumer: KafkaConsumer, ranges: Mapping[TopicPartition, tuple[int, int]]) -> Iterator[ConsumerRecord]:
    consumer.assign(list(ranges))
    for at, (start, _) in ranges.items():
        consumer.seek(at, start)
    unread = set(ranges)
    deadline = time.monotonic() + READ_TIMEOUT_S
    while unread:
        if time.monotonic() > deadline:
            raise Unavailable(f"Kafka gave no vitals of {next(iter(unread)).topic} within {READ_TIMEOUT_S:.0f} s")
        for at, records in consumer.poll(timeout_ms=200, max_records=5000).items():
            yield from (record for record in records if record.offset < ranges[at][1])
        unread = {at for at in unread if consumer.position(at) < ranges[at][1]}
