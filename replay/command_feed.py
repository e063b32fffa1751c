"""Listens for commands in a thread of its own: only those sent from now on, and none that is old."""

from __future__ import annotations

import time
from queue import SimpleQueue
from threading import Event, Thread
from typing import Final, Self

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from contracts.configuration.settings import Settings
from contracts.errors import InvalidMessage
from contracts.messages.replay_commands import ReplayCommand, decode_command
from transport.kafka.options import kafka_python_options

OLD_AFTER_S: Final = 60.0
POLL_MS: Final = 200
RETRY_S: Final = 1.0
log = structlog.get_logger()


class CommandFeed:
    """A context. `pending` hands out what has come since, without waiting. A Kafka that is away is waited for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: SimpleQueue[ReplayCommand] = SimpleQueue()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="commands", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5.0)

    def pending(self) -> list[ReplayCommand]:
        """Return the commands that have come since the last call."""
        return [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except KafkaError as error:
                log.warning("commands_not_heard", error=type(error).__name__)
                self._stop.wait(RETRY_S)

    def _listen(self) -> None:
        consumer = KafkaConsumer(**kafka_python_options(self._settings), enable_auto_commit=False, group_id=None)
        try:
            partition = TopicPartition(self._settings.topics.replay_commands, 0)
            consumer.assign([partition])
            consumer.seek_to_end(partition)
            consumer.position(partition)  # settled now, not at the first poll
            log.info("listening_for_commands", topic=partition.topic)
            while not self._stop.is_set():
                for records in consumer.poll(POLL_MS).values():
                    for record in records:
                        self._take(record.value)
        finally:
            consumer.close(autocommit=False)

    def _take(self, value: bytes | None) -> None:
        try:
            command = decode_command(value)
        except InvalidMessage as error:
            log.warning("command_refused", reason=error.reason)
            return
        if abs(time.time() - command.sent_at) > OLD_AFTER_S:
            log.warning("command_refused", reason="old", device_id=command.device_id)
            return
        self._waiting.put(command)
