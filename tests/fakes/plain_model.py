"""A trained model that anyone can compute: every score is a mean of scaled vitals, a pure function of the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from contracts.verdicts import DeviceProfile
from detectors.decision_rules.base import Rule
from detectors.decision_rules.common_scale import COMMON_SCALE
from detectors.features.catalogue import FEATURES
from detectors.guards import PULSE_LIMIT_BPM, pulse_limit_bpm
from detectors.measure import Measure
from detectors.preprocessing import Rows, robust_scale
from detectors.scorer import SCORED_KINDS, Yardstick
from detectors.windows import Windows


def lately(z: np.ndarray) -> np.ndarray:
    """The last five minutes, float32[B] of float32[B, 60]: flagged as soon as the heart races."""
    return z[:, -5:].mean(axis=1)


def all_hour(z: np.ndarray) -> np.ndarray:
    """The hour, late minutes counting more: the whole history of a window matters."""
    return (z * np.linspace(0.5, 1.5, z.shape[1], dtype=np.float32)).mean(axis=1)


@dataclass(frozen=True)
class PlainScores:
    g: np.ndarray
    error: np.ndarray
    copied: np.ndarray

    def reason(self, window: int) -> str:
        return f"the heart beats at {self.g[window, 0]:.1f}"


@dataclass
class PlainModel:
    """`hour` of the scaled heart rate and of breathing are the minute scores; six and eighteen hours' means the slow ones.

    A minute counts for at most 3 in these, so that an hour or two do not linger in them for the rest of the day.
    """

    bundle_sha: str = "one"
    median: tuple[float, float] = (80.0, 15.0)
    scale: tuple[float, float] = (10.0, 3.0)
    threshold: float = 2.0
    hour: Callable[[np.ndarray], np.ndarray] = lately
    rule: Rule = COMMON_SCALE
    calls: list[int] = field(default_factory=list)
    frozen: list[tuple[int, list[float], int]] = field(default_factory=list)

    def score(self, windows: Windows, sticks: Sequence[Yardstick]) -> PlainScores:
        assert windows.values.shape == (len(windows), 60, 2)
        assert windows.slow_values.shape == (len(windows.slow), 1080, 2)
        self.calls.append(len(windows))
        z = _scaled(windows.values, windows.owner, sticks)
        g = np.full((len(windows), len(SCORED_KINDS)), np.nan, np.float32)
        g[:, 0], g[:, 1] = self.hour(z[:, 0]), self.hour(z[:, 1])
        g[:, 2] = g[:, :2].min(axis=1)
        long = np.clip(_scaled(windows.slow_values, windows.owner[windows.slow], sticks)[:, 0], -3, 3)
        g[windows.slow, 3] = np.ascontiguousarray(long[:, -360:]).mean(axis=1)
        known = windows.slow_minute > windows.slow_minute[:, -1:] - 1080
        g[windows.slow, 4] = np.where(known, long, 0).sum(axis=1) / known.sum(axis=1)
        return PlainScores(g, np.square(z).mean(axis=(1, 2)), np.zeros(len(windows.slow), np.float32))

    def freeze(self, rows: Rows, pulse_medians_bpm: Sequence[float], enrolment_min: int) -> DeviceProfile:
        self.frozen.append((len(rows), list(pulse_medians_bpm), enrolment_min))
        median, scale = robust_scale(rows.values)
        return DeviceProfile(
            median=tuple(median.tolist()), scale=tuple(scale.tolist()), difference_sd=(1.0, 1.0), grid_bpm=(0.1, 0.1),
            residual_rms=(1.0, 1.0, 1.0, 1.0), centre=b"", spread=b"",
            pulse_limit_bpm=pulse_limit_bpm(list(pulse_medians_bpm)), situation=str(enrolment_min),
            threshold=self.threshold, first_event_minute=int(rows.event_minute[0]),
            last_event_minute=int(rows.event_minute[-1]), bundle_sha=self.bundle_sha, rule=self.rule.name,
        )  # fmt: skip

    def yardstick(self, profile: DeviceProfile | None) -> Yardstick:
        if profile is None:
            return _stick(self.median, self.scale, self.threshold, PULSE_LIMIT_BPM)
        return _stick(profile.median, profile.scale, profile.threshold, profile.pulse_limit_bpm)

    def warm(self, buckets: Sequence[int] | None = None) -> None:
        pass


def _stick(median: Sequence[float], scale: Sequence[float], threshold: float, pulse_limit: float) -> Yardstick:
    pairs = [np.array(values, np.float32) for values in (median, scale, (1.0, 1.0), (0.1, 0.1), np.ones(4))]
    nothing = np.zeros(len(FEATURES), np.float32)
    return Yardstick(Measure(*pairs), nothing, nothing + 1, {}, threshold, pulse_limit)


def _scaled(values: np.ndarray, owner: np.ndarray, sticks: Sequence[Yardstick]) -> np.ndarray:
    """Return float32[B, 2, L], each window scaled by its owner."""
    median, scale = (
        np.stack([getattr(stick.measure, name) for stick in sticks])[owner][:, None] for name in ("median", "scale")
    )
    return np.ascontiguousarray(((values - median) / scale).transpose(0, 2, 1))
