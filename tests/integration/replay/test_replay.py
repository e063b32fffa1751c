"""A replay into a real Kafka: what was recorded arrives, once and in order; sessions and truth go where they belong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from contracts.configuration.settings import Settings
from contracts.messages.truth import TruthInterval
from replay.attacks import AttackSpec
from replay.options import ReplayOptions
from replay.program import run
from transport.kafka.producer import connect_producer

if TYPE_CHECKING:
    from tests.integration.replay.conftest import Arrivals, MakeRecording

pytestmark = pytest.mark.integration

START = 92_000_000  # of the shared recordings
FLAT_OUT = ReplayOptions(speed=None, pack_min=7)


def test_what_was_recorded_arrives(settings: Settings, arrivals: Arrivals, a_recording: MakeRecording) -> None:
    sent = [a_recording("a", 100), a_recording("b", 53, start=START + 40_000_000, seed=1)]
    result = run(settings, sent, options=FLAT_OUT)
    assert (result.minutes, result.messages, result.unacked) == (153, 15 + 8, 0)
    for each in sent:
        arrivals.assert_are(each)
        arrived = arrivals.batches(each.device_id)
        assert [batch.end_of_recording for batch in arrived] == [False] * (len(arrived) - 1) + [True]
        assert len({batch.session_id for batch in arrived}) == 1


def test_a_second_replay_sends_only_what_is_missing(
    settings: Settings, arrivals: Arrivals, a_recording: MakeRecording
) -> None:
    sent = a_recording("a", 100)
    run(settings, [sent], options=ReplayOptions(speed=None, pack_min=7, minutes=40))
    again = run(settings, [sent, a_recording("b", 10)], options=FLAT_OUT)
    assert again.devices["a"].sent_min == 60
    assert again.devices["a"].session.is_resumed
    assert again.devices["b"].sent_min == 10
    arrivals.assert_are(sent)
    assert len({batch.session_id for batch in arrivals.batches("a")}) == 1
    nothing = run(settings, [sent, a_recording("b", 10)], options=FLAT_OUT)
    assert nothing.nothing_left
    assert nothing.messages == 0


def test_a_resumed_replay_looks_past_what_is_not_vitals(settings: Settings, a_recording: MakeRecording) -> None:
    sent = a_recording("a", 100)
    run(settings, [sent], options=ReplayOptions(speed=None, minutes=40))
    producer = connect_producer(settings, [settings.topics.vitals("a")], linger_ms=0)
    for _ in range(30):
        producer.send(settings.topics.vitals("a"), key=b"a", value=b"not vitals").get(10)
    producer.close()
    assert run(settings, [sent], options=FLAT_OUT).devices["a"].sent_min == 60


def test_fresh_opens_a_later_session_from_the_start(
    settings: Settings, arrivals: Arrivals, a_recording: MakeRecording
) -> None:
    sent = a_recording("a", 30)
    run(settings, [sent], options=FLAT_OUT)
    run(settings, [sent], options=ReplayOptions(speed=None, pack_min=30, fresh=True))
    arrived = arrivals.batches("a")
    assert arrived[-1].session_id > arrived[0].session_id
    assert (arrived[-1].first_event_minute, len(arrived[-1])) == (START, 30)


def test_repeat_sends_the_recording_as_new_devices(
    settings: Settings, arrivals: Arrivals, a_recording: MakeRecording
) -> None:
    sent = a_recording("p000020", 30)
    result = run(settings, [sent], options=ReplayOptions(speed=None, repeat=3))
    assert sorted(result.devices) == ["p000020", "p000020-r2", "p000020-r3"]
    for device_id in result.devices:
        arrived = arrivals.batches(device_id)
        assert {batch.device_id for batch in arrived} == {device_id}
        assert arrivals.applied(device_id)[0] == list(range(START, START + 30))


def test_the_truth_is_told_on_its_own_topic_only(
    settings: Settings, arrivals: Arrivals, a_recording: MakeRecording
) -> None:
    spec = AttackSpec("data-poisoning-2", "a", onset_min=40, duration_min=20, level="strong", seed=7)
    result = run(settings, [a_recording("a"), a_recording("b")], [spec], FLAT_OUT)
    (told,) = [msgspec.json.decode(value, type=TruthInterval) for _, value in arrivals.records(settings.topics.truth)]
    assert (told.device_id, told.attack, told.level, told.seed) == ("a", "data-poisoning-2", "strong", 7)
    assert (told.first_event_minute, told.end_event_minute) == (START + 40, START + 60)
    assert told.session_id == result.devices["a"].session.session_id
    _, values = arrivals.applied("a")
    differs = ~np.isclose(values["heart_rate_bpm"], a_recording("a").heart_rate_bpm, equal_nan=True)
    differs |= ~np.isclose(values["resp_rate_bpm"], a_recording("a").resp_rate_bpm, equal_nan=True)
    assert "".join("1" if bit else "0" for bit in differs[40:60]) == told.poisoned
    assert "1" in told.poisoned
    assert not differs[:40].any()
    assert not differs[60:].any()
    for device_id in ("a", "b"):
        for key, value in arrivals.records(settings.topics.vitals(device_id)):
            assert key == device_id.encode()
            assert not any(word in value for word in (b"poison", b"attack", b"truth", b"strong"))


def test_an_interrupted_attack_is_the_same_after_resuming(
    settings: Settings, arrivals: Arrivals, a_recording: MakeRecording
) -> None:
    spec = AttackSpec("data-poisoning-1", "a", onset_min=40, duration_min=40, seed=3)
    run(settings, [a_recording("a")], [spec], ReplayOptions(speed=None, pack_min=7, minutes=55))
    run(settings, [a_recording("a")], [spec], FLAT_OUT)
    whole = settings.model_copy(update={"prefix": settings.prefix + "-w"})
    run(whole, [a_recording("a")], [spec], FLAT_OUT)
    np.testing.assert_array_equal(
        arrivals.applied("a")[1]["heart_rate_bpm"], arrivals.under(whole).applied("a")[1]["heart_rate_bpm"]
    )
