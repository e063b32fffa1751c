"""What a device sends that is not a plain next minute: gaps, silence, garbage, repetitions, new sessions."""

from __future__ import annotations

import numpy as np
import pytest
from lives import ENROLMENT, NAN, START, calm, changes, chunk, one, open_tracks
from plain_model import PlainModel

from contracts.verdicts import DeviceState
from detectors.chunks import MinuteChunk

E, B = DeviceState.ENROLLING, DeviceState.BENIGN
Q, U, I = DeviceState.QUARANTINED, DeviceState.UNSCORED, DeviceState.INVALID_INPUT  # noqa: E741 - the initial of the state


# --- gaps and silence ----------------------------------------------------------------------------------------------


def test_a_missing_minute_moves_time_on_but_has_no_score() -> None:
    tracks = open_tracks(PlainModel())
    verdicts = one(tracks, [*calm(80), None, 0.0, NAN, *calm(2)])
    assert np.isnan(verdicts.score[80:83]).all()
    assert not np.isnan(verdicts.score[83:]).any()
    assert tracks.snapshot("a").applied_through == START + 84


def test_a_block_without_a_valid_minute_is_not_voted_on() -> None:
    tracks = open_tracks(PlainModel())
    one(tracks, [*calm(80), *[None] * 12, *calm(10)])  # blocks begin at 77, 82, 87, 92 and 97
    assert tracks.snapshot("a").scored_mask & 0b11111 == 0b10011


def test_a_long_gap_within_the_span_goes_on_with_the_remaining_rows() -> None:
    tracks = open_tracks(PlainModel())
    one(tracks, calm(100))
    assert one(tracks, calm(1), 100 + 60).windows == 1
    assert one(tracks, calm(1), 161 + 70).windows == 0


def test_silence_for_half_an_hour_is_unscored_until_the_next_window() -> None:
    tracks = open_tracks(PlainModel())
    one(tracks, calm(200))
    verdicts = one(tracks, [*[None] * 40, *calm(5)], 200)
    assert changes(verdicts) == [(229, B, U), (240, U, B)]
    assert verdicts.transitions[0].reason == "no scored window for 30 minutes"
    assert verdicts.transitions[1].reason == "a window is scored again"


def test_a_device_never_scored_is_enrolling_not_unscored() -> None:
    assert set(one(open_tracks(PlainModel()), [None] * 100).state) == {E}


def test_quarantine_is_not_left_by_silence() -> None:
    tracks = open_tracks(PlainModel())
    one(tracks, [*calm(300), *[125.0] * 100])
    verdicts = one(tracks, [None] * 400, 400)
    assert verdicts.state[-1] is U
    assert tracks.snapshot("a").standing is Q
    assert one(tracks, calm(61), 800).state[-1] is Q


def test_a_leap_of_centuries_costs_no_time_and_voids_every_vote() -> None:
    tracks = open_tracks(PlainModel())
    one(tracks, [*calm(300), *[125.0] * 40])
    far = 700 * 525_960
    assert one(tracks, calm(60), far).windows == 1
    assert tracks.snapshot("a").flagged_masks == {}


# --- garbage -------------------------------------------------------------------------------------------------------


def test_invalid_messages_in_a_row_hide_the_standing_until_a_window_is_scored() -> None:
    tracks = open_tracks(PlainModel(), max_invalid_in_row=3)
    one(tracks, calm(200))
    assert [tracks.invalid("a").state for _ in range(3)] == [B, B, I]
    assert "invalid messages" in tracks.reason("a")
    assert one(tracks, [None], 200).state == [I]
    verdicts = one(tracks, calm(1), 201)
    assert changes(verdicts) == [(201, I, B)]
    assert tracks.snapshot("a").invalid_in_row == 0


def test_a_valid_message_starts_the_count_of_invalid_ones_again() -> None:
    tracks = open_tracks(PlainModel(), max_invalid_in_row=3)
    one(tracks, calm(200))
    for minute in range(200, 210):
        tracks.invalid("a")
        assert tracks.invalid("a").state is B
        one(tracks, calm(1), minute)


def test_a_device_whose_first_messages_are_all_invalid_never_looks_benign() -> None:
    tracks = open_tracks(PlainModel(), max_invalid_in_row=2)
    assert [tracks.invalid("a").state for _ in range(2)] == [E, I]
    assert tracks.history_needed_from(tracks.snapshot("a")) is None
    verdicts = one(tracks, calm(1))
    assert verdicts.session_opened
    assert verdicts.state == [E]


def test_channels_of_unequal_length_are_refused_before_anything_is_applied() -> None:
    tracks = open_tracks(PlainModel())
    with pytest.raises(ValueError, match="argument"):
        tracks.apply([chunk(calm(1)), MinuteChunk("a", 1, START + 1, [80.0, 81.0], [15.0])])
    assert tracks.snapshot("a").session_id == -1


# --- repetitions and sessions --------------------------------------------------------------------------------------


def test_duplicates_late_and_old_sessions_are_dropped_and_counted() -> None:
    tracks = open_tracks(PlainModel())
    whole = one(tracks, calm(300), session=7)
    assert one(tracks, calm(20), 290, session=7).dropped == {"duplicate": 10}
    late = one(tracks, calm(60), 0, session=7)  # older than the 240 minutes that are remembered
    assert late.dropped == {"late": 60}
    assert len(late) == 0
    assert one(tracks, calm(5), 400, session=6).dropped == {"old_session": 5}
    one(tracks, calm(1), 320, session=7)
    assert one(tracks, calm(3), 315, session=7).dropped == {"late": 3}
    assert whole.dropped == {}


def test_a_new_session_forgets_everything_even_in_the_middle_of_a_micro_batch() -> None:
    tracks = open_tracks(PlainModel())
    old, new = tracks.apply([chunk(calm(400)), chunk(calm(70), 100, session=2)])
    assert (old.state[-1], old.session_opened, new.session_opened) == (B, True, True)
    assert changes(new) == [(100, B, E)]
    assert new.transitions[0].reason == "a new session"
    assert np.isnan(new.score[:59]).all()
    assert np.isnan(new.scores["half_day"]).all()
    snapshot = tracks.snapshot("a")
    assert (snapshot.session_id, snapshot.profile, snapshot.enrolment_count) == (2, None, 70)


def test_a_new_session_may_send_what_the_old_one_sent() -> None:
    tracks = open_tracks(PlainModel())
    tracks.apply([chunk(calm(400)), chunk(calm(400), 1000, session=2)])
    assert tracks.snapshot("a").standing is B
    assert "replay" not in tracks.snapshot("a").flagged_masks


def test_the_end_of_a_recording_is_remembered_until_more_minutes_come() -> None:
    tracks = open_tracks(PlainModel())
    one(tracks, calm(10))
    tracks.apply([MinuteChunk("a", 1, START + 10, [], [], end_of_recording=True)])
    assert tracks.snapshot("a").finished
    assert one(tracks, calm(5), 5).dropped == {"duplicate": 5}
    assert tracks.snapshot("a").finished
    one(tracks, calm(1), 10)
    assert not tracks.snapshot("a").finished


def test_a_device_that_is_not_open_is_refused_before_anything_is_applied() -> None:
    tracks = open_tracks(PlainModel())
    with pytest.raises(KeyError):
        tracks.apply([chunk(calm(1)), chunk(calm(1), device="b")])
    assert tracks.snapshot("a").session_id == -1


def test_a_profile_of_another_bundle_is_void_and_the_device_enrols_again() -> None:
    tracks = open_tracks(PlainModel())
    one(tracks, calm(200))
    other = open_tracks(PlainModel(bundle_sha="two"))
    other.open("a", tracks.snapshot("a"))
    snapshot = other.snapshot("a")
    assert (snapshot.standing, snapshot.state, snapshot.profile) == (E, E, None)
    verdicts = one(other, calm(150), 200)
    assert verdicts.state[ENROLMENT - 2 : ENROLMENT] == [E, B]


def test_quarantine_outlives_a_change_of_bundle() -> None:
    tracks = open_tracks(PlainModel())
    one(tracks, [*calm(300), *[125.0] * 100])
    other = open_tracks(PlainModel(bundle_sha="two"))
    other.open("a", tracks.snapshot("a"))
    assert other.snapshot("a").state is Q
