"""How long after a device sent a minute its status tells of it."""

from __future__ import annotations

import threading
import time
from typing import Final

import numpy as np
from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPartition

from bench.row import Row
from bench.services import Sender, filled, local_services, wait_until, worker
from bench.ward import BEFORE_MIN, Ward, ward_of
from contracts.configuration.settings import Settings
from contracts.messages.verdicts import decode_status
from transport.kafka.options import kafka_python_options

DEVICES: Final = 200
REAL_TIME_OF: Final = 1000
"""Devices whose minute a minute the slow run is like."""
SHARE_OF_HIGHEST: Final = 0.8
LONGEST_WAIT_S: Final = 30.0
LONGEST_PACK: Final = 100
"""Minutes of a device that one status may sum up."""


def measure(*, quick: bool) -> list[Row]:
    """Return the median and the 99th percentile at real time for 1,000 devices, and at 80 % of what this worker can do."""
    minutes = 24 if quick else 100
    with local_services() as endpoints:
        ward = ward_of(DEVICES, BEFORE_MIN + 2 * minutes + 200)
        settings = filled(endpoints, Ward(ward.heart_rate_bpm[:, :BEFORE_MIN], ward.resp_rate_bpm[:, :BEFORE_MIN]))
        with worker(settings) as running:
            wait_until([running], DEVICES * BEFORE_MIN)
            slow_min = max(3, minutes // 33)
            slow = _delays_s(settings, ward, BEFORE_MIN, slow_min, REAL_TIME_OF / 60)
            at = BEFORE_MIN + slow_min
            began = wait_until([running], DEVICES * at)
            with Sender(settings, DEVICES) as sender:
                for minute in range(at, at + minutes):
                    for message in ward.messages(minute, minute + 1, sent_at=time.time()):
                        sender.send(message)
            ended = wait_until([running], DEVICES * (at + minutes))
            highest = (ended.minutes - began.minutes) / (ended.at - began.at)
            fast = _delays_s(settings, ward, at + minutes, minutes, SHARE_OF_HIGHEST * highest)
    return [*_rows("real time, 1,000 devices", slow), *_rows(f"80 % of the highest rate ({highest:,.0f}/s)", fast)]


def _rows(name: str, delays_s: list[float]) -> list[Row]:
    return [
        Row(
            f"from sending to status, {name}, p{q}",
            float(np.percentile(delays_s, q)) * 1000,
            "ms",
            note=f"n {len(delays_s)}",
        )
        for q in (50, 99)
    ]


def _delays_s(settings: Settings, ward: Ward, first: int, minutes: int, a_second: float) -> list[float]:
    """Send a minute a message at a steady rate and return how long each took until a status was read that holds it."""
    sent: dict[tuple[str, int], float] = {}
    delays: list[float] = []
    total, ready, all_sent = ward.devices * minutes, threading.Event(), threading.Event()
    reading = threading.Thread(target=_read, args=(settings, sent, delays, ready, all_sent), daemon=True)
    reading.start()
    ready.wait(30)
    with Sender(settings, DEVICES, linger_ms=0) as sender:
        began = time.monotonic()
        for number in range(total):
            minute, device = divmod(number, ward.devices)
            time.sleep(max(0.0, began + number / a_second - time.monotonic()))
            message = ward.message(device, first + minute, first + minute + 1, sent_at=time.time())
            sent[message.device_id, message.first_event_minute] = time.monotonic()
            sender.send(message)
    all_sent.set()
    reading.join(2 * LONGEST_WAIT_S)
    return delays


def _read(
    settings: Settings,
    sent: dict[tuple[str, int], float],
    delays: list[float],
    ready: threading.Event,
    all_sent: threading.Event,
) -> None:
    """Note the delay of each minute until all are sent and were seen, or none came for some time after that."""
    consumer = KafkaConsumer(**kafka_python_options(settings), enable_auto_commit=False, fetch_max_wait_ms=10)
    topic = settings.topics.device_status
    consumer.assign([KafkaPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())])
    consumer.seek_to_end()
    for partition in consumer.assignment():
        consumer.position(partition)
    ready.set()
    through: dict[str, int] = {}
    seen_at = time.monotonic()
    while not all_sent.is_set() or (sent and time.monotonic() - seen_at < LONGEST_WAIT_S):
        for records in consumer.poll(timeout_ms=100).values():
            now = seen_at = time.monotonic()
            for record in records:
                status = decode_status(record.value)
                first, last = (
                    through.get(status.device_id, status.applied_through - LONGEST_PACK),
                    status.applied_through,
                )
                held = [sent.pop((status.device_id, minute), None) for minute in range(first + 1, last + 1)]
                delays += [now - at for at in held if at is not None]
                through[status.device_id] = last
    consumer.close()
