"""Whenever a worker dies, another goes on from the snapshot and the topic as if nothing had happened."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import (
    BENIGN_AT,
    ENROLMENT,
    LIVES,
    NAN,
    START,
    Life,
    assert_same,
    assert_same_snapshot,
    calm,
    changes,
    chunk,
    cuts,
    life,
    one,
    open_engine,
    outcome,
)
from plain_detector import level_model, plain_model

from contracts.messages.verdicts import DeviceSnapshot, DeviceState
from detectors.engine.chunks import MinuteChunk, Verdicts
from detectors.engine.engine import DetectionEngine
from detectors.engine.model import Model

E, B = DeviceState.ENROLLING, DeviceState.BENIGN
LEVEL, DRAWN = level_model(threshold=1.5), plain_model(threshold=0.4)


def restarted(
    engine: DetectionEngine, stream: list[MinuteChunk], model: Model = LEVEL, *, devices: str = "a", **kwargs: int
) -> DetectionEngine:
    """Return another process's engine, filled from the topic with no more than is asked for."""
    fresh = open_engine(model, **kwargs)
    for device in devices:
        snapshot = msgspec.json.decode(msgspec.json.encode(engine.snapshot(device)), type=DeviceSnapshot)
        fresh.open(device, snapshot)
        needed = DetectionEngine.history_needed_from(snapshot)
        for part in stream:  # whole records: the first may begin before what is needed, the last go on after it
            if (
                part.device_id == device
                and needed is not None
                and part.first_event_minute + len(part.heart_rate_bpm) > needed
            ):
                fresh.fill(part)
        assert_same_snapshot(fresh.snapshot(device), snapshot)
    return fresh


@settings(max_examples=12)
@given(st.data(), LIVES)
def test_a_restart_does_not_show(data: st.DataObject, runs: list[tuple[float, int]]) -> None:
    lived = life(runs)
    undisturbed = open_engine(LEVEL)
    expected = outcome(undisturbed.apply([lived.part(0, len(lived))]), undisturbed.snapshot("a"))
    engine, verdicts = open_engine(LEVEL), list[Verdicts]()
    parts = [lived.part(a, b) for a, b in cuts(data.draw, len(lived))]
    for part in parts:
        verdicts += engine.apply([part])
        engine = restarted(engine, parts)
    assert_same(outcome(verdicts, engine.snapshot("a")), expected)


def short_life(seed: int = 0) -> Life:
    """Every kind of run, with gaps before, on and after the edges of decisions, and minutes of one channel alone."""
    runs = [(80.0, 170), (NAN, 7), (80.0, 66), (NAN, 31), (80.0, 120), (125.0, 110), (80.0, 90), (-2.0, 80), (70.0, 90)]
    lived = life(runs)
    rng = np.random.default_rng(seed)
    for at in rng.integers(0, len(lived), 12):
        lived.heart[at : at + int(rng.choice([1, 4, 11, 14]))] = NAN
    return lived


@pytest.mark.parametrize("gap_at", [359, 360, 361])
def test_a_cut_right_after_a_decision_is_not_known_to_it_after_a_restart_either(gap_at: int) -> None:
    lived = life([(80.0, 500)])
    lived.breath[:] = np.round(np.random.default_rng(1).normal(16, 0.6, 500), 1)
    lived.heart[gap_at : gap_at + 25] = NAN
    undisturbed = open_engine(DRAWN)
    expected = outcome(undisturbed.apply([lived.part(0, 500)]), undisturbed.snapshot("a"))
    engine = open_engine(DRAWN)
    verdicts = engine.apply([lived.part(0, 395)])
    engine = restarted(engine, [lived.part(0, 395)], DRAWN)
    verdicts += engine.apply([lived.part(395, 500)])
    assert_same(outcome(verdicts, engine.snapshot("a")), expected)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_restart_every_few_minutes_does_not_show_with_the_network(seed: int) -> None:
    """Restarts inside the enrolment, inside gaps, at and beside every kind of edge, while quarantined."""
    lived = short_life(seed)
    undisturbed = open_engine(DRAWN)
    expected = outcome(undisturbed.apply([lived.part(0, len(lived))]), undisturbed.snapshot("a"))
    engine, verdicts, at = open_engine(DRAWN), list[Verdicts](), 0
    rng = np.random.default_rng(seed)
    while at < len(lived):
        end = min(at + int(rng.integers(1, 30)), len(lived))
        verdicts += engine.apply([lived.part(at, end)])
        engine = restarted(engine, [lived.part(0, end)], DRAWN)
        at = end
    assert_same(outcome(verdicts, engine.snapshot("a")), expected)


def test_a_restart_of_several_devices_in_one_micro_batch_does_not_show() -> None:
    lives = {name: short_life(seed) for seed, name in enumerate("abc")}
    engine = open_engine(DRAWN)
    for name in "bc":
        engine.open(name, None)
    stream = [lived.part(at, at + 97, name) for at in range(0, 764, 97) for name, lived in lives.items()]
    verdicts = engine.apply(stream[:11])
    engine = restarted(engine, stream[:11], DRAWN, devices="abc")
    verdicts += engine.apply(stream[11:])
    for name in lives:
        undisturbed = open_engine(DRAWN, name)
        whole = undisturbed.apply([part for part in stream if part.device_id == name])
        mine = [said for said in verdicts if said.device_id == name]
        assert_same(outcome(mine, engine.snapshot(name)), outcome(whole, undisturbed.snapshot(name)))


def long_life() -> Life:
    """Three days with the whole repertoire: replays of a day ago, a pulse that strays, racing, gaps, standing still."""
    heart = np.array(calm(4320, seed=5))
    breath = np.round(np.random.default_rng(6).normal(16, 0.6, 4320), 1)
    heart[1700:1900], breath[1700:1900] = heart[260:460], breath[260:460]
    heart[2100:2220] += 45
    heart[2500:2540] = heart[3100:3104] = np.nan
    heart[3400:3520], breath[3400:3520] = 70.0, 14.0
    pulse = heart - 0.5
    pulse[2900:3000] -= 9
    return Life(heart, breath, pulse)


def test_a_restart_does_not_show_in_three_days_with_replays_from_a_day_before() -> None:
    lived = long_life()
    parts = [lived.part(at, min(at + 60, len(lived))) for at in range(0, len(lived), 60)]
    undisturbed = open_engine(LEVEL, enrolment_min=230)
    whole = undisturbed.apply([lived.part(0, len(lived))])
    found = {kind for kind, score in whole[0].scores.items() if np.nanmax(score) >= 1.5}
    assert {"fast", "frozen", "replay", "pulse"} <= found
    engine, verdicts, at = open_engine(LEVEL, enrolment_min=230), list[Verdicts](), 0
    for end in (200, 407, 1200, 1777, 1851, 2190, 2511, 2950, 3460, 3777, 4320):
        verdicts += engine.apply([lived.part(at, end)])
        engine, at = restarted(engine, parts, enrolment_min=230), end
    assert_same(outcome(verdicts, engine.snapshot("a")), outcome(whole, undisturbed.snapshot("a")))


def test_a_device_that_stands_still_for_two_days_is_read_back_no_further_than_the_rest() -> None:
    beats = [*calm(250), *[70.0] * 2950]
    stream = [chunk(beats[at : at + 50], at) for at in range(0, 3200, 50)]
    engine = open_engine(LEVEL)
    engine.apply(stream)
    again = restarted(engine, stream)
    rest = chunk([70.0] * 60, 3200)
    assert_same(outcome(again.apply([rest]), again.snapshot("a")), outcome(engine.apply([rest]), engine.snapshot("a")))


def test_distances_to_the_pulse_that_an_enrolment_saw_before_a_restart_count() -> None:
    lived = Life(np.array(calm(300, seed=2)), np.full(300, 15.0), np.array(calm(300, seed=2)) - 0.5)
    lived.pulse[:80] -= 3.0
    limits = []
    for cut in (100, 300):
        engine = open_engine(LEVEL)
        engine.apply([lived.part(0, cut)])
        if cut < 300:
            engine = restarted(engine, [lived.part(0, cut)])
            engine.apply([lived.part(cut, 300)])
        limits.append(engine.snapshot("a").profile.pulse_limit_bpm)  # type: ignore[union-attr]
    assert limits[0] == limits[1] > 5.0


def test_late_minutes_in_the_topic_are_left_out_of_a_refill_too() -> None:
    stream = [chunk(calm(100)), chunk([125.0] * 10, 50), chunk([None] * 3, 100), chunk([125.0] * 2, 100)]
    engine = open_engine(LEVEL)
    engine.apply(stream)
    again = restarted(engine, stream)
    rest = chunk(calm(140, seed=2), 103)
    assert_same(outcome(again.apply([rest]), again.snapshot("a")), outcome(engine.apply([rest]), engine.snapshot("a")))


def test_minutes_of_another_session_are_left_out_of_a_refill() -> None:
    stream = [chunk(calm(100)), chunk(calm(70, seed=3), 200, session=2)]
    engine = open_engine(LEVEL)
    engine.apply(stream)
    again = restarted(engine, stream)
    assert again.snapshot("a").valid_minutes == 70
    assert again.reason("a") == f"70 of {ENROLMENT} enrolment minutes"


def test_an_enrolment_whose_minutes_are_lost_begins_again() -> None:
    engine = open_engine(LEVEL)
    one(engine, calm(100))
    again = open_engine(LEVEL)
    again.open("a", engine.snapshot("a"))
    again.fill(chunk(calm(100)[40:], 40))
    verdicts = one(again, calm(BENIGN_AT + 1, seed=1), 100)
    assert changes(verdicts) == [(100 + BENIGN_AT, E, B)]
    assert again.snapshot("a").profile.first_event_minute == START + 100  # type: ignore[union-attr]


def test_a_device_whose_baseline_can_no_longer_be_read_back_says_so_and_enrols_again() -> None:
    engine = open_engine(LEVEL)
    one(engine, calm(400))
    before = engine.snapshot("a")
    again = open_engine(LEVEL)
    again.open("a", before)
    again.fill(chunk(calm(400)[300:], 300))
    snapshot = again.snapshot("a")
    assert (before.state, snapshot.state, snapshot.profile, snapshot.baseline) == (B, E, None, None)
    verdicts = one(again, calm(BENIGN_AT + 1, seed=1), 400)
    assert changes(verdicts) == [(400 + BENIGN_AT, E, B)]


def test_an_enrolment_that_was_to_be_longer_ends_with_what_it_has_when_the_setting_is_made_smaller() -> None:
    lived = life([(80.0, 600)])
    engine = open_engine(LEVEL, enrolment_min=400)
    engine.apply([lived.part(0, 200)])
    engine = restarted(engine, [lived.part(0, 200)])
    engine.apply([lived.part(200, 500)])
    assert engine.snapshot("a").profile.enrolment_min == 199  # type: ignore[union-attr]
    restarted(engine, [lived.part(0, 500)]).apply([lived.part(500, 600)])


def test_a_quarantined_device_whose_baseline_is_gone_stays_quarantined() -> None:
    engine = open_engine(LEVEL)
    one(engine, [*calm(300), *[125.0] * 100])
    again = open_engine(LEVEL)
    again.open("a", engine.snapshot("a"))
    snapshot = again.snapshot("a")
    assert (snapshot.standing, snapshot.state, snapshot.profile) == (
        DeviceState.QUARANTINED,
        DeviceState.QUARANTINED,
        None,
    )
    verdicts = one(again, calm(500, seed=1), 400)
    assert [after for _, _, after in changes(verdicts)] == [E, B]
    assert changes(verdicts)[0][0] >= 400 + 120


def test_a_device_whose_messages_are_few_is_restored_from_what_there_is() -> None:
    engine = open_engine(LEVEL)
    assert engine.history_needed_from(None) is None
    engine.invalid("a")
    assert engine.history_needed_from(engine.snapshot("a")) is None
    again = restarted(engine, [])
    assert one(again, calm(1)).session_opened


@pytest.mark.parametrize("lacking", ["baseline", "stream_start", "last_valid_minute"])
def test_a_snapshot_without_what_its_profile_rests_on_enrols_again_instead_of_being_benign(lacking: str) -> None:
    engine = open_engine(LEVEL)
    engine.apply([chunk(calm(400))])
    snapshot = engine.snapshot("a")
    assert snapshot.state is B
    engine.open("a", msgspec.structs.replace(snapshot, **{lacking: None}))
    reopened = engine.snapshot("a")
    assert (reopened.state, reopened.profile) == (E, None)


def test_a_score_that_is_no_number_is_flagged() -> None:
    """Nothing makes one; if a fault ever does, the device is not benign."""
    engine = open_engine(LEVEL)
    engine.apply([chunk(calm(400))])
    engine._arrays.total[:] = NAN
    verdicts = engine.apply([chunk(calm(60, seed=2), 400)])[0]
    assert verdicts.flagged.any()
