from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.verdicts import DeviceSnapshot, DeviceState
from detectors.bundle import PopulationStats
from detectors.chunks import MinuteChunk, Transition, Verdicts
from detectors.tracks import DeviceTracks

NAN = float("nan")
ENROLMENT = 130
START = 400_000_003  # a year that nanosecond timestamps cannot hold
E, B, S = DeviceState.ENROLLING, DeviceState.BENIGN, DeviceState.SUSPECT
Q, P = DeviceState.QUARANTINED, DeviceState.PROBATION
U, I = DeviceState.UNSCORED, DeviceState.INVALID_INPUT  # noqa: E741 - the initial of the state


@dataclass(frozen=True)
class FakeScores:
    mean_squared_residual: np.ndarray
    logit: np.ndarray


@dataclass
class FakeScorer:
    """Logit: mean of the last five scaled heart rates; so a window is flagged as soon as the heart races."""

    calls: list[int] = field(default_factory=list)

    def score(self, window_z: np.ndarray, event_minute: np.ndarray, residual_rms: np.ndarray) -> FakeScores:
        assert window_z.shape[1:] == (60, 2)
        assert event_minute.shape == window_z.shape[:2]
        assert residual_rms.shape == (len(window_z), 2)
        self.calls.append(len(window_z))
        return FakeScores((window_z**2).mean(axis=1), window_z[:, -5:, 0].mean(axis=1) * residual_rms[:, 0])


POPULATION = PopulationStats(
    median=(80.0, 15.0),
    scale=(10.0, 3.0),
    residual_rms=(1.0, 1.0),
    logit_mean=0.0,
    logit_sd=1.0,
    logit_sd_floor=0.5,
    enrolling_threshold=2.0,
    threshold=2.0,
)


@dataclass
class FakeModel:
    scorer: FakeScorer = field(default_factory=FakeScorer)
    bundle_sha: str = "one"
    population: PopulationStats = POPULATION


def open_tracks(model: FakeModel | None = None, **kwargs: int) -> DeviceTracks:
    tracks = DeviceTracks(model or FakeModel(), enrolment_min=ENROLMENT, **kwargs)
    tracks.open("a", None)
    return tracks


def chunk(heart: list[float | None] | np.ndarray, first: int = 0, device: str = "a", session: int = 1) -> MinuteChunk:
    heart = np.array(heart, np.float64)
    return MinuteChunk(device, session, START + first, heart, np.where(heart > 0, 15.0, NAN))


def calm(minutes: int, seed: int = 0) -> list[float]:
    return np.round(np.random.default_rng(seed).normal(80, 3, minutes), 1).tolist()


def one(tracks: DeviceTracks, *args: object, **kwargs: object) -> Verdicts:
    return tracks.apply([chunk(*args, **kwargs)])[0]  # type: ignore[arg-type]


def changes(verdicts: list[Verdicts]) -> list[tuple[int, DeviceState, DeviceState]]:
    return [(t.event_minute - START, t.before, t.after) for v in verdicts for t in v.transitions]


@dataclass(frozen=True)
class Outcome:
    """All that is said of a device, minute by minute, whatever the packing."""

    lines: list[tuple[object, ...]]
    transitions: list[Transition]
    dropped: dict[str, int]
    snapshot: DeviceSnapshot


def outcome(verdicts: list[Verdicts], snapshot: DeviceSnapshot) -> Outcome:
    lines = [
        (int(m), repr(float(e)), repr(float(s)), float(t), bool(f), state)
        for v in verdicts
        for m, e, s, t, f, state in zip(
            v.event_minute, v.reconstruction_error, v.score, v.threshold, v.flagged, v.state, strict=True
        )
    ]
    dropped: dict[str, int] = {}
    for v in verdicts:
        for reason, count in v.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    return Outcome(lines, [t for v in verdicts for t in v.transitions], dropped, snapshot)


LIVES = st.lists(  # (heart rate level, minutes): calm, racing (flagged), missing
    st.tuples(st.sampled_from([80.0, 80.0, 80.0, 125.0, NAN]), st.sampled_from([1, 3, 9, 12, 40, 70, 140])),
    min_size=1,
    max_size=10,
)


def life(runs: list[tuple[float, int]]) -> np.ndarray:
    level = np.concatenate([np.full(minutes, value) for value, minutes in runs])
    return np.round(level + np.random.default_rng(len(level)).normal(0, 3, len(level)), 1)


def cuts(draw: st.DrawFn, minutes: int) -> list[tuple[int, int]]:
    inner = draw(st.lists(st.integers(1, max(1, minutes - 1)), max_size=8, unique=True))
    edges = [0, *sorted(cut for cut in inner if cut < minutes), minutes]
    return list(pairwise(edges))


# --- a life in order -----------------------------------------------------------------------------------------------


def test_scores_begin_with_the_first_full_window() -> None:
    verdicts = one(open_tracks(), calm(70))
    assert np.isnan(verdicts.score[:59]).all()
    assert not np.isnan(verdicts.score[59:]).any()
    assert (verdicts.windows, verdicts.minutes, len(verdicts)) == (11, 70, 70)
    assert verdicts.reason == f"70 of {ENROLMENT} enrolment minutes"
    assert verdicts.enrolment_share == pytest.approx(70 / ENROLMENT)


def test_the_profile_is_frozen_mid_chunk_after_that_minutes_own_score() -> None:
    model = FakeModel()
    tracks = open_tracks(model)
    verdicts = one(tracks, np.array(calm(200)) + 15)  # population: z about 1.5; own: about 0
    assert changes([verdicts]) == [(ENROLMENT - 1, E, B)]
    assert verdicts.state[ENROLMENT - 2 : ENROLMENT + 1] == [E, B, B]
    assert verdicts.score[ENROLMENT - 1] > 1 > verdicts.score[ENROLMENT]
    profile = tracks.snapshot("a").profile
    assert profile is not None
    assert profile.median[0] == pytest.approx(95, abs=1)
    assert (profile.first_event_minute, profile.last_event_minute) == (START, START + ENROLMENT - 1)
    assert profile.logit_sd >= 0.5
    assert profile.threshold >= 2.0
    assert model.scorer.calls == [71, 71, 71, 70]  # enrolling; two passes over the enrolment; the rest


def test_an_attack_is_suspect_then_quarantined_then_cleared_through_probation() -> None:
    tracks = open_tracks()
    verdicts = one(tracks, [*calm(300), *[125.0] * 100, *calm(500, seed=1)])
    states = [after for _, _, after in changes([verdicts])]
    assert states == [B, S, Q, P, B]
    suspect_at, quarantined_at, probation_at, cleared_at = [minute for minute, _, _ in changes([verdicts])][1:]
    assert 300 < suspect_at < quarantined_at < 365
    assert probation_at >= 400 + 120
    assert cleared_at >= probation_at + 120
    assert "over the limit 0.50" in verdicts.transitions[2].reason
    assert verdicts.flagged_windows == verdicts.flagged.sum() >= 100


def test_decisions_fall_on_event_minutes_divisible_by_five() -> None:
    verdicts = one(open_tracks(), [*calm(300), *[125.0] * 100, *calm(500, seed=1)])
    decided = [t.event_minute % 5 for t in verdicts.transitions if t.before is not E]
    assert decided == [0, 0, 0, 0]


def test_a_vote_while_enrolling_voids_the_enrolment_and_it_begins_again() -> None:
    tracks = open_tracks()
    first = one(tracks, [*calm(60), *[125.0] * 60])
    assert first.state[-1] is Q
    snapshot = tracks.snapshot("a")
    assert (snapshot.enrolment_start, snapshot.enrolment_count, snapshot.profile) == (None, 0, None)
    second = one(tracks, calm(400, seed=3), 120)
    assert [after for _, _, after in changes([second])] == [E, B]
    back, frozen = [minute for minute, _, _ in changes([second])]
    assert back >= 120 + 120
    assert frozen == back + ENROLMENT - 1  # the minute that ends the quarantine is the first to count
    assert tracks.snapshot("a").profile.first_event_minute == START + back  # type: ignore[union-attr]


def test_a_device_flagged_a_little_at_the_freeze_starts_as_suspect() -> None:
    racing = [*calm(ENROLMENT - 25), *[125.0] * 25]
    verdicts = one(open_tracks(), racing)
    assert verdicts.state[-1] is S


# --- gaps, silence, bad input --------------------------------------------------------------------------------------


def test_a_missing_minute_moves_votes_and_time_but_has_no_score() -> None:
    tracks = open_tracks()
    verdicts = one(tracks, [*calm(80), None, 0.0, NAN, *calm(2)])
    assert np.isnan(verdicts.score[80:83]).all()
    assert not np.isnan(verdicts.score[83:]).any()
    assert tracks.snapshot("a").scored_mask & 0b11111 == 0b00011


def test_a_long_gap_within_the_span_goes_on_with_the_remaining_rows() -> None:
    tracks = open_tracks()
    one(tracks, calm(100))
    assert one(tracks, calm(1), 100 + 60).windows == 1
    assert one(tracks, calm(1), 161 + 70).windows == 0


def test_silence_for_half_an_hour_is_unscored_until_the_next_window() -> None:
    tracks = open_tracks()
    one(tracks, calm(200))
    verdicts = one(tracks, [*[None] * 40, *calm(5)], 200)
    assert changes([verdicts]) == [(229, B, U), (240, U, B)]
    assert verdicts.transitions[0].reason == "no scored window for 30 minutes"
    assert verdicts.transitions[1].reason == "a window is scored again"


def test_a_device_never_scored_is_enrolling_not_unscored() -> None:
    assert set(one(open_tracks(), [None] * 100).state) == {E}


def test_quarantine_is_not_left_by_silence() -> None:
    tracks = open_tracks()
    one(tracks, [*calm(300), *[125.0] * 100])
    verdicts = one(tracks, [None] * 400, 400)
    assert verdicts.state[-1] is U
    assert tracks.snapshot("a").standing is Q
    assert one(tracks, calm(61), 800).state[-1] is Q


def test_invalid_messages_in_a_row_hide_the_standing_until_a_window_is_scored() -> None:
    tracks = open_tracks(max_invalid_in_row=3)
    one(tracks, calm(200))
    assert [tracks.invalid("a").state for _ in range(3)] == [B, B, I]
    assert "invalid messages" in tracks.reason("a")
    assert one(tracks, [None], 200).state == [I]
    verdicts = one(tracks, calm(1), 201)
    assert changes([verdicts]) == [(201, I, B)]
    assert tracks.snapshot("a").invalid_in_row == 0


def test_a_valid_message_starts_the_count_of_invalid_ones_again() -> None:
    tracks = open_tracks(max_invalid_in_row=3)
    one(tracks, calm(200))
    for minute in range(200, 210):
        tracks.invalid("a")
        assert tracks.invalid("a").state is B
        one(tracks, calm(1), minute)


def test_a_device_whose_first_messages_are_all_invalid_never_looks_benign() -> None:
    tracks = open_tracks(max_invalid_in_row=2)
    assert [tracks.invalid("a").state for _ in range(2)] == [E, I]
    assert tracks.history_needed_from(tracks.snapshot("a")) is None
    verdicts = one(tracks, calm(1))
    assert verdicts.session_opened
    assert verdicts.state == [E]


# --- old minutes and sessions --------------------------------------------------------------------------------------


def test_duplicates_late_and_old_sessions_are_dropped_and_counted() -> None:
    tracks = open_tracks()
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
    tracks = open_tracks()
    old, new = tracks.apply([chunk(calm(300)), chunk(calm(70), 100, session=2)])
    assert (old.state[-1], old.session_opened, new.session_opened) == (B, True, True)
    assert changes([new]) == [(100, B, E)]
    assert new.transitions[0].reason == "a new session"
    assert np.isnan(new.score[:59]).all()
    snapshot = tracks.snapshot("a")
    assert (snapshot.session_id, snapshot.profile, snapshot.enrolment_count) == (2, None, 70)


def test_the_end_of_a_recording_is_remembered_until_more_minutes_come() -> None:
    tracks = open_tracks()
    one(tracks, calm(10))
    tracks.apply([MinuteChunk("a", 1, START + 10, [], [], end_of_recording=True)])
    assert tracks.snapshot("a").finished
    assert one(tracks, calm(5), 5).dropped == {"duplicate": 5}
    assert tracks.snapshot("a").finished
    one(tracks, calm(1), 10)
    assert not tracks.snapshot("a").finished


def test_a_device_that_is_not_open_is_refused_before_anything_is_applied() -> None:
    tracks = open_tracks()
    with pytest.raises(KeyError):
        tracks.apply([chunk(calm(1)), chunk(calm(1), device="b")])
    assert tracks.snapshot("a").session_id == -1


# --- packing, snapshots --------------------------------------------------------------------------------------------


def test_a_micro_batch_is_one_scorer_call_for_all_devices() -> None:
    model = FakeModel()
    tracks = open_tracks(model)
    tracks.open("b", None)
    tracks.apply([chunk(calm(60)), chunk(calm(59), device="b"), chunk(calm(3), 60), chunk(calm(2), 59, device="b")])
    assert model.scorer.calls == [4 + 2]


@settings(deadline=None, max_examples=60)
@given(st.data(), LIVES, LIVES)
def test_packing_does_not_show(
    data: st.DataObject, runs_a: list[tuple[float, int]], runs_b: list[tuple[float, int]]
) -> None:
    lives = {"a": life(runs_a), "b": life(runs_b)}
    reference = {}
    for device, heart in lives.items():
        alone = DeviceTracks(FakeModel(), enrolment_min=ENROLMENT)
        alone.open(device, None)
        reference[device] = outcome(alone.apply([chunk(heart, device=device)]), alone.snapshot(device))
    tracks = DeviceTracks(FakeModel(), enrolment_min=ENROLMENT)
    queues = {}
    for device, heart in lives.items():
        tracks.open(device, None)
        parts = cuts(data.draw, len(heart))  # type: ignore[arg-type]
        queues[device] = [chunk(heart[a:b], a, device) for a, b in parts]
    order = data.draw(st.permutations([device for device, queue in queues.items() for _ in queue]))
    chunks = [queues[device].pop(0) for device in order]
    verdicts: list[Verdicts] = []
    while chunks:
        size = data.draw(st.integers(1, len(chunks)))
        verdicts += tracks.apply(chunks[:size])
        chunks = chunks[size:]
    for device in lives:
        mine = [v for v in verdicts if v.device_id == device]
        assert outcome(mine, tracks.snapshot(device)) == reference[device]


@settings(deadline=None, max_examples=100)
@given(st.data(), LIVES)
def test_a_restart_does_not_show(data: st.DataObject, runs: list[tuple[float, int]]) -> None:
    heart = life(runs)
    undisturbed = open_tracks()
    expected = outcome(undisturbed.apply([chunk(heart)]), undisturbed.snapshot("a"))
    tracks, verdicts = open_tracks(), list[Verdicts]()
    parts = cuts(data.draw, len(heart))  # type: ignore[arg-type]
    for first, end in parts:
        verdicts += tracks.apply([chunk(heart[first:end], first)])
        stored = msgspec.json.encode(tracks.snapshot("a"))
        snapshot = msgspec.json.decode(stored, type=DeviceSnapshot)
        needed = DeviceTracks.history_needed_from(snapshot)
        assert needed is not None
        tracks = DeviceTracks(FakeModel(), enrolment_min=ENROLMENT)
        tracks.open("a", snapshot)
        assert tracks.snapshot("a") == snapshot
        for a, b in parts:  # the reader gives whole records: some older than needed, some newer than the snapshot
            if START + b > needed:
                tracks.fill(chunk(heart[a:b], a))
    assert outcome(verdicts, tracks.snapshot("a")) == expected


def test_late_minutes_in_the_topic_are_left_out_of_a_refill_too() -> None:
    stream = [chunk(calm(100)), chunk([125.0] * 10, 50), chunk([None] * 3, 100), chunk([125.0] * 2, 100)]
    tracks = open_tracks()
    tracks.apply(stream)
    restored = DeviceTracks(FakeModel(), enrolment_min=ENROLMENT)
    restored.open("a", tracks.snapshot("a"))
    for part in stream:
        restored.fill(part)
    rest = chunk(calm(100, seed=2), 103)
    assert outcome(restored.apply([rest]), restored.snapshot("a")) == outcome(
        tracks.apply([rest]), tracks.snapshot("a")
    )


def test_an_enrolment_whose_minutes_are_lost_begins_again() -> None:
    tracks = open_tracks()
    one(tracks, calm(100))
    restored = open_tracks()
    restored.open("a", tracks.snapshot("a"))
    restored.fill(chunk(calm(100)[40:], 40))
    verdicts = one(restored, calm(150, seed=1), 100)
    assert changes([verdicts]) == [(100 + ENROLMENT - 1, E, B)]


def test_a_profile_of_another_bundle_is_void_and_the_device_enrols_again() -> None:
    tracks = open_tracks()
    one(tracks, calm(200))
    other = open_tracks(FakeModel(bundle_sha="two"))
    other.open("a", tracks.snapshot("a"))
    snapshot = other.snapshot("a")
    assert (snapshot.standing, snapshot.state, snapshot.profile) == (E, E, None)
    assert one(other, calm(150), 200).state[-1] is B


def test_quarantine_outlives_a_change_of_bundle() -> None:
    tracks = open_tracks()
    one(tracks, [*calm(300), *[125.0] * 100])
    other = open_tracks(FakeModel(bundle_sha="two"))
    other.open("a", tracks.snapshot("a"))
    assert other.snapshot("a").state is Q


@settings(deadline=None, max_examples=60)
@given(LIVES)
def test_never_benign_without_a_profile_or_with_a_vote_over_the_limit(runs: list[tuple[float, int]]) -> None:
    tracks = open_tracks()
    for minute, heart in enumerate(life(runs)):
        verdicts = one(tracks, [heart], minute)
        if verdicts.state == [B]:
            assert verdicts.enrolled
            if (START + minute) % 5 == 0:
                assert verdicts.flagged_share <= 0.25


def test_a_closed_device_leaves_nothing_behind() -> None:
    tracks = open_tracks()
    one(tracks, calm(300))
    tracks.close("a")
    assert "a" not in tracks
    tracks.open("a", None)
    assert one(tracks, calm(60)).windows == 1
