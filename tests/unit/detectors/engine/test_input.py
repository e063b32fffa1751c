"""What a device sends that is not a plain next minute: gaps, silence, garbage, repetitions, new sessions, orders."""

from __future__ import annotations

import numpy as np
import pytest
from lives import BENIGN_AT, ENROLMENT, NAN, START, calm, changes, chunk, one, open_engine
from plain_detector import level_model

from contracts.messages.verdicts import DeviceState
from detectors.engine.chunks import MinuteChunk
from detectors.engine.engine import DetectionEngine

E, B = DeviceState.ENROLLING, DeviceState.BENIGN
Q, U, I = DeviceState.QUARANTINED, DeviceState.UNSCORED, DeviceState.INVALID_INPUT  # noqa: E741 - the initial of the state
MODEL = level_model()


@pytest.fixture
def engine() -> DetectionEngine:
    return open_engine(MODEL)


def judged(engine: DetectionEngine) -> DetectionEngine:
    """300 calm minutes: enrolled, benign; the next decisions fall at 314, 329, ..."""
    assert one(engine, calm(300)).state[-1] is B
    return engine


# --- gaps and silence ----------------------------------------------------------------------------------------------


def test_a_missing_minute_moves_time_on_and_a_decision_waits_for_the_fifteenth_valid_one(
    engine: DetectionEngine,
) -> None:
    judged(engine)
    verdicts = one(engine, [*calm(10), *[None] * 20, *calm(10)], 300)
    assert np.flatnonzero(np.isfinite(verdicts.score)).tolist() == [34]
    assert engine.snapshot("a").applied_through == START + 339


def test_a_short_gap_is_filled_and_its_decision_comes_with_the_minute_that_closes_it(engine: DetectionEngine) -> None:
    judged(engine)
    heart = [*calm(12), NAN, 0.0, None, NAN, *calm(14)]
    verdicts = one(engine, heart, 300)
    assert np.flatnonzero(np.isfinite(verdicts.score)).tolist() == [16, 29]
    assert engine.snapshot("a").valid_minutes == 330


@pytest.mark.parametrize(("gap_min", "decided"), [(61, [14, 29, 44, 59]), (62, [59])])
def test_an_hour_of_valid_minutes_that_spans_more_than_two_is_not_judged(
    engine: DetectionEngine, gap_min: int, decided: list[int]
) -> None:
    judged(engine)
    verdicts = one(engine, calm(61), 300 + gap_min)
    assert np.flatnonzero(np.isfinite(verdicts.score)).tolist() == decided


def test_silence_for_three_quarters_of_an_hour_is_unscored_until_the_next_decision(engine: DetectionEngine) -> None:
    judged(engine)  # the last decision fell at 299
    verdicts = one(engine, [*[None] * 50, *calm(20)], 300)
    assert changes(verdicts) == [(344, B, U), (364, U, B)]
    assert verdicts.transitions[0].reason == "no decision for 45 minutes"
    assert verdicts.transitions[1].reason == "a decision falls again"


def test_a_device_never_judged_is_enrolling_not_unscored(engine: DetectionEngine) -> None:
    assert set(one(engine, [None] * 100).state) == {E}


def test_quarantine_is_not_left_by_silence(engine: DetectionEngine) -> None:
    one(engine, [*calm(300), *[125.0] * 100])
    verdicts = one(engine, [None] * 400, 400)
    assert verdicts.state[-1] is U
    assert engine.snapshot("a").standing is Q
    assert one(engine, calm(70), 800).state[-1] is Q


def test_silence_earns_no_clean_minutes(engine: DetectionEngine) -> None:
    one(engine, [*calm(300), *[125.0] * 100])
    before = engine.snapshot("a").clean_min
    one(engine, [None] * 400, 400)
    assert engine.snapshot("a").clean_min == before


def test_a_leap_of_centuries_costs_no_time(engine: DetectionEngine) -> None:
    judged(engine)
    assert one(engine, calm(61), 700 * 525_960).windows == 1


# --- garbage -------------------------------------------------------------------------------------------------------


def test_invalid_messages_in_a_row_hide_the_standing_until_a_decision_falls() -> None:
    engine = judged(open_engine(MODEL, max_invalid_in_row=3))
    assert [engine.invalid("a").state for _ in range(3)] == [B, B, I]
    assert "invalid messages" in engine.reason("a")
    assert one(engine, calm(14), 300).state == [I] * 14
    assert changes(one(engine, calm(1), 314)) == [(314, I, B)]
    assert engine.snapshot("a").invalid_in_row == 0


def test_a_valid_message_starts_the_count_of_invalid_ones_again() -> None:
    engine = judged(open_engine(MODEL, max_invalid_in_row=3))
    for minute in range(300, 310):
        engine.invalid("a")
        assert engine.invalid("a").state is B
        one(engine, calm(1), minute)


def test_a_device_whose_first_messages_are_all_invalid_never_looks_benign() -> None:
    engine = open_engine(MODEL, max_invalid_in_row=2)
    assert [engine.invalid("a").state for _ in range(2)] == [E, I]
    verdicts = one(engine, calm(1))
    assert (verdicts.session_opened, verdicts.state) == (True, [E])


def test_channels_of_unequal_length_are_refused_before_anything_is_applied(engine: DetectionEngine) -> None:
    with pytest.raises(ValueError, match="argument"):
        engine.apply([chunk(calm(1)), MinuteChunk("a", 1, START + 1, [80.0, 81.0], [15.0])])
    assert engine.snapshot("a").session_id == -1


def test_a_device_that_is_not_open_is_refused_before_anything_is_applied(engine: DetectionEngine) -> None:
    with pytest.raises(KeyError):
        engine.apply([chunk(calm(1)), chunk(calm(1), device="b")])
    assert engine.snapshot("a").session_id == -1


# --- repetitions and sessions --------------------------------------------------------------------------------------


def test_duplicates_late_and_old_sessions_are_dropped_and_counted(engine: DetectionEngine) -> None:
    whole = one(engine, calm(300), session=7)
    assert one(engine, calm(20), 290, session=7).dropped == {"duplicate": 10}
    late = one(engine, calm(60), 0, session=7)  # older than the 240 minutes that are remembered
    assert (late.dropped, len(late)) == ({"late": 60}, 0)
    assert one(engine, calm(5), 400, session=6).dropped == {"old_session": 5}
    one(engine, calm(1), 320, session=7)
    assert one(engine, calm(3), 315, session=7).dropped == {"late": 3}
    assert whole.dropped == {}


def test_dropped_minutes_do_not_touch_a_score(engine: DetectionEngine) -> None:
    undisturbed = open_engine(MODEL)
    for one_engine in (engine, undisturbed):
        one(one_engine, calm(300))
    one(engine, [150.0] * 40, 200)
    found, expected = (one(each, calm(60, seed=1), 300) for each in (engine, undisturbed))
    np.testing.assert_array_equal(found.score, expected.score)


def test_a_new_session_forgets_everything_even_in_the_middle_of_a_micro_batch(engine: DetectionEngine) -> None:
    old, new = engine.apply([chunk(calm(400)), chunk(calm(70), 100, session=2)])
    assert (old.state[-1], old.session_opened, new.session_opened) == (B, True, True)
    assert changes(new) == [(100, B, E)]
    assert new.transitions[0].reason == "a new session"
    assert np.isnan(new.score).all()
    snapshot = engine.snapshot("a")
    assert (snapshot.session_id, snapshot.profile, snapshot.baseline, snapshot.valid_minutes) == (2, None, None, 70)


def test_a_new_session_may_send_what_the_old_one_sent(engine: DetectionEngine) -> None:
    engine.apply([chunk(calm(400)), chunk(calm(400), 1000, session=2)])
    assert engine.snapshot("a").standing is B


def test_a_new_session_is_judged_as_a_new_device_is(engine: DetectionEngine) -> None:
    one(engine, [*calm(300), *[125.0] * 100])
    fresh = open_engine(MODEL)
    found, expected = one(engine, calm(400), 500, session=2), one(fresh, calm(400), 500, session=2)
    np.testing.assert_allclose(found.score, expected.score, atol=1e-6)
    assert found.state == expected.state


def test_the_end_of_a_recording_is_remembered_until_more_minutes_come(engine: DetectionEngine) -> None:
    one(engine, calm(10))
    engine.apply([MinuteChunk("a", 1, START + 10, [], [], end_of_recording=True)])
    assert engine.snapshot("a").finished
    assert one(engine, calm(5), 5).dropped == {"duplicate": 5}
    assert engine.snapshot("a").finished
    one(engine, calm(1), 10)
    assert not engine.snapshot("a").finished


# --- an operator's order -----------------------------------------------------------------------------------------------


def re_enrol(minute: int) -> MinuteChunk:
    return MinuteChunk("a", 1, START + minute, [], [], re_enrol=True)


@pytest.mark.parametrize(
    "beats", [calm(300), [*calm(250), *[125.0] * 100], calm(100)], ids=["benign", "quarantined", "enrolling"]
)
def test_re_enrolment_begins_anew_whatever_the_standing(engine: DetectionEngine, beats: list[float]) -> None:
    one(engine, beats)
    at = len(beats)
    (order,), (after,) = engine.apply([re_enrol(at)]), engine.apply([chunk(calm(400, seed=3), at)])
    assert engine.snapshot("a").profile.first_event_minute == START + at  # type: ignore[union-attr]
    assert not order.enrolled
    assert changes(after) == [(at + BENIGN_AT, E, B)]
    if at != 100:
        assert order.transitions[0].reason == "re-enrolled by an operator"


def test_re_enrolment_forgets_what_was_learnt(engine: DetectionEngine) -> None:
    one(engine, calm(300))
    engine.apply([re_enrol(300)])
    assert engine.reason("a") == f"0 of {ENROLMENT} enrolment minutes"
    beats = np.array(calm(400, seed=3)) + 40
    found = one(engine, beats, 300)
    expected = one(open_engine(MODEL), beats, 300)
    np.testing.assert_allclose(found.score, expected.score, atol=1e-6)
    assert found.state[-1] is B


# --- another bundle or rule ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [level_model("two"), level_model(rule="paper-fig3")], ids=["bundle", "rule"])
def test_a_profile_of_another_bundle_or_rule_is_void_and_the_device_enrols_again(
    engine: DetectionEngine, other
) -> None:
    judged(engine)
    again = open_engine(other)
    again.open("a", engine.snapshot("a"))
    snapshot = again.snapshot("a")
    assert (snapshot.standing, snapshot.state, snapshot.profile, snapshot.baseline) == (E, E, None, None)
    assert changes(one(again, calm(300), 300)) == [(300 + BENIGN_AT, E, B)]


@pytest.mark.parametrize("other", [level_model("two"), level_model(rule="paper-fig3")], ids=["bundle", "rule"])
def test_quarantine_outlives_a_change_of_bundle_or_rule(engine: DetectionEngine, other) -> None:
    one(engine, [*calm(300), *[125.0] * 100])
    again = open_engine(other)
    again.open("a", engine.snapshot("a"))
    assert again.snapshot("a").state is Q


def test_a_profile_of_the_same_bundle_and_rule_is_kept(engine: DetectionEngine) -> None:
    judged(engine)
    again = open_engine(MODEL)
    again.open("a", engine.snapshot("a"))
    again.fill(chunk(calm(300)))
    assert again.snapshot("a") == engine.snapshot("a")
