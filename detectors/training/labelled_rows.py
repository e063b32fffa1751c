"""Training rows of attacked and distorted spans: standardised features, and what each row can teach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.features.catalogue import SLOW_PART
from detectors.featurise import all_features
from detectors.measure import Measure
from detectors.preprocessing import Rows
from detectors.profiles import enrolment_features, flat_features
from detectors.scoring.runtime import Reconstructor
from detectors.standardise import Expectations
from detectors.training.cohort import AttackCase, Injector, Stay, Vitals, vitals_of
from detectors.training.distorted import DISTORTION_NAMES, Span, distort
from detectors.training.series import Scale, enrolment_rows, first_rows, rows_of
from detectors.windows import decision_ends, windows_at

STRIDE: Final = 5
ATTACK_MIN: Final = 480
DISTORTION_MIN: Final = 360
SETTLED_MIN: Final = 180  # a long window has seen enough of an attack to be called one
POISONED_SHARE: Final = 0.2
FAINTEST: Final = 0.25
CLEAN, DISTORTED = -1, -2


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """k rows of features and what they can teach.

    `r` float16[k, 184] (NaN: no long window), `case` int16[k] (place in the list of attacks and levels, -1 clean, -2
    distorted), `hour` bool[k] (poisoned enough for the networks of an hour), `half_day` bool[k] (for the slow one),
    `distortions` int64[k] (bits of `DISTORTION_NAMES`), `ill` bool[k].
    """

    r: NDArray[np.float16]
    case: NDArray[np.int16]
    hour: NDArray[np.bool_]
    half_day: NDArray[np.bool_]
    distortions: NDArray[np.int64]
    ill: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.r)

    @classmethod
    def joined(cls, parts: Sequence[LabelledRows]) -> LabelledRows:
        """Return the rows of all parts."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the fields by name, to be kept on disk."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> LabelledRows:
        """Return the rows that `arrays` gave."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class AttackTask:
    """A reference stay, a stranger for distortions, the (attack, level) pairs to inject once per enrolment, and the seed.

    `expectations` by enrolment length: one or more readings of the same features.
    """

    stay: Stay
    stranger: Stay
    cases: tuple[tuple[str, str], ...]
    distortions: int
    expectations: Mapping[int, Sequence[Expectations]]
    population: Measure
    inject: Injector
    seed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Device:
    """A stay after one enrolment."""

    stay: Stay
    measure: Measure
    usual: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
    first_min: int

    @property
    def scale(self) -> Scale:
        return Scale(self.measure.median.astype(np.float64), self.measure.scale.astype(np.float64))


def attacked_rows(reconstructor: Reconstructor, task: AttackTask) -> tuple[LabelledRows, ...]:
    """Return the rows of one patient: each attack and so many distortions after every enrolment length; onsets are random.

    One set of rows for each of the task's expectations; they differ in `r` alone.
    """
    rng = np.random.default_rng(task.seed)
    parts: list[tuple[LabelledRows, ...]] = []
    for length, expectations in task.expectations.items():
        device = _enrolled(reconstructor, task, length, expectations)
        for place, (name, level) in enumerate(task.cases):
            onset = _onset(device, name, ATTACK_MIN, rng)
            case = AttackCase(name, level, onset, ATTACK_MIN, int(rng.integers(1 << 31)))
            vitals = np.stack(task.inject(task.stay.recording, case), axis=-1)
            parts += _rows(reconstructor, device, vitals, Span(onset, onset + ATTACK_MIN), place, 0)
        for _ in range(task.distortions):
            parts += _distorted(reconstructor, device, task.stranger, rng)
    return tuple(map(LabelledRows.joined, zip(*parts, strict=True)))


def _enrolled(
    reconstructor: Reconstructor, task: AttackTask, length: int, expectations: Sequence[Expectations]
) -> _Device:
    rows = rows_of(task.stay.recording)
    end = enrolment_rows(rows, length)
    measure, enrolment = enrolment_features(first_rows(rows, end), reconstructor, task.population)
    flat = flat_features(enrolment)
    usual = tuple(one.of_device(enrolment, flat) for one in expectations)
    first_min = int(rows.event_minute[end - 1]) - task.stay.recording.first_event_minute + 1
    return _Device(task.stay, measure, usual, first_min)


def _onset(device: _Device, name: str, minutes: int, rng: np.random.Generator) -> int:
    earliest = max(device.first_min, 1500) if "replay" in name else device.first_min
    return int(rng.integers(earliest, len(device.stay.recording.heart_rate_bpm) - minutes))


def _distorted(
    reconstructor: Reconstructor, device: _Device, stranger: Stay, rng: np.random.Generator
) -> list[tuple[LabelledRows, ...]]:
    recording = device.stay.recording
    onset = _onset(device, "", DISTORTION_MIN, rng)
    span = Span(onset, onset + DISTORTION_MIN)
    found = distort(
        vitals_of(recording), vitals_of(stranger.recording), span, device.scale, recording.resolution_bpm, rng
    )
    if found is None:
        return []
    bits = sum(1 << DISTORTION_NAMES.index(name) for name in found.names)
    return _rows(reconstructor, device, found.vitals, span, DISTORTED, bits)


def _rows(
    reconstructor: Reconstructor, device: _Device, vitals: Vitals, span: Span, case: int, bits: int
) -> list[tuple[LabelledRows, ...]]:
    recording = device.stay.recording
    rows = rows_of(recording, vitals)
    limits = recording.first_event_minute + np.array([span.onset_min, span.end_min])
    first, end = np.searchsorted(rows.event_minute, limits)
    ends = decision_ends(rows, int(first), int(end))[::STRIDE]
    if not len(ends):
        return []
    features = all_features(reconstructor, windows_at(rows, ends), [device.measure])
    long_enough = rows.event_minute[ends] - limits[0] >= SETTLED_MIN
    count = len(ends)
    labels = (
        np.full(count, case, np.int16),
        _poisoned_enough(device, vitals, rows, ends),
        long_enough & np.isfinite(features[:, SLOW_PART.start]),
        np.full(count, bits, np.int64),
        np.zeros(count, np.bool_),
    )
    read = [np.clip((features - centre) / spread, -60, 60).astype(np.float16) for centre, spread in device.usual]
    return [tuple(LabelledRows(r, *labels) for r in read)]


def _poisoned_enough(device: _Device, vitals: Vitals, rows: Rows, ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether enough of an hour changed by enough to be learnable; what is fainter teaches nothing."""
    recording = device.stay.recording
    change = np.nan_to_num(np.abs(vitals - vitals_of(recording)) / device.measure.scale).max(axis=1)
    summed = np.concatenate([[0.0], np.cumsum(change)])
    counted = np.concatenate([[0], np.cumsum(change > 0)])
    at = rows.event_minute[ends] - recording.first_event_minute
    start = np.maximum(at - 59, 0)
    minutes = counted[at + 1] - counted[start]
    strength = (summed[at + 1] - summed[start]) / np.maximum(minutes, 1)
    learnable: NDArray[np.bool_] = (minutes >= POISONED_SHARE * 60) & (strength >= FAINTEST)
    return learnable
