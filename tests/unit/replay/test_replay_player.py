"""The player hands each minute over when it is due, and keeps the truth away from the vitals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Event

import msgspec
import numpy as np
import pytest

from contracts.messages.truth import TruthInterval
from contracts.messages.vitals import VitalsBatch, decode_vitals
from contracts.metrics import REPLAY_ATTACKS, REPLAY_MESSAGES, REPLAY_MINUTES, REPLAY_TRUTHS
from replay.attacks import AttackSpec, Injection
from replay.cohort import Patient
from replay.options import ReplayOptions
from replay.player import Player, Route
from replay.program import count_acknowledged
from replay.progress import Progress, ReplayResult
from replay.recording import Recording
from replay.sessions import open_sessions
from transport.clock import Clock
from transport.kafka.checked_publisher import Stopped
from transport.kafka.last_sent import LastSent

START = 100_000
NOW_S = 1_700_000_000.0


class FakeOutlet:
    """Acknowledges at once and notes when each record came; `refuse_after` plays a Kafka that went away."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.records: list[tuple[float, str, bytes]] = []
        self.acked_messages = self.acked_minutes = self.rebuilt = 0
        self.oldest_unacked_s = 0.0
        self.refuse_after: int | None = None
        self.while_waiting: Callable[[], None] = lambda: None

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now_s, lambda: NOW_S + self.now_s, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def send(self, topic: str, key: bytes, value: bytes, minutes: int = 0) -> None:
        if self.refuse_after is not None and len(self.records) >= self.refuse_after:
            raise Stopped("1 messages were not acknowledged")
        self.records.append((self.now_s, topic, value))
        self.acked_messages += 1
        self.acked_minutes += minutes

    def poll(self) -> None:
        pass

    def drain(self, within_s: float) -> int:
        return 0

    def batches(self, device_id: str) -> list[tuple[float, VitalsBatch]]:
        topic = f"vitals.{device_id}"
        return [
            (at, decode_vitals(value, expected_device_id=device_id)) for at, to, value in self.records if to == topic
        ]


def patient(device_id: str, minutes: int, start: int = START, poisoned_min: range | None = None) -> Patient:
    heart = 60.0 + np.arange(minutes) / 10
    heart[minutes // 2] = np.nan
    recording = Recording(device_id, start, heart, heart / 4, None)
    if poisoned_min is None:
        return Patient(recording)
    spec = AttackSpec("data-poisoning-2", device_id, onset_min=5, duration_min=8, level="strong", seed=7)
    poisoned = np.isin(np.arange(minutes), poisoned_min)
    return Patient(recording, (Injection(recording, poisoned, spec, end_min=13),))


def play(
    outlet: FakeOutlet,
    patients: list[Patient],
    options: ReplayOptions,
    last_sent: dict[str, LastSent] | None = None,
    stop: Event | None = None,
    progress: list[Progress] | None = None,
) -> ReplayResult:
    sessions = open_sessions([p.recording for p in patients], last_sent or {}, options, int(NOW_S * 1000))
    route = Route(lambda device_id: f"vitals.{device_id}", "truth")
    player = Player(
        patients, sessions, options, route, outlet,
        clock=outlet.clock, stop=stop or Event(), on_progress=None if progress is None else progress.append,
    )  # fmt: skip
    return player.play()


def test_each_message_leaves_when_its_last_minute_is_over() -> None:
    outlet = FakeOutlet()
    play(outlet, [patient("a", 10)], ReplayOptions(speed=60.0, pack_min=4))
    assert [round(at, 6) for at, _ in outlet.batches("a")] == [4.0, 8.0, 10.0]


def test_devices_of_different_centuries_run_side_by_side() -> None:
    outlet = FakeOutlet()
    play(outlet, [patient("a", 6), patient("b", 6, start=START + 52_000_000)], ReplayOptions(speed=60.0, pack_min=2))
    assert [at for at, _ in outlet.batches("a")] == pytest.approx([at for at, _ in outlet.batches("b")])


def test_flat_out_nothing_is_waited_for() -> None:
    outlet = FakeOutlet()
    result = play(outlet, [patient("a", 1000)], ReplayOptions(speed=None))
    assert outlet.now_s == 0.0
    assert result.minutes == 1000


def test_what_arrives_is_the_recording() -> None:
    outlet = FakeOutlet()
    sent = patient("a", 21)
    play(outlet, [sent], ReplayOptions(speed=3600.0, pack_min=8))
    batches = [batch for _, batch in outlet.batches("a")]
    assert [batch.first_event_minute for batch in batches] == [START, START + 8, START + 16]
    heart = [np.nan if value is None else value for batch in batches for value in batch.heart_rate_bpm]
    np.testing.assert_array_equal(heart, sent.recording.heart_rate_bpm)
    assert [batch.end_of_recording for batch in batches] == [False, False, True]
    assert {batch.batch_interval_s for batch in batches} == {8 * 60 / 3600}
    assert {batch.session_id for batch in batches} == {int(NOW_S * 1000)}
    assert batches[0].sent_at == pytest.approx(NOW_S + 8 * 60 / 3600)


def test_a_resumed_device_sends_only_what_is_missing_and_starts_at_once() -> None:
    outlet = FakeOutlet()
    result = play(
        outlet, [patient("a", 10), patient("b", 10)], ReplayOptions(speed=60.0, pack_min=1),
        last_sent={"a": LastSent(5, START + 6), "b": LastSent(6, START + 9)},
    )  # fmt: skip
    assert [(batch.first_event_minute, batch.session_id) for _, batch in outlet.batches("a")] == [
        (START + 7, 5),
        (START + 8, 5),
        (START + 9, 5),
    ]
    assert [at for at, _ in outlet.batches("a")] == pytest.approx([1.0, 2.0, 3.0])
    assert outlet.batches("b") == []
    assert result.devices["b"].session.is_complete
    assert not result.nothing_left


def test_stop_ends_between_two_messages_and_says_how_far_it_came() -> None:
    outlet = FakeOutlet()
    stop = Event()
    progress: list[Progress] = []
    options = ReplayOptions(speed=60.0, pack_min=1)
    outlet_sleep = outlet._sleep

    def sleep_and_stop(seconds: float) -> None:
        outlet_sleep(seconds)
        if outlet.now_s > 5.05:
            stop.set()

    outlet._sleep = sleep_and_stop  # type: ignore[method-assign]
    result = play(outlet, [patient("a", 100)], options, stop=stop, progress=progress)
    assert result.stopped
    assert result.minutes == 5
    assert result.devices["a"].sent_min == 5
    assert progress[-1].sent_min == 5
    assert progress[-1].total_min == 100


def test_a_kafka_that_went_away_before_the_stop_is_not_waited_for() -> None:
    outlet = FakeOutlet()
    outlet.refuse_after = 3
    result = play(outlet, [patient("a", 100)], ReplayOptions(speed=None, pack_min=1))
    assert result.stopped
    assert result.devices["a"].sent_min == 3


def test_lag_is_what_kafka_owes() -> None:
    outlet = FakeOutlet()
    outlet.oldest_unacked_s = 7.0
    progress: list[Progress] = []
    play(outlet, [patient("a", 5)], ReplayOptions(speed=60.0), progress=progress)
    assert progress[0].lag_s == 7.0


def test_progress_is_told_while_kafka_keeps_the_replay_waiting() -> None:
    outlet = FakeOutlet()
    progress: list[Progress] = []
    take = outlet.send

    def send_after_a_minute(topic: str, key: bytes, value: bytes, minutes: int = 0) -> None:
        for _ in range(60):
            outlet.now_s += 1.0
            outlet.oldest_unacked_s += 1.0
            outlet.while_waiting()
        take(topic, key, value, minutes)

    outlet.send = send_after_a_minute  # type: ignore[method-assign]
    play(outlet, [patient("a", 1)], ReplayOptions(speed=None), progress=progress)
    assert [each.lag_s for each in progress[1:61]] == [float(second) for second in range(1, 61)]


def test_truth_is_told_once_on_its_own_topic_and_never_with_the_vitals() -> None:
    outlet = FakeOutlet()
    attacked = patient("a", 20, poisoned_min=range(6, 10))
    play(outlet, [attacked, patient("b", 20)], ReplayOptions(speed=None, minutes=12, pack_min=3))
    truths = [msgspec.json.decode(value, type=TruthInterval) for _, topic, value in outlet.records if topic == "truth"]
    assert truths == [
        TruthInterval(
            device_id="a", session_id=int(NOW_S * 1000), attack="data-poisoning-2", level="strong", seed=7,
            first_event_minute=START + 5, end_event_minute=START + 12, poisoned="0111100",
        )
    ]  # fmt: skip
    vitals = b"".join(value for _, topic, value in outlet.records if topic != "truth")
    assert not any(word in vitals for word in (b"poison", b"attack", b"strong", b"seed", b"truth"))


def test_a_resumed_replay_tells_the_same_truth_again() -> None:
    attacked = patient("a", 20, poisoned_min=range(5, 13))
    told = []
    for last_sent in ({"a": LastSent(3, START - 1)}, {"a": LastSent(3, START + 8)}):
        outlet = FakeOutlet()
        play(outlet, [attacked], ReplayOptions(speed=None), last_sent=last_sent)
        told.append([value for _, topic, value in outlet.records if topic == "truth"])
    assert told[0] == told[1] != []


def test_a_replay_says_how_many_attacks_have_a_truth_to_tell() -> None:
    whole = {"a": LastSent(3, START + 19)}
    for last_sent, attacks in ({}, 1), (whole, 0):
        play(FakeOutlet(), [patient("a", 20, poisoned_min=range(6, 10))], ReplayOptions(speed=None), last_sent)
        assert REPLAY_ATTACKS._value.get() == attacks


def test_the_name_of_a_device_goes_with_each_of_its_messages() -> None:
    outlet = FakeOutlet()
    named = Patient(replace(patient("icu-03", 10).recording, label="ICU_03"))
    play(outlet, [named, patient("b", 10)], ReplayOptions(speed=None))
    assert {batch.label for _, batch in outlet.batches("icu-03")} == {"ICU_03"}
    assert {batch.label for _, batch in outlet.batches("b")} == {None}


def test_acknowledged_truth_is_counted_apart_from_the_minutes() -> None:
    before = REPLAY_TRUTHS._value.get(), REPLAY_MESSAGES._value.get(), REPLAY_MINUTES._value.get()
    count_acknowledged(0)
    count_acknowledged(7)
    after = REPLAY_TRUTHS._value.get(), REPLAY_MESSAGES._value.get(), REPLAY_MINUTES._value.get()
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 7]
