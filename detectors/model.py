"""The trained detector's arithmetic: windows -> features -> standardised -> evidence -> networks and tails -> the rule's scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.verdicts import DeviceProfile
from detectors.decision_rules.base import Rule, Scale
from detectors.decision_rules.common_scale import COMMON_SCALE
from detectors.evidence import RESIDUAL_EVIDENCE, SIGNAL, SLOW_EVIDENCE
from detectors.explain import explain
from detectors.features.catalogue import MINUTE_PART, SLOW_MIN, SLOW_PART
from detectors.featurise import feature_major, half_day_features, minute_features
from detectors.guards import copied_share
from detectors.knowledge import Knowledge
from detectors.measure import Measure
from detectors.preprocessing import Rows
from detectors.profiles import freeze_profile, yardstick_of
from detectors.reading import Reading, evidence_of, speak
from detectors.scorer import SCORED_KINDS, TAIL_KINDS, Yardstick
from detectors.scoring.runtime import Reconstructor
from detectors.windows import Windows

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

TAIL_ALLOWANCE: Final = 0.7  # what the tails are held back by, so that they spend less of the budget than the networks


@dataclass(frozen=True, slots=True)
class WindowScores:
    """See `scorer.Scored`."""

    g: Floats
    error: Floats
    copied: Floats
    _reading: Reading

    def reason(self, window: int) -> str:
        """Say in words what is unusual about a window."""
        names = [*SIGNAL.group_names, *RESIDUAL_EVIDENCE.group_names]
        parts = [self._reading.signal.groups[window], self._reading.residual.groups[window]]
        at = np.searchsorted(self._reading.slow_at, window)
        if self._reading.slow is not None and at < len(self._reading.slow_at) and self._reading.slow_at[at] == window:
            names += SLOW_EVIDENCE.group_names
            parts.append(self._reading.slow.groups[at])
        halves = [np.split(part, 2) for part in parts]
        return explain(names, np.concatenate([high for high, _ in halves] + [low for _, low in halves]))


class Model:
    """A bundle's knowledge at work. Owned by one thread; blocks while it computes."""

    def __init__(
        self, reconstructor: Reconstructor, knowledge: Knowledge, bundle_sha: str = "", rule: Rule = COMMON_SCALE
    ) -> None:
        self.reconstructor = reconstructor
        self.knowledge = knowledge
        self.bundle_sha = bundle_sha
        self.rule = rule
        self._population = yardstick_of(None, knowledge, rule)

    def warm(self, buckets: Sequence[int] | None = None) -> None:
        """Compile the given batch sizes (None: all) ahead of their first use."""
        self.reconstructor.warm(buckets)

    def yardstick(self, profile: DeviceProfile | None) -> Yardstick:
        """Return what a device is judged with: by its profile, or by the population while it has none."""
        return self._population if profile is None else yardstick_of(profile, self.knowledge, self.rule)

    def freeze(self, rows: Rows, pulse_medians_bpm: Sequence[float], enrolment_min: int) -> DeviceProfile:
        """Return the profile learnt from a device's enrolment rows (at least one); two or three compiled calls."""
        return freeze_profile(
            rows, pulse_medians_bpm, enrolment_min, self.reconstructor, self.knowledge, self.bundle_sha, self.rule
        )

    def score(self, windows: Windows, sticks: Sequence[Yardstick]) -> WindowScores:
        """Score windows, each with its owner's yardstick."""
        measures = [stick.measure for stick in sticks]
        minute, mean_square = minute_features(self.reconstructor, windows, measures)
        centre = np.stack([stick.centre for stick in sticks])[windows.owner]
        spread = np.stack([stick.spread for stick in sticks])[windows.owner]
        minute_r = (minute - centre[:, MINUTE_PART]) / spread[:, MINUTE_PART]
        at = windows.slow
        slow_r = (half_day_features(windows, measures) - centre[at, SLOW_PART]) / spread[at, SLOW_PART]
        reading = evidence_of(self.knowledge.tables, minute_r, slow_r, at)
        raw = speak(self.knowledge.networks, reading)
        error = mean_square[:, :2].mean(axis=1)
        # What cannot be rebuilt at all would read as usual; a score that is no number counts against the device.
        raw[~np.isfinite(mean_square).all(axis=1), 0] = np.nan
        return WindowScores(_by_situation(raw, windows, sticks), error, _copied(windows, measures), reading)


def _by_situation(raw: Floats, windows: Windows, sticks: Sequence[Yardstick]) -> Floats:
    """Put raw scores on the rule's scale, each by its owner's maps."""
    maps = {id(stick.scales): stick.scales for stick in sticks}
    used = np.array([id(stick.scales) for stick in sticks])[windows.owner]
    g = np.empty_like(raw)
    for identity, scales in maps.items():
        chosen = used == identity
        g[chosen] = on_common_scale(raw[chosen], scales)
    return g


def _copied(windows: Windows, measures: Sequence[Measure]) -> Floats:
    if not len(windows.slow):
        return np.empty(0, np.float32)
    grid = np.stack([measure.grid_bpm for measure in measures], axis=1)[:, windows.owner[windows.slow]]
    return copied_share(feature_major(windows.slow_values[:, -SLOW_MIN:]), grid)


def on_common_scale(raw: Floats, scales: Mapping[str, Scale]) -> Floats:
    """Return g float32[B, 5] of raw scores, each kind by its own map, tails held back."""
    columns = [scales[kind].of(raw[:, place]) for place, kind in enumerate(SCORED_KINDS)]
    g = np.stack(columns, axis=1)
    g[:, [place for place, kind in enumerate(SCORED_KINDS) if kind in TAIL_KINDS]] -= TAIL_ALLOWANCE
    return g
