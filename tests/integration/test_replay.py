"""A replay into a real Kafka: what was recorded arrives, once, in order, under every fault that was seen."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource

from contracts.settings import Settings
from contracts.truth import TruthInterval
from contracts.vitals import VitalsBatch, decode_vitals
from fedsecure.local_stack import LocalStack
from replay.attacks import AttackSpec
from replay.kafka_producer import connect_producer, halt, register_topics
from replay.options import ReplayOptions
from replay.program import run
from replay.progress import Progress, ReplayResult
from replay.publisher import PATIENT, Limits
from replay.recording import Recording
from transport.kafka_options import kafka_python_options
from transport.topic_admin import ensure_topics

if TYPE_CHECKING:
    from tests.conftest import Spawn, WaitUntil

pytestmark = pytest.mark.integration

START = 92_000_000  # the year 2144, as MIMIC shifts its patients
FLAT_OUT = ReplayOptions(speed=None, pack_min=7)


def recording(device_id: str, minutes: int = 100, start: int = START, seed: int = 0) -> Recording:
    generator = np.random.default_rng([seed, minutes])
    heart = np.round(generator.normal(80.0, 5.0, minutes), 1)
    heart[:: max(minutes // 5, 1)] = np.nan
    return Recording(device_id, start, heart, np.round(heart / 4, 1), np.round(heart + 1, 1))


def read_records(settings: Settings, topic: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key, value) of everything that the topic holds now."""
    consumer = KafkaConsumer(**kafka_python_options(settings), enable_auto_commit=False)
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        while any(consumer.position(at) < end for at, end in ends.items()):
            for records in consumer.poll(timeout_ms=200).values():
                yield from ((record.key, record.value) for record in records)
    finally:
        consumer.close()


def batches(settings: Settings, device_id: str) -> list[VitalsBatch]:
    topic = settings.topics.vitals(device_id)
    return [decode_vitals(value, expected_device_id=device_id) for _, value in read_records(settings, topic)]


def as_applied(batches_read: list[VitalsBatch]) -> tuple[list[int], Mapping[str, np.ndarray]]:
    """Do as a worker does: drop what is not after the last minute applied; return minutes and channels."""
    minutes: list[int] = []
    values: dict[str, list[float | None]] = {"heart_rate_bpm": [], "resp_rate_bpm": [], "pulse_bpm": []}
    for batch in batches_read:
        for index in range(len(batch)):
            if minutes and batch.first_event_minute + index <= minutes[-1]:
                continue
            minutes.append(batch.first_event_minute + index)
            for name, channel in values.items():
                channel.append((getattr(batch, name) or [])[index])
    return minutes, {name: np.array(channel, dtype=np.float64) for name, channel in values.items()}


def assert_arrived(settings: Settings, sent: Recording) -> None:
    minutes, values = as_applied(batches(settings, sent.device_id))
    assert minutes == list(range(sent.first_event_minute, sent.end_event_minute))
    for name, channel in sent.channels().items():
        np.testing.assert_array_equal(values[name], channel)


def test_what_was_recorded_arrives(settings: Settings) -> None:
    sent = [recording("a", 100), recording("b", 53, start=START + 40_000_000, seed=1)]
    result = run(settings, sent, options=FLAT_OUT)
    assert (result.minutes, result.messages, result.unacked) == (153, 15 + 8, 0)
    for each in sent:
        assert_arrived(settings, each)
        arrived = batches(settings, each.device_id)
        assert [batch.end_of_recording for batch in arrived] == [False] * (len(arrived) - 1) + [True]
        assert len({batch.session_id for batch in arrived}) == 1


def test_a_second_replay_sends_only_what_is_missing(settings: Settings) -> None:
    sent = recording("a", 100)
    run(settings, [sent], options=ReplayOptions(speed=None, pack_min=7, minutes=40))
    again = run(settings, [sent, recording("b", 10)], options=FLAT_OUT)
    assert again.devices["a"].sent_min == 60
    assert again.devices["a"].was_resumed
    assert again.devices["b"].sent_min == 10
    assert_arrived(settings, sent)
    assert len({batch.session_id for batch in batches(settings, "a")}) == 1
    nothing = run(settings, [sent, recording("b", 10)], options=FLAT_OUT)
    assert nothing.nothing_left
    assert nothing.messages == 0


def test_a_resumed_replay_looks_past_what_is_not_vitals(settings: Settings) -> None:
    sent = recording("a", 100)
    run(settings, [sent], options=ReplayOptions(speed=None, minutes=40))
    producer = connect_producer(settings, [settings.topics.vitals("a")], linger_ms=0)
    for _ in range(30):
        producer.send(settings.topics.vitals("a"), key=b"a", value=b"not vitals").get(10)
    producer.close()
    assert run(settings, [sent], options=FLAT_OUT).devices["a"].sent_min == 60


def test_fresh_opens_a_later_session_from_the_start(settings: Settings) -> None:
    sent = recording("a", 30)
    run(settings, [sent], options=FLAT_OUT)
    run(settings, [sent], options=ReplayOptions(speed=None, pack_min=30, fresh=True))
    arrived = batches(settings, "a")
    assert arrived[-1].session_id > arrived[0].session_id
    assert (arrived[-1].first_event_minute, len(arrived[-1])) == (START, 30)


def test_repeat_sends_the_recording_as_new_devices(settings: Settings) -> None:
    sent = recording("p000020", 30)
    result = run(settings, [sent], options=ReplayOptions(speed=None, repeat=3))
    assert sorted(result.devices) == ["p000020", "p000020-r2", "p000020-r3"]
    for device_id in result.devices:
        arrived = batches(settings, device_id)
        assert {batch.device_id for batch in arrived} == {device_id}
        assert as_applied(arrived)[0] == list(range(START, START + 30))


def test_the_truth_is_told_on_its_own_topic_only(settings: Settings) -> None:
    spec = AttackSpec("data-poisoning-2", "a", onset_min=40, duration_min=20, level="strong", seed=7)
    result = run(settings, [recording("a"), recording("b")], [spec], FLAT_OUT)
    (told,) = [
        msgspec.json.decode(value, type=TruthInterval) for _, value in read_records(settings, settings.topics.truth)
    ]
    assert (told.device_id, told.attack, told.level, told.seed) == ("a", "data-poisoning-2", "strong", 7)
    assert (told.first_event_minute, told.end_event_minute) == (START + 40, START + 60)
    assert told.session_id == result.devices["a"].session_id
    _, values = as_applied(batches(settings, "a"))
    differs = ~np.isclose(values["heart_rate_bpm"], recording("a").heart_rate_bpm, equal_nan=True)
    differs |= ~np.isclose(values["resp_rate_bpm"], recording("a").resp_rate_bpm, equal_nan=True)
    assert "".join("1" if bit else "0" for bit in differs[40:60]) == told.poisoned
    assert "1" in told.poisoned
    assert not differs[:40].any()
    assert not differs[60:].any()
    for device_id in ("a", "b"):
        for key, value in read_records(settings, settings.topics.vitals(device_id)):
            assert key == device_id.encode()
            assert not any(word in value for word in (b"poison", b"attack", b"truth", b"strong"))


def test_an_interrupted_attack_is_the_same_after_resuming(settings: Settings) -> None:
    spec = AttackSpec("data-poisoning-1", "a", onset_min=40, duration_min=40, seed=3)
    run(settings, [recording("a")], [spec], ReplayOptions(speed=None, pack_min=7, minutes=55))
    run(settings, [recording("a")], [spec], FLAT_OUT)
    whole = settings.model_copy(update={"prefix": settings.prefix + "-w"})
    run(whole, [recording("a")], [spec], FLAT_OUT)
    np.testing.assert_array_equal(
        as_applied(batches(settings, "a"))[1]["heart_rate_bpm"], as_applied(batches(whole, "a"))[1]["heart_rate_bpm"]
    )


def test_topics_are_made_as_specified(settings: Settings) -> None:
    run(settings, [recording("a", 5)], options=FLAT_OUT)
    spec = settings.topics.vitals_spec("a")
    admin = KafkaAdminClient(**kafka_python_options(settings))
    try:
        described = admin.describe_configs([ConfigResource("TOPIC", spec.name)])
    finally:
        admin.close()
    actual = {name: entry["value"] for name, entry in described["topic"][spec.name].items()}
    assert {name: actual.get(name) for name in spec.config} == spec.config


def test_the_shared_layout_holds_all_devices_by_key_and_resumes(settings: Settings) -> None:
    shared = settings.model_copy(update={"topic_layout": "shared", "shared_partitions": 3})
    sent = [recording(device_id, 40, seed=number) for number, device_id in enumerate(["a", "b", "c", "d"])]
    run(shared, sent, options=ReplayOptions(speed=None, pack_min=7, minutes=20))
    run(shared, sent, options=FLAT_OUT)
    arrived: dict[str, list[VitalsBatch]] = {}
    for key, value in read_records(shared, shared.topics.vitals_shared):
        arrived.setdefault(key.decode(), []).append(decode_vitals(value, expected_device_id=key.decode()))
    for each in sent:
        minutes, values = as_applied(arrived[each.device_id])
        assert minutes == list(range(START, START + 40))
        assert sum(map(len, arrived[each.device_id])) == 40
        np.testing.assert_array_equal(values["heart_rate_bpm"], each.heart_rate_bpm)


def test_topics_are_registered_in_one_request_and_not_one_by_one(settings: Settings) -> None:
    names = [settings.topics.vitals(f"device-{number}") for number in range(220)]
    ensure_topics(settings, [settings.topics.vitals_spec(name.rsplit(".", 1)[1]) for name in names])
    one_by_one = connect_producer(settings, [])
    started = time.monotonic()
    for name in names[:20]:
        one_by_one.partitions_for(name)
    per_topic_s = (time.monotonic() - started) / 20
    halt(one_by_one)
    together = connect_producer(settings, [])
    started = time.monotonic()
    register_topics(together, names[20:])
    together_s = time.monotonic() - started
    assert all(together.partitions_for(name) == {0} for name in names[20:])
    halt(together)
    assert together_s < 0.2 * 200 * per_topic_s


class Running:
    """A replay in a thread of its own, at 20 minutes a second a device."""

    def __init__(self, settings: Settings, sent: list[Recording], limits: Limits = PATIENT) -> None:
        self.progress: list[Progress] = []
        self.stop = Event()
        self.result: ReplayResult | None = None
        self._replay = partial(
            run, settings, sent, options=ReplayOptions(speed=1200.0, pack_min=2),
            stop=self.stop, on_progress=self.progress.append, limits=limits,
        )  # fmt: skip
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.result = self._replay()

    def has_sent(self, minutes: int) -> bool:
        return bool(self.progress) and self.progress[-1].sent_min >= minutes

    def ended(self, timeout_s: float) -> ReplayResult:
        self._thread.join(timeout_s)
        assert self.result is not None, self.progress[-1:]
        return self.result


@pytest.mark.parametrize(
    ("limits", "replaced"),
    [(PATIENT, 0), (Limits(stuck_after_s=1.5), 1)],
    ids=["the_producer_recovers", "the_watchdog_replaces_it"],
)
def test_a_broker_that_is_killed_and_restarted_loses_nothing(
    own_stack: LocalStack, settings: Settings, wait_until: WaitUntil, limits: Limits, replaced: int
) -> None:
    sent = [recording("a", 300), recording("b", 300, seed=1)]
    replay = Running(settings, sent, limits)
    wait_until(lambda: replay.has_sent(60), 60, "60 minutes sent")
    own_stack.kill_broker()
    time.sleep(3.0)
    own_stack.start_broker()
    result = replay.ended(120)
    assert (result.minutes, result.unacked) == (600, 0)
    assert result.producers_replaced >= replaced
    assert max(each.lag_s for each in replay.progress) > 2.0
    for each in sent:
        assert_arrived(settings, each)


def test_a_stopped_replay_goes_on_later_without_a_gap(settings: Settings, wait_until: WaitUntil) -> None:
    sent = recording("a", 200)
    replay = Running(settings, [sent])
    wait_until(lambda: replay.has_sent(20), 60, "20 minutes sent")
    replay.stop.set()
    result = replay.ended(30)
    assert result.stopped
    assert 20 <= result.minutes < 200
    run(settings, [sent], options=FLAT_OUT)
    assert_arrived(settings, sent)


def test_the_command_stops_cleanly_on_a_signal_and_resumes(
    settings: Settings, spawn: Spawn, wait_until: WaitUntil
) -> None:
    command = ("replay", "--records", "p000020", "--minutes", "300", "--speed", "1200", "--pack", "1")
    first = spawn(*command, settings=settings)
    wait_until(lambda: " lag " in first.log, 60, "the first line of progress")
    wait_until(lambda: len(batches(settings, "p000020")) > 5, 60, "five messages")
    first.send(signal.SIGINT)
    assert first.wait(30) == 130
    assert "Run the same command again" in first.log
    sent_before = batches(settings, "p000020")
    second = spawn(*command, "--speed", "max", settings=settings)
    assert second.wait(60) == 0, second.log
    after = batches(settings, "p000020")
    assert sum(map(len, after)) == 300
    assert after[: len(sent_before)] == sent_before
    assert len({batch.session_id for batch in after}) == 1
