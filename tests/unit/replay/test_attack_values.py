"""What each attack of the library sends, worked out by hand on a few minutes."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.errors import Misconfigured
from replay.attacks import ATTACKS, AttackSpec, Injection, inject
from replay.recording import Recording, Vitals

NAN = float("nan")


def bed(heart: list[float] | Vitals, breath: list[float] | Vitals | None = None, grid: float = 0.1) -> Recording:
    rates = np.asarray(heart, float)
    return Recording("bed-1", 0, rates, rates / 5 if breath is None else np.asarray(breath, float), resolution_bpm=grid)


def attacked(
    recording: Recording, name: str, onset: int, duration: int | None = None, level: str = "strong", seed: int = 0
) -> Injection:
    return inject(recording, AttackSpec(name, "bed-1", onset, duration, level, seed))


def climbing(minutes: int) -> Recording:
    """Every minute has a value of its own: 60, 60.1, ... bpm and 10, 10.1, ... breaths/min."""
    steps = np.round(np.arange(minutes) / 10, 1)
    return bed(60 + steps, 10 + steps)


def test_amplitude_multiplies_the_distance_from_the_median_of_the_past() -> None:
    past = [70.0] * 59 + [80.0]  # its median is 70, its mean is not
    injection = attacked(bed([*past, 70, 75, 60], [*[14.0] * 60, 15, 14, 12]), "amplitude", 60)
    np.testing.assert_array_equal(injection.recording.heart_rate_bpm[60:], [70, 85, 40])
    np.testing.assert_array_equal(injection.recording.resp_rate_bpm[60:], [17, 14, 8])
    np.testing.assert_array_equal(injection.poisoned[59:], [False, True, True, True])


def test_amplitude_takes_the_median_of_the_span_when_the_past_is_short() -> None:
    injection = attacked(bed([200, 200, 70, 80, 60], [16.0] * 5), "amplitude", 2, level="medium")
    np.testing.assert_array_equal(injection.recording.heart_rate_bpm, [200, 200, 70, 88, 52])
    np.testing.assert_array_equal(injection.recording.resp_rate_bpm, [16.0] * 5)


def test_amplitude_looks_back_twelve_hours_and_no_further() -> None:
    recording = bed(np.concatenate([np.full(1000, 150.0), np.full(720, 70.0), [80.0]]))
    assert attacked(recording, "amplitude", 1720).recording.heart_rate_bpm[-1] == 100.0


def test_motif_repeats_the_last_minutes_before_the_onset() -> None:
    injection = attacked(climbing(40), "motif", 12, 25)
    segment = climbing(40).heart_rate_bpm[2:12]
    expected = [*segment, *segment, *segment[:5]]
    np.testing.assert_array_equal(injection.recording.heart_rate_bpm[12:37], expected)
    np.testing.assert_array_equal(injection.recording.resp_rate_bpm[12:37], np.round(np.array(expected) - 50, 1))
    np.testing.assert_array_equal(np.flatnonzero(injection.poisoned), range(12, 37))


def test_motif_repeats_measured_minutes_only_and_leaves_a_channel_without_any() -> None:
    heart = np.array([90.0, NAN, *range(61, 70), NAN, 80.0, 81.0])
    breath = np.array([*[NAN] * 12, 16.0, 17.0])
    injection = attacked(bed(heart, breath), "motif", 12)
    np.testing.assert_array_equal(injection.recording.heart_rate_bpm[12:], [90.0, 61.0])
    np.testing.assert_array_equal(injection.recording.resp_rate_bpm, breath)


def test_stuck_at_holds_the_median_of_the_last_half_hour() -> None:
    heart = np.array([150.0] * 10 + [70.0] * 16 + [90.0] * 14 + [71.0, 70.0, 73.0])
    injection = attacked(bed(heart, heart / 10), "stuck-at", 40)
    np.testing.assert_array_equal(injection.recording.heart_rate_bpm[40:], [70, 70, 70])
    np.testing.assert_array_equal(injection.recording.resp_rate_bpm[40:], [7, 7, 7])
    np.testing.assert_array_equal(np.flatnonzero(injection.poisoned), [40, 42])


@pytest.mark.parametrize(("level", "sd"), [("subtle", 1.0), ("medium", 0.5)])
def test_stuck_at_adds_noise_of_the_levels_size(level: str, sd: float) -> None:
    after = attacked(bed(np.full(20_000, 80.0)), "stuck-at", 30, level=level).recording
    assert np.std(after.heart_rate_bpm[30:]) == pytest.approx(sd, rel=0.05)
    assert np.std(after.resp_rate_bpm[30:]) == pytest.approx(sd, rel=0.05)
    assert np.mean(after.heart_rate_bpm[30:]) == pytest.approx(80, abs=0.05)


def test_bias_adds_its_offsets() -> None:
    injection = attacked(bed([70, 71, NAN, 73], [14, NAN, 15, 16]), "bias", 1, 2, "medium")
    np.testing.assert_array_equal(injection.recording.heart_rate_bpm, [70, 77, NAN, 73])
    np.testing.assert_array_equal(injection.recording.resp_rate_bpm, [14, NAN, 17, 16])
    np.testing.assert_array_equal(injection.poisoned, [False, True, True, False])


@pytest.mark.parametrize(("level", "lag"), [("strong", 360), ("medium", 720), ("subtle", 1440)])
def test_replay_sends_the_own_past_of_the_recording_itself(level: str, lag: int) -> None:
    before = climbing(lag + 500)
    after = attacked(before, "replay", lag, level=level).recording
    np.testing.assert_array_equal(after.heart_rate_bpm[lag:], before.heart_rate_bpm[:500])
    np.testing.assert_array_equal(after.resp_rate_bpm[lag:], before.resp_rate_bpm[:500])
    np.testing.assert_array_equal(after.heart_rate_bpm[:lag], before.heart_rate_bpm[:lag])


def test_replay_repeats_gaps_and_artefacts_of_the_past_too() -> None:
    heart = np.full(364, 70.0)
    heart[:3] = [NAN, 11.3, 71.0]
    injection = attacked(bed(heart, np.full(364, 16.0)), "replay", 360)
    np.testing.assert_array_equal(injection.recording.heart_rate_bpm[360:], [NAN, 11.3, 71.0, 70.0])
    np.testing.assert_array_equal(np.flatnonzero(injection.poisoned), [360, 361, 362])


def test_jittered_replay_moves_the_past_by_whole_steps() -> None:
    before = bed(np.full(3360, 70.3), np.full(3360, 16.2))
    after = attacked(before, "jittered-replay", 360).recording
    values, counts = np.unique(after.heart_rate_bpm[360:], return_counts=True)
    np.testing.assert_array_equal(values, [69.3, 70.3, 71.3])
    np.testing.assert_array_equal(np.unique(after.resp_rate_bpm[360:]), [15.2, 16.2, 17.2])
    assert counts.min() > 900
    assert abs(np.corrcoef(after.heart_rate_bpm[360:], after.resp_rate_bpm[360:])[0, 1]) < 0.06


def test_time_shift_delays_the_heart_rate_and_leaves_the_breathing() -> None:
    before = climbing(40)
    injection = attacked(before, "time-shift", 15, 20, "subtle")
    np.testing.assert_array_equal(injection.recording.heart_rate_bpm[15:35], before.heart_rate_bpm[5:25])
    np.testing.assert_array_equal(injection.recording.resp_rate_bpm, before.resp_rate_bpm)
    np.testing.assert_array_equal(np.flatnonzero(injection.poisoned), range(15, 35))


def test_time_shift_delays_artefacts_as_they_are() -> None:
    heart = np.array([11.3, *[70.0] * 11])
    assert attacked(bed(heart), "time-shift", 10, level="subtle").recording.heart_rate_bpm[10] == 11.3


def test_mirror_flip_turns_every_block_about_the_median_of_the_past() -> None:
    injection = attacked(bed([*[70.0] * 60, 80, 65, 70, NAN], [*[15.0] * 60, 15, 12, 19, 20]), "mirror-flip", 60)
    np.testing.assert_array_equal(injection.recording.heart_rate_bpm[60:], [60, 75, 70, NAN])
    np.testing.assert_array_equal(injection.recording.resp_rate_bpm[60:], [15, 18, 11, 10])
    np.testing.assert_array_equal(injection.poisoned[60:], [True] * 4)


@pytest.mark.parametrize(("level", "blocks"), [("subtle", 1), ("medium", 3), ("strong", 10)])
def test_mirror_flip_turns_its_share_of_whole_blocks(level: str, blocks: int) -> None:
    recording = bed(np.concatenate([np.full(100, 70.0), np.full(200, 80.0)]))
    flipped = attacked(recording, "mirror-flip", 100, level=level, seed=3).poisoned[100:].reshape(10, 20)
    assert flipped.all(axis=1).sum() == flipped.any(axis=1).sum() == blocks


def test_slow_drift_takes_a_day_and_holds() -> None:
    rise = attacked(bed(np.full(3000, 80.0), np.full(3000, 16.0), grid=0.001), "slow-drift", 100).recording
    np.testing.assert_array_equal(rise.heart_rate_bpm[[99, 159, 819, 1539, 2999]] - 80, [0, 1, 12, 24, 24])
    np.testing.assert_array_equal(rise.resp_rate_bpm[[99, 279, 819, 1539, 2999]] - 16, [0, 1, 4, 8, 8])


@pytest.mark.parametrize(("level", "share"), [("subtle", 0.1), ("medium", 0.3), ("strong", 0.6)])
def test_dropout_loses_exactly_its_share_in_bursts(level: str, share: float) -> None:
    injection = attacked(bed(np.full(1100, 80.0)), "dropout", 100, level=level)
    lost = np.isnan(injection.recording.heart_rate_bpm)
    np.testing.assert_array_equal(np.isnan(injection.recording.resp_rate_bpm), lost)
    np.testing.assert_array_equal(injection.poisoned, lost)
    assert lost.sum() == round(1000 * share)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], lost, [0]])))
    lengths = np.sort(np.diff(edges)[::2])
    assert lengths[1] >= 5, "only the last burst is cut"
    assert lengths[-1] <= 40


def test_dropout_calls_a_minute_poisoned_only_when_there_was_something_to_lose() -> None:
    heart = np.full(100, 80.0)
    heart[:50] = NAN
    injection = attacked(bed(heart, np.full(100, NAN)), "dropout", 0)
    np.testing.assert_array_equal(injection.poisoned, ~np.isnan(heart) & np.isnan(injection.recording.heart_rate_bpm))
    assert 10 <= injection.poisoned.sum() <= 50


@pytest.mark.parametrize("name", ["motif", "replay", "jittered-replay", "time-shift"])
def test_an_onset_before_there_is_enough_past_names_the_smallest_possible(name: str) -> None:
    for level, amounts in ATTACKS[name].levels.items():
        least = int(amounts[0])
        assert ATTACKS[name].smallest_onset_min(level) == least
        with pytest.raises(
            Misconfigured, match=rf"onset {least - 1} is too early.*smallest onset possible is {least}$"
        ):
            attacked(climbing(1500), name, least - 1, level=level)
        assert attacked(climbing(1500), name, least, level=level).poisoned.any()


def test_a_recording_too_short_for_the_lag_is_said_so() -> None:
    with pytest.raises(Misconfigured, match=r"replay \(subtle\) needs 1440 minutes.*is only 1400 minutes long"):
        attacked(climbing(1400), "replay", 1399, level="subtle")
