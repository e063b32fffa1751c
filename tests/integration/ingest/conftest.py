"""What the ingest's tests share: a gateway that repeats what was not acknowledged, and what arrived of it."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaConsumer, TopicPartition

from contracts.configuration.settings import Settings
from contracts.messages.vitals import VitalsBatch, decode_vitals
from transport.kafka.options import kafka_python_options

if TYPE_CHECKING:
    from tests.conftest import Program, Spawn, WaitUntil

REPEAT_AFTER_S = 0.1


class Gateway:
    """Sends messages one after the other and each again until it is acknowledged, as gateways do."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self.acknowledged = 0
        self.repeated = 0

    def send(self, message: bytes, give_up_after_s: float = 90.0) -> None:
        deadline = time.monotonic() + give_up_after_s
        while time.monotonic() < deadline:
            if self._try(message) == b"AA":
                self.acknowledged += 1
                return
            self.repeated += 1
            time.sleep(REPEAT_AFTER_S)
        pytest.fail(f"not acknowledged within {give_up_after_s:.0f} s")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _try(self, message: bytes) -> bytes:
        try:
            self._socket = self._socket or socket.create_connection(("127.0.0.1", self._port), timeout=20)
            self._socket.sendall(b"\x0b" + message + b"\x1c\r")
            answer = b""
            while not answer.endswith(b"\x1c\r"):
                part = self._socket.recv(4096)
                if not part:
                    raise ConnectionError
                answer += part
        except OSError:
            self.close()
            return b""
        found = re.search(rb"MSA\|(\w\w)", answer)
        return found.group(1) if found else b""


@dataclass(frozen=True)
class Arrived:
    """What Kafka holds under these settings now."""

    settings: Settings

    def values(self, topic: str) -> Iterator[bytes]:
        consumer = KafkaConsumer(**kafka_python_options(self.settings), enable_auto_commit=False)
        try:
            partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            ends = consumer.end_offsets(partitions)
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            while any(consumer.position(at) < end for at, end in ends.items()):
                for records in consumer.poll(timeout_ms=200).values():
                    yield from (record.value for record in records)
        finally:
            consumer.close()

    def batches(self, device_id: str) -> list[VitalsBatch]:
        topic = self.settings.topics.vitals(device_id)
        return [decode_vitals(value, expected_device_id=device_id) for value in self.values(topic)]

    def minutes(self, device_id: str) -> dict[int, list[tuple[float | None, float | None]]]:
        """Heart and respiratory rate of each minute, as often as it is there."""
        found: dict[int, list[tuple[float | None, float | None]]] = {}
        for batch in self.batches(device_id):
            for at, pair in enumerate(zip(batch.heart_rate_bpm, batch.resp_rate_bpm, strict=True)):
                found.setdefault(batch.first_event_minute + at, []).append(pair)
        return found


@pytest.fixture
def other_settings(open_corner: Callable[[], AbstractContextManager[Settings]]) -> Iterator[Settings]:
    """A second corner of the stack."""
    with open_corner() as fresh:
        yield fresh


@pytest.fixture
def arrived(settings: Settings) -> Arrived:
    return Arrived(settings)


def port_of(program: Program) -> int:
    for line in program.log.splitlines():
        with suppress(ValueError):
            event = json.loads(line)
            if event.get("event") == "ingest_listens":
                return int(event["port"])
    return 0


@pytest.fixture
def gateway_to() -> type[Gateway]:
    return Gateway


@pytest.fixture
def arrived_under() -> type[Arrived]:
    return Arrived


StartIngest = Callable[..., "tuple[Program, int]"]


@pytest.fixture
def start_ingest(spawn: Spawn, wait_until: WaitUntil) -> StartIngest:
    """Start an ingest and wait until it listens."""

    def start(settings: Settings, *options: str) -> tuple[Program, int]:
        program = spawn("ingest", "hl7", "--port", str(settings.ingest_port or 0), *options, settings=settings)
        wait_until(lambda: port_of(program) or not program.runs(), 60, "the ingest listens")
        assert program.runs(), program.log
        return program, port_of(program)

    return start
