"""What a site's own clean devices say of a threshold: how often they are excluded at each, and how far it may be moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from detectors.decisions.votes import RULES
from detectors.minutes.windows import STEP_MIN
from detectors.scoring.common_scale import HIGHEST_G, peak_places, threshold_of
from detectors.scoring.components import SCORED
from detectors.training.scores.table import WEEK_MIN
from detectors.training.sites.judging import JudgedDevice

Decision = Literal["too few", "kept", "raised", "lowered"]

RAISING_DAYS: Final = 100
"""Thresholds of fewer device-days gave .9 to 6 false exclusions a week on other devices (docs/detection.md)."""
LOWERING_DAYS: Final = 500
"""To lower it is the greater promise: at one in ten weeks, 500 device-days hold seven false exclusions to go by."""
MOST_MOVED: Final = 1.0
"""A factor of ten in false exclusions: devices further off are not those of the references, and want a training of their own."""
LEAST_THRESHOLD: Final = 0.05
"""What a rule says is put on the threshold's scale, which has no room at or below 0."""


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest decision within four hours: its `score` without the rules, what was averaged for it, the rules that spoke."""

    device_id: str
    event_minute: int
    score: float
    kinds: tuple[float, ...]
    rules: tuple[str, ...]

    def is_over(self, threshold: float) -> bool:
        """Return whether it excludes a device at this threshold. A rule does so at any."""
        return bool(self.rules) or self.score >= threshold

    def fired(self, threshold: float) -> tuple[str, ...]:
        """Return what excluded the device: the rules that spoke, else the scores over the threshold by themselves, else the highest."""
        if self.rules:
            return self.rules
        alone = tuple(kind for kind, g in zip(SCORED, self.kinds, strict=True) if g >= threshold)
        return alone or (SCORED[int(np.argmax(self.kinds))],)


@dataclass(frozen=True, slots=True)
class SiteCalibration:
    """The figures of a site's clean devices and the threshold that follows from them. Times in device-weeks."""

    weeks: float
    peaks: tuple[Peak, ...]
    budget: float
    before: float
    after: float
    decision: Decision

    @property
    def days(self) -> float:
        """Judged device-days."""
        return 7 * self.weeks

    def excluded(self, threshold: float) -> list[Peak]:
        """Return the false exclusions at a threshold, each more than four hours from the device's next."""
        return [peak for peak in self.peaks if peak.is_over(threshold)]


def calibrated_site(
    devices: Sequence[JudgedDevice], before: float, budget: float, *, may_lower: bool = True
) -> SiteCalibration:
    """Return what clean devices say of the threshold `before`. `budget` in false exclusions a device-week.

    The rule is training's: the threshold lies midway between the last peak that the budget pays for and the next. Exclusions
    by a rule without training happen at every threshold: they are counted, but move none.
    """
    weeks = sum(int(device.judged.sum()) for device in devices) * STEP_MIN / WEEK_MIN
    after = before
    decision: Decision = "too few"
    if 7 * weeks >= RAISING_DAYS:
        scores = [device.score[peak_places(device.score, device.judged)] for device in devices]
        wanted = threshold_of(np.sort(np.concatenate(scores))[::-1], weeks, budget)
        after, decision = _moved(before, wanted, can_lower=may_lower and 7 * weeks >= LOWERING_DAYS)
    peaks = tuple(peak for device in devices for peak in _peaks(device))
    return SiteCalibration(weeks, peaks, budget, before, after, decision)


def _moved(before: float, wanted: float, *, can_lower: bool) -> tuple[float, Decision]:
    if wanted > before:
        return min(wanted, before + MOST_MOVED), "raised"
    if wanted < before and can_lower:
        return min(before, max(wanted, before - MOST_MOVED, LEAST_THRESHOLD)), "lowered"
    return before, "kept"


def _peaks(device: JudgedDevice) -> list[Peak]:
    """Return a device's peaks, those of a rule above all others."""
    value = np.where(device.rules.any(axis=1), HIGHEST_G + 1, device.score)
    return [
        Peak(
            device.device_id, int(device.event_minute[at]), float(device.score[at]), tuple(device.kinds[at].tolist()),
            tuple(rule for rule, spoke in zip(RULES, device.rules[at].tolist(), strict=True) if spoke),
        )
        for at in peak_places(value, device.judged)
    ]  # fmt: skip
