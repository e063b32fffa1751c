"""The publisher loses nothing: whatever a producer does not acknowledge goes out again, in order, from another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kafka.errors import (
    IllegalStateError,
    KafkaTimeoutError,
    OutOfOrderSequenceNumberError,
    TopicAuthorizationFailedError,
)
from kafka.future import Future

from contracts.errors import Unavailable
from transport.clock import Clock
from transport.kafka.checked_publisher import CheckedPublisher, Limits, Stopped


class FakeTime:
    def __init__(self) -> None:
        self.now_s = 0.0
        self.on_sleep: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.on_sleep()

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now_s, lambda: self.now_s, self.sleep)


class FakeProducer:
    """Keeps what it is given; a test decides what becomes of it. As kafka-python: halted, it fails what it holds."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Future]] = []
        self.halted = False

    def send(self, topic: str, value: bytes, key: bytes) -> Future:
        if self.halted:
            raise IllegalStateError("closed")
        future = Future()
        self.sent.append((value, future))
        return future

    def close(self, timeout: float | None = None) -> None:
        self.halt()

    def halt(self) -> None:
        self.halted = True
        for _, future in self.sent:
            if not future.is_done:
                future.failure(IllegalStateError("Producer is closed forcefully."))

    def ack(self, *values: bytes) -> None:
        for value, future in self.sent:
            if value in values and not future.is_done:
                future.success(None)

    @property
    def values(self) -> list[bytes]:
        return [value for value, _ in self.sent]


class Bench:
    def __init__(self, **limits: Any) -> None:
        self.time = FakeTime()
        self.producers: list[FakeProducer] = []
        self.away = 0
        self.stop = False
        self.acknowledged: list[int] = []
        self.publisher = CheckedPublisher(
            self.connect,
            clock=self.time.clock,
            limits=Limits(**limits),
            stopped=lambda: self.stop,
            halt_producer=FakeProducer.halt,
            on_acknowledged=self.acknowledged.append,
        )

    def connect(self) -> FakeProducer:
        if self.away:
            self.away -= 1
            raise Unavailable("Kafka does not answer")
        self.producers.append(FakeProducer())
        return self.producers[-1]

    def send(self, *values: bytes) -> None:
        for value in values:
            self.publisher.send("t", b"k", value, minutes=1)


def test_acknowledged_minutes_are_counted_and_forgotten() -> None:
    bench = Bench()
    bench.send(b"1", b"2", b"3")
    bench.producers[0].ack(b"1", b"2")
    bench.publisher.poll()
    assert (bench.publisher.acked_minutes, bench.publisher.unacked) == (2, 1)


def test_each_acknowledged_record_is_told_with_its_minutes() -> None:
    bench = Bench()
    bench.publisher.send("truth", b"k", b"t")
    bench.send(b"1")
    assert bench.acknowledged == []
    bench.producers[0].ack(b"t", b"1")
    bench.publisher.poll()
    assert bench.acknowledged == [0, 1]
    assert (bench.publisher.acked_messages, bench.publisher.acked_minutes) == (1, 1)


def test_no_more_than_the_limit_is_under_way() -> None:
    bench = Bench(in_flight=2)
    bench.send(b"1", b"2")
    bench.time.on_sleep = lambda: bench.producers[0].ack(b"1")
    bench.send(b"3")
    assert bench.publisher.unacked == 2
    assert bench.time.now_s > 0


def test_a_record_that_hangs_gets_a_new_producer_and_goes_out_again_in_order() -> None:
    bench = Bench(stuck_after_s=60.0)
    bench.send(b"1", b"2", b"3")
    bench.producers[0].ack(b"2")
    bench.time.now_s = 61.0
    bench.publisher.poll()
    assert bench.producers[0].halted
    assert bench.producers[1].values == [b"1", b"3"]
    bench.producers[1].ack(b"1", b"3")
    assert bench.publisher.drain(1.0) == 0
    assert bench.publisher.acked_minutes == 3


def test_a_failed_record_stops_its_producer_before_a_later_minute_can_overtake_it() -> None:
    bench = Bench()
    bench.send(b"1", b"2")
    bench.producers[0].sent[0][1].failure(OutOfOrderSequenceNumberError())
    assert bench.producers[0].halted
    bench.publisher.poll()
    assert bench.producers[1].values == [b"1", b"2"]


def test_a_producer_that_takes_nothing_more_is_replaced() -> None:
    bench = Bench()
    bench.producers[0].halt()
    bench.send(b"1")
    bench.publisher.poll()
    assert bench.producers[1].values == [b"1"]


def test_a_broker_that_comes_back_in_time_is_waited_for() -> None:
    bench = Bench(give_up_after_s=100.0, reconnect_pause_s=1.0)
    bench.send(b"1")
    bench.away = 50
    bench.producers[0].halt()
    waits: list[float] = []
    bench.publisher.while_waiting = lambda: waits.append(bench.time.now_s)
    bench.publisher.poll()
    assert bench.producers[1].values == [b"1"]
    assert len(waits) == 50


def test_a_broker_that_stays_away_is_given_up() -> None:
    bench = Bench(give_up_after_s=100.0, reconnect_pause_s=1.0)
    bench.send(b"1")
    bench.away = 10_000
    bench.producers[0].halt()
    with pytest.raises(Unavailable, match="gave up after 100 s"):
        bench.publisher.poll()


def test_a_refusal_for_good_is_not_tried_again() -> None:
    bench = Bench()
    bench.send(b"1")
    bench.producers[0].sent[0][1].failure(TopicAuthorizationFailedError())
    with pytest.raises(Unavailable, match="TopicAuthorizationFailedError"):
        bench.publisher.poll()
    assert len(bench.producers) == 1


def test_producers_that_fail_in_turn_are_not_replaced_for_ever() -> None:
    bench = Bench(recoveries_without_progress=3)
    bench.send(b"1")
    for _ in range(3):
        bench.producers[-1].sent[0][1].failure(KafkaTimeoutError())
        bench.publisher.poll()
    bench.producers[-1].sent[0][1].failure(KafkaTimeoutError())
    with pytest.raises(Unavailable, match="4 producers in turn"):
        bench.publisher.poll()


def test_waiting_ends_when_the_user_leaves() -> None:
    bench = Bench(in_flight=1)
    bench.send(b"1")
    bench.stop = True
    with pytest.raises(Stopped):
        bench.send(b"2")
    assert bench.publisher.drain(5.0) == 1
    assert bench.time.now_s == pytest.approx(5.0, abs=0.1)
