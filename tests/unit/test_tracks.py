"""A device's life in order, judged by a model that anyone can compute: enrolment, votes, quarantine and the way back."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from lives import ENROLMENT, LIVES, START, calm, changes, chunk, life, one, open_tracks
from plain_model import PlainModel

from contracts.verdicts import DeviceState
from detectors.chunks import MinuteChunk
from detectors.votes import KINDS

E, B, S = DeviceState.ENROLLING, DeviceState.BENIGN, DeviceState.SUSPECT
Q, P = DeviceState.QUARANTINED, DeviceState.PROBATION
ATTACKED = [*calm(300), *[125.0] * 100, *calm(500, seed=1)]


def test_scores_begin_with_the_first_full_window() -> None:
    verdicts = one(open_tracks(PlainModel()), calm(70))
    assert np.isnan(verdicts.score[:59]).all()
    assert not np.isnan(verdicts.score[59:]).any()
    assert (verdicts.windows, verdicts.minutes, len(verdicts)) == (11, 70, 70)
    assert verdicts.reason == f"70 of {ENROLMENT} enrolment minutes"
    assert verdicts.enrolment_share == pytest.approx(70 / ENROLMENT)


def test_the_profile_is_frozen_mid_chunk_after_that_minutes_own_score() -> None:
    model = PlainModel()
    tracks = open_tracks(model)
    verdicts = one(tracks, np.array(calm(200)) + 15)  # population: z about 1.5; own: about 0
    assert changes(verdicts) == [(ENROLMENT - 1, E, B)]
    assert verdicts.state[ENROLMENT - 2 : ENROLMENT + 1] == [E, B, B]
    assert verdicts.scores["hour"][ENROLMENT - 1] > 1 > verdicts.scores["hour"][ENROLMENT]
    profile = tracks.snapshot("a").profile
    assert profile is not None
    assert profile.median[0] == pytest.approx(95, abs=1)
    assert (profile.first_event_minute, profile.last_event_minute) == (START, START + ENROLMENT - 1)
    assert model.frozen == [(ENROLMENT, [], ENROLMENT)]
    assert model.calls == [71, 70]  # enrolling; the rest


def test_an_attack_is_suspect_then_quarantined_then_cleared_through_probation() -> None:
    verdicts = one(open_tracks(PlainModel()), ATTACKED)
    assert [after for _, _, after in changes(verdicts)] == [B, S, Q, P, B]
    suspect_at, quarantined_at, probation_at, cleared_at = [minute for minute, _, _ in changes(verdicts)][1:]
    assert 300 + 3 * 5 <= suspect_at < quarantined_at <= 300 + 7 * 5  # 4 and 7 of 12 decisions
    assert probation_at >= 400 + 120
    assert cleared_at >= probation_at + 120
    assert "over the limit 0.50" in verdicts.transitions[2].reason
    assert verdicts.flagged_windows == verdicts.flagged.sum() >= 100


def test_decisions_fall_on_event_minutes_divisible_by_five() -> None:
    verdicts = one(open_tracks(PlainModel()), ATTACKED)
    decided = [t.event_minute % 5 for t in verdicts.transitions if t.before is not E]
    assert decided == [0, 0, 0, 0]


def test_where_a_blocks_first_minute_is_missing_the_first_valid_one_decides() -> None:
    heart = np.array(ATTACKED)
    heart[(START + np.arange(len(heart))) % 5 < 2] = np.nan
    verdicts = one(open_tracks(PlainModel()), heart)
    by_votes = [t for t in verdicts.transitions if "vote" in t.reason]
    assert [t.after for t in by_votes] == [S, Q]
    assert [t.event_minute % 5 for t in by_votes] == [2, 2]


def test_a_vote_while_enrolling_voids_the_enrolment_and_it_begins_again() -> None:
    tracks = open_tracks(PlainModel())
    first = one(tracks, [*calm(60), *[125.0] * 60])
    assert first.state[-1] is Q
    snapshot = tracks.snapshot("a")
    assert (snapshot.enrolment_start, snapshot.enrolment_count, snapshot.profile) == (None, 0, None)
    second = one(tracks, calm(400, seed=3), 120)
    assert [after for _, _, after in changes(second)] == [E, B]
    back, frozen = [minute for minute, _, _ in changes(second)]
    assert back >= 120 + 120
    assert frozen == back + ENROLMENT - 1  # the minute that ends the quarantine is the first to count
    assert tracks.snapshot("a").profile.first_event_minute == START + back  # type: ignore[union-attr]


def test_a_device_flagged_a_little_at_the_freeze_starts_as_suspect() -> None:
    racing = [*calm(ENROLMENT - 25), *[125.0] * 25]
    verdicts = one(open_tracks(PlainModel()), racing)
    assert verdicts.state[-1] is S
    assert verdicts.transitions[-1].reason.startswith("profile frozen, vote ")


def test_slow_scores_come_with_six_hours_of_minutes_and_hold_between_decisions() -> None:
    verdicts = one(open_tracks(PlainModel()), calm(400))
    half_day = verdicts.scores["half_day"]
    first = np.flatnonzero(np.isfinite(half_day))[0]
    assert first == 362  # the first decision at or after the 360th minute
    assert np.isfinite(half_day[first:]).all()
    changed = first + 1 + np.flatnonzero(np.diff(half_day[first:]))
    assert {(START + int(minute)) % 5 for minute in changed} == {0}


def test_a_score_of_an_older_decision_is_not_held_for_long() -> None:
    tracks = open_tracks(PlainModel())
    one(tracks, calm(400))
    verdicts = one(tracks, calm(1), 400 + 30)  # not at the start of a block, yet the first valid minute of it: decided
    assert np.isfinite(verdicts.scores["half_day"]).all()
    heart = calm(40)
    heart[:10] = [float("nan")] * 10
    assert np.isnan(one(tracks, heart, 431).scores["half_day"][:10]).all()


def test_the_score_is_the_largest_of_its_kinds_and_flags_above_the_threshold() -> None:
    verdicts = one(open_tracks(PlainModel()), ATTACKED)
    kinds = np.stack([verdicts.scores[kind] for kind in KINDS])
    scored = ~np.isnan(verdicts.score)
    np.testing.assert_array_equal(verdicts.score[scored], np.nanmax(kinds[:, scored], axis=0))
    np.testing.assert_array_equal(verdicts.flagged[scored], verdicts.score[scored] > verdicts.threshold[scored])


def test_breathing_alone_is_voted_on_over_half_an_hour() -> None:
    tracks = open_tracks(PlainModel())
    one(tracks, calm(300))
    verdicts = tracks.apply([chunk(calm(60, seed=1), 300, resp=35.0)])[0]
    quarantined = [minute for minute, _, after in changes(verdicts) if after is Q]
    assert len(quarantined) == 1
    assert 300 + 15 <= quarantined[0] <= 300 + 25  # the fourth decision of six


def test_a_heart_rate_that_its_own_pulse_contradicts_is_quarantined_and_said_to_be() -> None:
    tracks = open_tracks(PlainModel())
    heart = np.array(calm(300))
    one(tracks, heart, pulse=heart)
    verdicts = one(tracks, calm(60, seed=1), 300, pulse=np.array(calm(60, seed=1)) - 5)
    assert verdicts.state[-1] is Q
    assert verdicts.scores["pulse"][-1] == pytest.approx(2.0 * 5 / 4, rel=1e-5)
    assert verdicts.reason.endswith("the heart rate is not what the pulse says")


def test_what_a_device_sent_before_is_quarantined_and_said_to_be() -> None:
    tracks = open_tracks(PlainModel())
    stay = calm(400)
    one(tracks, stay)
    verdicts = one(tracks, stay[100:200], 400)
    assert verdicts.state[-1] is Q
    assert verdicts.reason.endswith("heart rate and breathing repeat what this device sent before")


def test_words_for_a_quarantine_last_until_no_vote_is_left() -> None:
    tracks = open_tracks(PlainModel())
    assert "the heart beats at" in one(tracks, [*calm(300), *[125.0] * 100]).reason
    assert "the heart beats at" in one(tracks, calm(60, seed=1), 400).reason
    assert tracks.reason("a").startswith("vote 0.")
    assert re.fullmatch(r"vote 0\.00, \d+ of 120 clean minutes", one(tracks, calm(90, seed=2), 460).reason)


def test_silence_tips_no_vote() -> None:
    tracks = open_tracks(PlainModel())
    one(tracks, [*calm(300), *[125.0] * 28])  # 5 or 6 of 12 decisions flagged; then the unflagged ones expire
    assert tracks.snapshot("a").standing is S
    assert one(tracks, [None] * 70, 328).state[-1] is DeviceState.UNSCORED
    assert tracks.snapshot("a").standing is S


@settings(deadline=None, max_examples=30)
@given(LIVES)
def test_never_benign_without_a_profile_or_with_a_vote_over_the_limit(runs: list[tuple[float, int]]) -> None:
    tracks = open_tracks(PlainModel())
    lived = life(runs)
    for minute in range(min(len(lived), 600)):
        verdicts = tracks.apply([lived.part(minute, minute + 1)])[0]
        if verdicts.state == [B]:
            assert verdicts.enrolled
            if (START + minute) % 5 == 0:
                assert verdicts.flagged_share <= 0.25


def test_a_micro_batch_is_one_scorer_call_for_all_devices() -> None:
    model = PlainModel()
    tracks = open_tracks(model)
    tracks.open("b", None)
    tracks.apply([chunk(calm(60)), chunk(calm(59), device="b"), chunk(calm(3), 60), chunk(calm(2), 59, device="b")])
    assert model.calls == [4 + 2]


def test_a_closed_device_leaves_nothing_behind() -> None:
    tracks = open_tracks(PlainModel())
    one(tracks, calm(400))
    tracks.close("a")
    assert "a" not in tracks
    assert len(tracks) == 0
    tracks.open("a", None)
    again = one(tracks, calm(370))
    assert again.windows == 311
    assert np.isfinite(again.scores["half_day"]).sum() == 8
    assert not tracks.apply([MinuteChunk("a", 1, START + 370, [], [])])[0].minutes
