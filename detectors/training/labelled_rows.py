"""The classifier's training rows: features, labels and weights of clean, attacked and distorted windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.preprocessing import Rows
from detectors.training.cohort import AttackCase, Injector, Stay, Vitals, vitals_of
from detectors.training.distorted import Span, distort
from detectors.training.featuriser import Featuriser
from detectors.training.series import (
    ENROLMENTS_MIN,
    Scale,
    Windows,
    enrolment_rows,
    own_scale,
    rows_of,
    windows_between,
)
from detectors.weight_layout import RESIDUAL_FEATURES

WEIGHT_CLEAN: Final = 1.0
WEIGHT_DETERIORATION: Final = 2.0  # at 4 a tenth fewer pattern scalings are found, at the same false exclusions
WEIGHT_ATTACK: Final = 2.0
WEIGHT_DISTORTION: Final = 0.15
CLEAN_STRIDE: Final = 4
ATTACK_STRIDE: Final = 6
DISTORTION_STRIDE: Final = 9
ATTACK_MIN: Final = 480
DISTORTION_MIN: Final = 360
POISONED_SHARE: Final = 0.2
FAINTEST: Final = 0.25
LEFT_OUT: Final = frozenset(
    {
        *((name, "subtle") for name in ("data-poisoning-1", "data-poisoning-2", "backdoor-1", "backdoor-2")),
        ("backdoor-1", "medium"),  # a coherent ramp inside the clinical range is what deterioration looks like
    }
)


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """`features` float32[k, 15], `label` (1 = poisoned) and `weight` float32[k]."""

    features: NDArray[np.float32]
    label: NDArray[np.float32]
    weight: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.label)


@dataclass(frozen=True, slots=True)
class Yardstick:
    """How a device is measured in one situation: scale, usual RMS [2], and the rows [first, end) judged that way."""

    scale: Scale
    residual_rms: NDArray[np.float64]
    first_row: int
    end_row: int


class RowMaker:
    """Makes the training rows of one reference patient after another; every draw comes from `rng`."""

    def __init__(
        self, featuriser: Featuriser, population: Yardstick, inject: Injector, rng: np.random.Generator
    ) -> None:
        self._featuriser = featuriser
        self._population = population
        self._inject = inject
        self._rng = rng

    def rows(self, stay: Stay, stranger: Stay, cases: Sequence[tuple[str, str]], distortions: int) -> LabelledRows:
        """Return the patient's rows: clean, attacked by each (attack, level) once, and with so many distorted spans.

        All of it happens in every situation of a device: enrolling under the population's scale, and with each
        frozen profile. Onsets are random; `stranger` is mixed in by some distortions.
        """
        rows = rows_of(stay.recording)
        parts: list[LabelledRows] = []
        for stick in self._yardsticks(rows):
            parts.append(self._clean(stay, rows, stick))
            for name, level in cases:
                if (name, level) not in LEFT_OUT:
                    parts += self._attacked(stay, rows, stick, name, level)
            for _ in range(distortions):
                parts += self._distorted(stay, rows, stick, vitals_of(stranger.recording))
        return joined(parts)

    def _yardsticks(self, rows: Rows) -> list[Yardstick]:
        sticks = [replace(self._population, end_row=enrolment_rows(rows, ENROLMENTS_MIN[-1]))]
        for length in ENROLMENTS_MIN:
            scale, end = own_scale(rows, length), enrolment_rows(rows, length)
            rms = self._featuriser.residual_rms(windows_between(rows, scale, 0, end, 2))
            sticks.append(Yardstick(scale, rms, end, len(rows)))
        return sticks

    def _clean(self, stay: Stay, rows: Rows, stick: Yardstick) -> LabelledRows:
        windows = windows_between(rows, stick.scale, stick.first_row, stick.end_row, CLEAN_STRIDE)
        ill = _per_window(stay.deteriorating, windows, stay) > 0
        return self._labelled(windows, 0.0, stick, np.where(ill, WEIGHT_DETERIORATION, WEIGHT_CLEAN))

    def _attacked(self, stay: Stay, rows: Rows, stick: Yardstick, name: str, level: str) -> list[LabelledRows]:
        span = self._span(stay, rows, stick, ATTACK_MIN)
        seed = int(self._rng.integers(1 << 31))
        case = AttackCase(name, level, span.onset_min, span.end_min - span.onset_min, seed)
        attacked = np.stack(self._inject(stay.recording, case), axis=-1)
        return self._poisoned(stay, attacked, span, stick, ATTACK_STRIDE, WEIGHT_ATTACK)

    def _distorted(self, stay: Stay, rows: Rows, stick: Yardstick, stranger: Vitals) -> list[LabelledRows]:
        span = self._span(stay, rows, stick, DISTORTION_MIN)
        grid = stay.recording.resolution_bpm
        distorted = distort(vitals_of(stay.recording), stranger, span, stick.scale, grid, self._rng)
        if distorted is None:
            return []
        return self._poisoned(stay, distorted, span, stick, DISTORTION_STRIDE, WEIGHT_DISTORTION)

    def _span(self, stay: Stay, rows: Rows, stick: Yardstick, minutes: int) -> Span:
        """A random span among the judged rows; while enrolling, one in four begins with the recording itself."""
        first, last = rows.event_minute[[stick.first_row, stick.end_row - 1]] - stay.recording.first_event_minute
        if not stick.first_row and self._rng.random() < 0.25:
            return Span(0, min(minutes, int(last) + 1))
        onset = int(self._rng.integers(first, max(last - minutes, first) + 1))
        return Span(onset, min(onset + minutes, int(last) + 1))

    def _poisoned(
        self, stay: Stay, vitals: Vitals, span: Span, stick: Yardstick, stride: int, weight: float
    ) -> list[LabelledRows]:
        """Windows of the span that are poisoned enough to be learnable; the others teach nothing and are dropped."""
        rows = rows_of(stay.recording, vitals)
        first, end = np.searchsorted(
            rows.event_minute, stay.recording.first_event_minute + np.array([span.onset_min, span.end_min])
        )
        windows = windows_between(rows, stick.scale, int(first), int(end), stride)
        if not len(windows):
            return []
        change = np.nan_to_num(np.abs(vitals - vitals_of(stay.recording)) / stick.scale.scale).max(axis=1)
        share = _per_window(change > 0, windows, stay)
        strength = _per_window(change, windows, stay) / np.maximum(share, 1e-9)
        learnable = (share >= POISONED_SHARE) & (strength >= FAINTEST)
        if not learnable.any():
            return []
        kept = Windows(windows.z[learnable], windows.event_minute[learnable])
        return [self._labelled(kept, 1.0, stick, np.full(len(kept), weight))]

    def _labelled(self, windows: Windows, label: float, stick: Yardstick, weight: NDArray[np.float64]) -> LabelledRows:
        if not len(windows):
            empty = np.empty(0, np.float32)
            return LabelledRows(np.empty((0, len(RESIDUAL_FEATURES)), np.float32), empty, empty)
        features = self._featuriser.features(windows, stick.residual_rms)
        return LabelledRows(features, np.full(len(windows), label, np.float32), weight.astype(np.float32))


def joined(parts: Sequence[LabelledRows]) -> LabelledRows:
    """Return the rows of all parts."""
    return LabelledRows(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )


def _per_window(minutes: NDArray[np.bool_] | NDArray[np.float64], windows: Windows, stay: Stay) -> NDArray[np.float64]:
    """Return each window's mean of a value a minute of the recording, float64[k]."""
    mean: NDArray[np.float64] = minutes[windows.event_minute - stay.recording.first_event_minute].mean(axis=1)
    return mean
