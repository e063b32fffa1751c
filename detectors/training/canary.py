"""The canary set: clean and attacked windows that travel in the bundle, so that a new model can be tried without patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.knowledge import ENROLMENTS_MIN
from detectors.preprocessing import Z_CLIP
from detectors.training.cohort import AttackCase, Injector, Stay
from detectors.training.series import ScaledWindows, enrolment_rows, own_scale, rows_of, windows_between

STEPS_PER_Z: Final = 4000
MINUTES_A_WEEK: Final = 7 * 1440
ONSET_MIN: Final = 720
DURATION_MIN: Final = 300


def canary_windows(
    stays: Sequence[Stay], cases: Sequence[tuple[str, str]], inject: Injector, each: int, seed: int
) -> dict[str, NDArray[np.int16]]:
    """Return `each` clean and `each` attacked windows of devices with a frozen profile.

    `clean_window_z` and `attacked_window_z` are int16[n, 60, 2], z times 4000 (z lies in -8..8); `*_minute` int16[n, 60]
    are minutes since Thursday 00:00 UTC (event minute modulo a week), all that the calendar inputs need.
    """
    rng = np.random.default_rng([seed, 77])
    clean, attacked = [], []
    for stay in stays:
        rows = rows_of(stay.recording)
        scale, first = own_scale(rows, ENROLMENTS_MIN[0]), enrolment_rows(rows, ENROLMENTS_MIN[0])
        clean.append(windows_between(rows, scale, first, len(rows), 7))
        name, level = cases[int(rng.integers(len(cases)))]
        case = AttackCase(name, level, ONSET_MIN, DURATION_MIN, int(rng.integers(1 << 31)))
        poisoned = rows_of(stay.recording, np.stack(inject(stay.recording, case), axis=-1))
        minutes = stay.recording.first_event_minute + np.array([ONSET_MIN + 60, ONSET_MIN + DURATION_MIN])
        span = np.searchsorted(poisoned.event_minute, minutes)
        attacked.append(windows_between(poisoned, scale, int(span[0]), int(span[1]), 7))
    return _packed("clean", clean, each, rng) | _packed("attacked", attacked, each, rng)


def unpacked(canary: dict[str, NDArray[Any]], kind: str) -> ScaledWindows:
    """Return the windows of a kind ("clean" or "attacked") as the scorer takes them."""
    z: NDArray[np.float32] = canary[f"{kind}_window_z"].astype(np.float32) / np.float32(STEPS_PER_Z)
    return ScaledWindows(z, canary[f"{kind}_minute"].astype(np.int64))


def _packed(
    kind: str, parts: Sequence[ScaledWindows], count: int, rng: np.random.Generator
) -> dict[str, NDArray[np.int16]]:
    z = np.concatenate([part.z for part in parts])
    minute = np.concatenate([part.event_minute for part in parts])
    chosen = rng.choice(len(z), min(count, len(z)), replace=False)
    return {
        f"{kind}_window_z": np.round(np.clip(z[chosen], -Z_CLIP, Z_CLIP) * STEPS_PER_Z).astype(np.int16),
        f"{kind}_minute": (minute[chosen] % MINUTES_A_WEEK).astype(np.int16),
    }
