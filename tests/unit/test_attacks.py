"""What every attack has in common: where it acts, what it leaves alone, and an exact truth a minute."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from contracts.errors import Misconfigured
from replay.attacks import ATTACKS, AttackSpec, inject, inject_all
from replay.attacks.base import CHANNELS, Channels
from replay.recording import Recording


def steady(
    minutes: int = 600, *, device: str = "bed-1", hr: float = 80.0, rr: float = 16.0, grid: float = 0.1
) -> Recording:
    level = np.ones(minutes)
    return Recording(device, 5000, hr * level, rr * level, hr * level, resolution_bpm=grid)


def spec(name: str, onset: int, duration: int | None = None, level: str = "strong", seed: int = 0) -> AttackSpec:
    return AttackSpec(name, "bed-1", onset, duration, level, seed)


NAMES = (
    "amplitude", "backdoor-1", "backdoor-2", "bias", "data-poisoning-1", "data-poisoning-2", "dropout", "jittered-replay",
    "mirror-flip", "motif", "replay", "slow-drift", "spoof", "stuck-at", "time-shift",
)  # fmt: skip
LOSE_MINUTES = ("dropout", "jittered-replay", "replay", "spoof", "time-shift")


def test_the_library_is_complete_and_each_attack_has_three_levels() -> None:
    assert tuple(ATTACKS) == NAMES
    for attack in ATTACKS.values():
        assert list(attack.levels) == ["subtle", "medium", "strong"]
        assert all(len(amounts) == len(attack.parameters) for amounts in attack.levels.values())
        assert not attack.words or attack.words.keys() == attack.levels.keys()


@pytest.mark.parametrize("name", ATTACKS)
def test_no_duration_means_to_the_end_and_a_long_one_stops_there(name: str) -> None:
    for duration in (None, 10_000):
        assert inject(steady(1600), spec(name, 1500, duration)).end_min == 1600


@pytest.mark.parametrize("name", ATTACKS)
def test_the_pulse_is_left_alone(name: str) -> None:
    pulse = inject(steady(1600), spec(name, 1500)).recording.pulse_bpm
    np.testing.assert_array_equal(pulse, np.full(1600, 80.0))


def test_an_attack_acts_on_the_monitors_own_grid() -> None:
    whole = inject(steady(400, grid=1.0), spec("data-poisoning-1", 0, level="subtle"))
    np.testing.assert_array_equal(whole.recording.heart_rate_bpm % 1, 0.0)
    unchanged = whole.recording.heart_rate_bpm == 80
    unchanged &= whole.recording.resp_rate_bpm == 16
    assert 0 < unchanged.sum() < 200
    np.testing.assert_array_equal(whole.poisoned, ~unchanged)


def test_values_stay_inside_what_the_preprocessing_accepts() -> None:
    high = inject(steady(5, hr=190, rr=60), spec("data-poisoning-2", 0)).recording
    assert (high.heart_rate_bpm.max(), high.resp_rate_bpm.max()) == (300.0, 100.0)
    low = inject(steady(3000, hr=40, rr=5), spec("data-poisoning-1", 0)).recording
    assert low.resp_rate_bpm.min() == 3.0
    assert low.heart_rate_bpm.min() >= 20.0


def test_the_seed_the_device_and_the_attack_choose_the_noise() -> None:
    def noise(seed: int, device: str = "bed-1") -> np.ndarray:
        one = AttackSpec("data-poisoning-1", device, 0, None, "strong", seed)
        return inject(steady(50, device=device), one).recording.heart_rate_bpm

    np.testing.assert_array_equal(noise(1), noise(1))
    assert not np.array_equal(noise(1), noise(2))
    assert not np.array_equal(noise(1), noise(1, "bed-2"))


rates = st.one_of(st.just(float("nan")), st.integers(30, 2000).map(lambda tenths: tenths / 10))


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.tuples(rates, rates), min_size=1, max_size=80),
    name=st.sampled_from(NAMES),
    level=st.sampled_from(["subtle", "medium", "strong"]),
    onset=st.integers(0, 79),
    duration=st.none() | st.integers(1, 100),
    channels=st.sampled_from(CHANNELS),
    ramp=st.sampled_from([0, 7]),
)
def test_the_truth_marks_exactly_the_changed_minutes_and_missing_stays_missing(
    values: list[tuple[float, float]],
    name: str,
    level: str,
    onset: int,
    duration: int | None,
    channels: Channels,
    ramp: int,
) -> None:
    past = ATTACKS[name].smallest_onset_min(level)
    heart, breath = np.resize(np.array(values), (past + len(values), 2)).T.copy()
    before = Recording("bed-1", 0, heart, breath)
    onset = past + onset % len(values)
    assume(not (name == "time-shift" and channels == "rr"))
    injection = inject(before, AttackSpec(name, "bed-1", onset, duration, level, 3, channels, ramp))
    after = injection.recording
    changed = np.zeros(before.minutes, dtype=bool)
    for old, new in ((heart, after.heart_rate_bpm), (breath, after.resp_rate_bpm)):
        assert np.isnan(new[np.isnan(old)]).all()
        assert name in LOSE_MINUTES or not np.isnan(new[~np.isnan(old)]).any()
        changed |= ~np.isnan(old) & (old != new)
    np.testing.assert_array_equal(injection.poisoned, changed)
    assert not changed[:onset].any()
    assert not changed[injection.end_min :].any()
    spared = {"hr": (breath, after.resp_rate_bpm), "rr": (heart, after.heart_rate_bpm), "both": (breath, breath)}
    np.testing.assert_array_equal(*spared[channels])


def test_two_attacks_on_one_device_add_up() -> None:
    recordings, injections = inject_all(
        [steady(100), steady(100, device="bed-2")],
        [spec("data-poisoning-2", 10, 20), spec("backdoor-2", 20, 8)],
    )
    heart = recordings[0].heart_rate_bpm
    assert (heart[10], heart[20], heart[28], heart[30]) == (160.0, 176.0, 160.0, 80.0)
    assert {device: len(found) for device, found in injections.items()} == {"bed-1": 2}
    np.testing.assert_array_equal(np.flatnonzero(injections["bed-1"][1].poisoned), range(20, 28))
    np.testing.assert_array_equal(recordings[1].heart_rate_bpm, np.full(100, 80.0))


def test_an_attack_on_a_device_that_is_not_there_lists_the_devices() -> None:
    with pytest.raises(Misconfigured, match="devices: bed-2, bed-3"):
        inject_all([steady(device="bed-3"), steady(device="bed-2")], [spec("backdoor-1", 0)])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (spec("backdoor-1", 600), "600 minutes long, so 0..599"),
        (spec("backdoor-1", -1), "0..599"),
        (spec("backdoor-1", 0, 0), "at least 1 minute"),
        (spec("backdoor-1", 0, seed=-1), "0 or above"),
        (AttackSpec("backdoor-1", "bed-2", 0), "meant for 'bed-2'"),
    ],
)
def test_a_spec_that_does_not_fit_the_recording_is_refused(wrong: AttackSpec, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        inject(steady(), wrong)
