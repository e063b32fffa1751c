"""A device's life in order, judged by a detector that anyone can compute: enrolment, votes, quarantine and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from lives import BENIGN_AT, ENROLMENT, START, Life, calm, changes, chunk, life, one, open_engine
from plain_detector import level_model

from contracts.messages.verdicts import DeviceState
from detectors.decisions.votes import AGREE, KINDS
from detectors.engine.chunks import MinuteChunk, Verdicts

E, B, S = DeviceState.ENROLLING, DeviceState.BENIGN, DeviceState.SUSPECT
Q, P = DeviceState.QUARANTINED, DeviceState.PROBATION
ATTACKED = [*calm(300), *[125.0] * 100, *calm(500, seed=1)]


def breathing(minutes: int, seed: int = 3) -> list[float]:
    return np.round(np.random.default_rng(seed).normal(16, 0.6, minutes), 1).tolist()


@pytest.fixture(scope="module")
def attacked() -> Verdicts:
    return one(open_engine(level_model()), ATTACKED)


def test_a_device_that_enrols_is_judged_from_the_first_hour_after_it() -> None:
    verdicts = one(open_engine(level_model()), calm(300))
    assert changes(verdicts) == [(BENIGN_AT, E, B)]
    assert verdicts.transitions[0].reason.startswith("enrolled, first verdict")
    decided = np.flatnonzero(np.isfinite(verdicts.score)).tolist()
    assert decided == list(range(BENIGN_AT, 300, 15))
    assert (verdicts.windows, verdicts.minutes, len(verdicts)) == (len(decided), 300, 300)
    assert not np.isfinite(verdicts.score[: BENIGN_AT - 1]).any()


def test_how_far_the_enrolment_is_is_told() -> None:
    engine = open_engine(level_model())
    verdicts = one(engine, calm(70))
    assert verdicts.reason == f"70 of {ENROLMENT} enrolment minutes"
    assert verdicts.enrolment_share == pytest.approx(70 / ENROLMENT)
    assert not verdicts.enrolled
    after = one(engine, calm(70), 70)
    assert (after.enrolled, after.enrolment_share, after.state[-1]) == (True, 1.0, E)
    assert after.reason == "enrolled, the first verdict is awaited"


def test_the_profile_is_that_of_the_first_valid_minutes_wherever_a_chunk_ends() -> None:
    beats = np.array(calm(200)) + 15
    beats[50:54] = np.nan
    profiles = []
    for size in (1, 60, 200):
        engine = open_engine(level_model())
        for at in range(0, 200, size):
            engine.apply([chunk(beats[at : at + size], at)])
        profiles.append(engine.snapshot("a").profile)
    assert profiles[0] == profiles[1] == profiles[2]
    assert profiles[0] is not None
    assert profiles[0].median[0] == pytest.approx(95, abs=1)
    assert (profiles[0].first_event_minute, profiles[0].last_event_minute) == (START, START + ENROLMENT - 1)
    assert (profiles[0].enrolment_min, profiles[0].bundle_sha, profiles[0].threshold) == (ENROLMENT, "one", 2.0)


def test_an_attack_is_suspect_then_quarantined_then_cleared_through_probation(attacked: Verdicts) -> None:
    assert [after for _, _, after in changes(attacked)] == [B, S, Q, P, B]
    suspect_at, quarantined_at, probation_at, cleared_at = [minute for minute, _, _ in changes(attacked)][1:]
    assert 300 + 30 < suspect_at < quarantined_at <= 300 + 75
    flagged = np.flatnonzero(attacked.flagged)
    assert quarantined_at == flagged[0]
    assert probation_at == flagged[-1] + 120
    assert cleared_at == probation_at + 120
    assert attacked.transitions[2].reason.startswith("the vote is over the limit: ")
    assert attacked.transitions[3].reason.startswith("120 clean minutes")


def test_a_score_is_flagged_at_the_threshold_and_shown_only_where_a_decision_falls(attacked: Verdicts) -> None:
    decided = np.isfinite(attacked.score)
    np.testing.assert_array_equal(attacked.flagged[decided], attacked.score[decided] >= 2.0)
    assert not attacked.flagged[~decided].any()
    assert attacked.flagged_windows == attacked.flagged.sum()
    assert attacked.windows == decided.sum()
    last = np.flatnonzero(decided)[-1]
    assert (attacked.latest_score, attacked.latest_threshold) == (pytest.approx(attacked.score[last]), 2.0)


def test_the_score_is_the_smallest_of_four_decisions_so_one_odd_hour_excludes_nobody() -> None:
    level = np.array([*calm(300), *[125.0] * 45, *calm(200, seed=1)])  # three decisions over the limit by themselves
    verdicts = one(open_engine(level_model()), level)
    assert not verdicts.flagged.any()
    assert changes(verdicts) == [
        (BENIGN_AT, E, B),
        (359, B, S),
        (404, S, B),
    ]  # from the second over it in a row to the last
    shares = [one(open_engine(level_model()), level[:end]).flagged_share for end in (344, 345, 360, 375, 390)]
    assert shares == pytest.approx([0, 1 / 4, 2 / 4, 3 / 4, 3 / 4])


def test_the_fast_score_is_what_anyone_can_compute(attacked: Verdicts) -> None:
    """Smallest of four hours' mean of z (at most 4.5), three times as steep on its scale, averaged with two zeros."""
    z = np.clip((np.array(ATTACKED) - np.median(ATTACKED[:ENROLMENT])) / 4.0, -4.5, 4.5)

    def hour(decision: int) -> float:
        return float(z[15 * decision - 7 : 15 * decision + 53].mean())  # four blocks, the last of minutes 38..52

    own = hour(4)  # the last decision of so short an enrolment is all of its baseline
    for decision in (19, 20, 21, 25):
        expected = min(hour(decision - back) for back in range(AGREE["fast"])) - own
        assert attacked.scores["fast"][15 * decision + 59] == pytest.approx(min(3 * expected, 12.0), abs=1e-4)


def steady(minutes: int, rise_bpm: float) -> list[float]:
    """Every 15 minutes hold the same heart rates in another order, higher from minute 308 on: all full hours have one mean."""
    rng = np.random.default_rng(5)
    blocks = [rng.permutation(np.round(np.linspace(76, 84, 15), 1)) for _ in range(minutes // 15)]
    beats = np.concatenate([[80.0] * 8, *blocks])
    beats[308:] += rise_bpm
    return beats.tolist()


@pytest.mark.parametrize(("above", "state"), [(0.2, S), (0.4, B)])
def test_a_score_a_little_under_the_threshold_is_suspect_though_no_decision_is_over(
    above: float, state: DeviceState
) -> None:
    beats = steady(600, 7.0)
    score = one(open_engine(level_model(threshold=50.0)), beats).latest_score
    assert score is not None
    verdicts = one(open_engine(level_model(threshold=score + above)), beats)
    assert (verdicts.state[-1], verdicts.flagged_share) == (state, 0)


def test_decisions_that_were_flagged_do_not_join_the_devices_own_past() -> None:
    engine = open_engine(level_model())
    flagged = np.flatnonzero(one(engine, ATTACKED[:420]).flagged)
    baseline = engine.snapshot("a").baseline
    assert baseline is not None
    last = (420 - 60) // 15
    kept = [bool(baseline.kept_mask >> place & 1) for place in range(last + 1 - baseline.first_waiting)]
    left_out = [baseline.first_waiting + place for place, one_is_kept in enumerate(kept) if not one_is_kept]
    assert left_out == [(minute - 59) // 15 for minute in flagged.tolist()]
    assert len(left_out) > 1


def test_an_hour_of_valid_minutes_that_lasts_more_than_two_is_held_against_nobody() -> None:
    engine = open_engine(level_model())
    one(engine, calm(300))
    sparse = np.full(340, np.nan)
    for first in range(0, 340, 17):  # of 17 minutes 5 are measured: gaps too long to be filled
        sparse[first : first + 5] = 125.0
    verdicts = one(engine, sparse, 300)
    decided = np.isfinite(verdicts.score)
    assert not decided[120:].any()  # from then on an hour of them lasts longer
    assert Q not in verdicts.state
    assert Q in one(engine, [125.0] * 200, 640).state


def test_every_kind_of_score_is_shown_by_name(attacked: Verdicts) -> None:
    assert set(attacked.scores) == set(KINDS)
    decided = np.isfinite(attacked.score)
    for kind in KINDS:
        np.testing.assert_array_equal(np.isfinite(attacked.scores[kind]), decided)


def test_a_heart_rate_that_its_own_pulse_contradicts_is_quarantined_and_said_to_be() -> None:
    engine = open_engine(level_model())
    one(engine, calm(300), pulse=calm(300))
    beats = np.array(calm(90, seed=1))
    verdicts = one(engine, beats, 300, pulse=beats - 5)
    assert verdicts.state[-1] is Q
    assert verdicts.scores["pulse"][~np.isnan(verdicts.score)][-1] == pytest.approx(2.0 * 5 / 4, rel=1e-3)
    assert verdicts.reason.endswith("the heart rate is not what the pulse says")


def test_a_pulse_that_contradicts_the_heart_rate_voids_an_enrolment() -> None:
    beats = np.array(calm(120))
    assert changes(one(open_engine(level_model()), beats, pulse=beats - 3.9)) == []
    verdicts = one(open_engine(level_model()), beats, pulse=beats - 4.1)
    assert changes(verdicts) == [(74, E, Q)]  # the second decision
    assert verdicts.reason.endswith("the heart rate is not what the pulse says")


def test_what_a_device_sent_hours_before_is_quarantined_and_said_to_be() -> None:
    engine = open_engine(level_model())
    stay = Life(np.array(calm(700)), np.array(breathing(700)), np.full(700, np.nan))
    stay.heart[600:], stay.breath[600:] = stay.heart[250:350], stay.breath[250:350]
    engine.apply([stay.part(0, 600)])
    verdicts = engine.apply([stay.part(600, 700)])[0]
    assert verdicts.state[-1] is Q
    assert "heart rate and breathing repeat what this device sent before" in verdicts.reason


def test_a_motif_is_quarantined_within_two_hours_and_said_to_be() -> None:
    engine = open_engine(level_model())
    heart, breath = np.array(calm(500)), np.array(breathing(500))
    heart[300:], breath[300:] = np.tile(heart[270:300], 7)[:200], np.tile(breath[270:300], 7)[:200]
    verdicts = engine.apply([Life(heart, breath, np.full(500, np.nan)).part(0, 500)])[0]
    quarantined = [minute for minute, _, after in changes(verdicts) if after is Q]
    assert 300 < quarantined[0] <= 420
    assert "the last hour repeats, value by value, what came before it" in verdicts.reason


def test_a_device_that_stands_still_is_quarantined_after_two_decisions_of_an_hour_each() -> None:
    engine = open_engine(level_model())
    verdicts = one(engine, [*calm(300), *[80.0] * 100])
    (at,) = [minute for minute, _, after in changes(verdicts) if after is Q]
    assert at == 374  # decisions fall at 359 (60 minutes alike: over the limit, alone) and 374
    assert "neither heart rate nor breathing has changed for an hour" in verdicts.reason


# --- an enrolment that teaches nothing -----------------------------------------------------------------------------------


def test_a_device_that_stands_still_from_the_start_is_quarantined_and_begins_anew() -> None:
    engine = open_engine(level_model())
    still = one(engine, [75.0] * 100)
    assert changes(still) == [(74, E, Q)]
    assert engine.snapshot("a").profile is None
    verdicts = one(engine, calm(600), 100)
    assert [after for _, _, after in changes(verdicts)] == [E, B]
    back, benign = [minute for minute, _, _ in changes(verdicts)]
    assert back == 89 + 120  # 89 is the last decision of which the one before was over the limit as well
    assert benign == back + 1 + BENIGN_AT
    assert verdicts.transitions[0].reason.startswith("120 clean minutes; the void enrolment begins again")
    assert engine.snapshot("a").profile.first_event_minute == START + back + 1  # type: ignore[union-attr]


def test_an_enrolment_that_copies_itself_is_void() -> None:
    engine = open_engine(level_model())
    heart, breath = np.array(calm(160)), np.array(breathing(160))
    heart[55:115], breath[55:115] = heart[:60], breath[:60]  # less than an hour before: no replay
    heart[110:115], breath[110:115] = heart[55:60], breath[55:60]
    void = engine.apply([Life(heart[:160], breath[:160], np.full(160, np.nan)).part(0, 160)])[0]
    assert changes(void)[0] == (ENROLMENT - 1, E, Q)
    assert "the enrolment repeats itself" in void.transitions[0].reason
    assert (engine.snapshot("a").profile, void.enrolled) == (None, False)
    verdicts = one(engine, calm(500, seed=4), 160)
    assert [after for _, _, after in changes(verdicts)] == [E, B]
    assert verdicts.enrolled


def test_a_heart_that_races_all_through_the_enrolment_is_that_patients_usual() -> None:
    verdicts = one(open_engine(level_model()), np.array(calm(400)) + 50)
    assert [after for _, _, after in changes(verdicts)] == [B]


def test_a_device_is_never_benign_without_a_profile_or_while_it_is_flagged() -> None:
    runs = [(125.0, 70), (80.0, 230), (125.0, 140), (80.0, 140), (-2.0, 140), (70.0, 140), (80.0, 400)]
    lived = life(runs)
    verdicts = open_engine(level_model(threshold=1.0)).apply([lived.part(0, len(lived))])[0]
    benign = np.array([state is B for state in verdicts.state])
    assert benign.any()
    assert not benign[: BENIGN_AT - 1].any()
    assert not (benign & verdicts.flagged).any()


def test_the_words_of_a_quarantine_last_until_it_is_left() -> None:
    engine = open_engine(level_model())
    assert one(engine, [*calm(300), *[125.0] * 100]).reason.startswith("over the limit, 0 of 120 clean minutes since: ")
    assert one(engine, calm(120, seed=1), 400).reason.startswith("over the limit, ")
    assert one(engine, calm(500, seed=2), 520).reason == "below the limit"


def test_an_empty_chunk_says_nothing() -> None:
    engine = open_engine(level_model())
    one(engine, calm(300))
    verdicts = engine.apply([MinuteChunk("a", 1, START + 300, [], [])])[0]
    assert (verdicts.minutes, verdicts.windows, verdicts.latest_score, verdicts.transitions) == (0, 0, None, [])
