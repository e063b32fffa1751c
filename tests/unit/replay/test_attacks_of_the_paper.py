"""The paper's four attacks do what they say."""

from __future__ import annotations

import numpy as np
import pytest

from replay.attacks import AttackSpec, inject
from replay.recording import Recording


def steady(minutes: int = 600, *, hr: float = 80.0, rr: float = 16.0) -> Recording:
    return Recording("bed-1", 5000, hr * np.ones(minutes), rr * np.ones(minutes))


def spec(name: str, onset: int, duration: int | None = None, level: str = "strong") -> AttackSpec:
    return AttackSpec(name, "bed-1", onset, duration, level)


def test_data_poisoning_2_multiplies_both_rates_inside_its_span_only() -> None:
    attacked = inject(steady(6), spec("data-poisoning-2", 2, 3, "medium"))
    np.testing.assert_array_equal(attacked.recording.heart_rate_bpm, [80, 80, 104, 104, 104, 80])
    np.testing.assert_array_equal(attacked.recording.resp_rate_bpm, [16, 16, 20.8, 20.8, 20.8, 16])
    np.testing.assert_array_equal(attacked.poisoned, [False, False, True, True, True, False])
    assert attacked.end_min == 5


def test_data_poisoning_1_adds_noise_of_the_levels_size() -> None:
    before = steady(20_000, hr=120, rr=50)
    after = inject(before, spec("data-poisoning-1", 0, level="medium")).recording
    assert np.std(after.heart_rate_bpm - 120) == pytest.approx(4.0, rel=0.03)
    assert np.std(after.resp_rate_bpm - 50) == pytest.approx(2.0, rel=0.03)
    assert abs(np.corrcoef(after.heart_rate_bpm, after.resp_rate_bpm)[0, 1]) < 0.03


def test_backdoor_1_climbs_to_its_rise_and_holds_it() -> None:
    attacked = inject(steady(), spec("backdoor-1", 100, 200)).recording
    rise = attacked.heart_rate_bpm - 80
    np.testing.assert_allclose(rise[[99, 100, 159, 219, 220, 299, 300]], [0, 0.25, 15, 30, 30, 30, 0], atol=0.051)
    assert np.all(np.diff(rise[99:300]) >= 0)
    assert attacked.resp_rate_bpm[219] == 26.0


def test_backdoor_2_raises_eight_minutes_of_every_thirty() -> None:
    injection = inject(steady(120), spec("backdoor-2", 10, 60, "medium"))
    poisoned = np.flatnonzero(injection.poisoned)
    np.testing.assert_array_equal(poisoned, [*range(10, 18), *range(40, 48)])
    np.testing.assert_array_equal(np.unique(injection.recording.heart_rate_bpm), [80.0, 88.0])
    np.testing.assert_array_equal(np.unique(injection.recording.resp_rate_bpm), [16.0, 19.0])
