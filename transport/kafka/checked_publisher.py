"""Sends records to Kafka and forgets none: every send is checked, and a producer that fails or hangs is replaced.

Order within a topic holds throughout. A replaced producer's unacknowledged records are sent again, so a reader may see
some twice; receivers drop duplicates by (device, minute).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import structlog
from kafka.errors import (
    AuthorizationError,
    IllegalStateError,
    InvalidRecordError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    SaslAuthenticationFailedError,
    UnsupportedVersionError,
)
from kafka.future import Future

from contracts.errors import FedSecureError, Unavailable
from transport.clock import SYSTEM_CLOCK, Clock
from transport.kafka.producer import halt

FATAL = (
    AuthorizationError,
    InvalidRecordError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    SaslAuthenticationFailedError,
    UnsupportedVersionError,
)
log = structlog.get_logger()


class Stopped(FedSecureError):
    """The user asked to leave while the publisher was waiting for Kafka."""


class Producer(Protocol):
    """The part of kafka-python's producer that is used here."""

    def send(self, topic: str, value: bytes, key: bytes) -> Any: ...

    def close(self, timeout: float | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be under way, and how long it may stay so (seconds)."""

    in_flight: int = 5000
    stuck_after_s: float = 60.0
    give_up_after_s: float = 900.0
    recoveries_without_progress: int = 5
    poll_s: float = 0.005
    reconnect_pause_s: float = 1.0


PATIENT = Limits()


@dataclass(slots=True)
class _Sending:
    topic: str
    key: bytes
    value: bytes
    minutes: int
    handed_over_at: float
    future: Any = None


class CheckedPublisher:
    """A checked way out to Kafka for one thread, which calls `poll` a few times a second.

    `connect` returns a producer that knows every topic (raises Unavailable); `stopped` says that the user wants to
    leave: waiting then ends with Stopped. `while_waiting` is called again and again while Kafka keeps `send` waiting.
    `on_acknowledged` is told of each record that the broker has, with its minutes (0: no vitals), to count it.
    """

    def __init__(
        self,
        connect: Callable[[], Producer],
        *,
        clock: Clock = SYSTEM_CLOCK,
        limits: Limits = PATIENT,
        stopped: Callable[[], bool] = lambda: False,
        halt_producer: Callable[[Any], None] = halt,
        on_acknowledged: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._limits = limits
        self._stopped = stopped
        self._halt = halt_producer
        self._on_acknowledged = on_acknowledged
        self._unacked: deque[_Sending] = deque()
        self._recoveries = 0
        self._producer = connect()
        self.acked_messages = 0
        self.acked_minutes = 0
        self.rebuilt = 0
        self.while_waiting: Callable[[], None] = lambda: None

    @property
    def unacked(self) -> int:
        """Records handed over and not yet acknowledged."""
        return len(self._unacked)

    @property
    def oldest_unacked_s(self) -> float:
        """Age of the oldest record that waits for its acknowledgement, 0 when none does. Any thread may ask."""
        try:
            return self._clock.monotonic() - self._unacked[0].handed_over_at
        except IndexError:
            return 0.0

    def send(self, topic: str, key: bytes, value: bytes, minutes: int = 0) -> None:
        """Hand a record over. Blocks while too many are under way. Raises Unavailable or Stopped."""
        self.poll()
        while len(self._unacked) >= self._limits.in_flight:
            self._pause(self._limits.poll_s)
            self.poll()
        sending = _Sending(topic, key, value, minutes, self._clock.monotonic())
        self._unacked.append(sending)
        self._hand_over(sending)

    def poll(self) -> None:
        """Take in acknowledgements, and replace the producer when the oldest record failed or hangs."""
        while self._unacked:
            oldest = self._unacked[0]
            if oldest.future.succeeded():
                self._acknowledge(self._unacked.popleft())
            elif oldest.future.failed() or self.oldest_unacked_s > self._limits.stuck_after_s:
                self._recover(oldest)
            else:
                return

    def drain(self, within_s: float) -> int:
        """Wait up to `within_s` for acknowledgements, even when stopped, and return how many are missing still."""
        deadline = self._clock.monotonic() + within_s
        with suppress(Stopped):
            self.poll()
            while self._unacked and self._clock.monotonic() < deadline:
                self._clock.sleep(self._limits.poll_s)
                self.poll()
        return len(self._unacked)

    def close(self) -> None:
        """Stop within a second or two. What is not acknowledged by now may be lost, so `drain` first."""
        self._discard(self._producer)

    def _acknowledge(self, sending: _Sending) -> None:
        self._recoveries = 0
        if sending.minutes:
            self.acked_messages += 1
            self.acked_minutes += sending.minutes
        self._on_acknowledged(sending.minutes)

    def _hand_over(self, sending: _Sending) -> None:
        try:
            sending.future = self._producer.send(sending.topic, value=sending.value, key=sending.key)
        except KafkaError as error:
            sending.future = Future().failure(error)
            self._halt(self._producer)
        else:
            # From the producer's own thread, before it drains more: a later minute must not overtake a failed one.
            sending.future.add_errback(partial(_halt_on_error, self._halt, self._producer))

    def _recover(self, oldest: _Sending) -> None:
        error = oldest.future.exception
        if isinstance(error, FATAL):
            raise Unavailable(f"Kafka refused a record for {oldest.topic} for good ({type(error).__name__})")
        self._recoveries += 1
        if self._recoveries > self._limits.recoveries_without_progress:
            raise Unavailable(f"Kafka took no record for {oldest.topic} from {self._recoveries} producers in turn")
        cause = type(error).__name__ if error is not None else "no_answer"
        log.warning("producer_replaced", cause=cause, unacked=len(self._unacked))
        self._discard(self._producer)
        self._producer = self._reconnect()
        self.rebuilt += 1
        self._send_again()

    def _send_again(self) -> None:
        pending = [sending for sending in self._unacked if not sending.future.succeeded()]
        for sending in self._unacked:
            if sending.future.succeeded():
                self._acknowledge(sending)
        self._unacked = deque(pending)
        for sending in pending:
            sending.handed_over_at = self._clock.monotonic()
            self._hand_over(sending)

    def _reconnect(self) -> Producer:
        deadline = self._clock.monotonic() + self._limits.give_up_after_s
        while True:
            try:
                return self._connect()
            except Unavailable as error:
                if self._clock.monotonic() > deadline:
                    raise Unavailable(f"{error}; gave up after {self._limits.give_up_after_s:.0f} s") from None
            self._pause(self._limits.reconnect_pause_s)

    def _pause(self, seconds: float) -> None:
        if self._stopped():
            raise Stopped(f"{len(self._unacked)} messages were not acknowledged")
        self.while_waiting()
        self._clock.sleep(seconds)

    def _discard(self, producer: Producer) -> None:
        self._halt(producer)
        with suppress(KafkaError):
            producer.close(timeout=1)


def _halt_on_error(halt_producer: Callable[[Any], None], producer: Producer, error: BaseException) -> None:
    if not isinstance(error, IllegalStateError):  # that one says that it was halted already
        halt_producer(producer)
