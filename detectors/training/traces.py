"""A device's decisions as arrays, everything known that any network could judge: computed once, judged by many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.features.catalogue import FEATURES, SLOW_MIN
from detectors.featurise import all_features, feature_major
from detectors.guards import copied_share, pulse_limit_bpm
from detectors.intake import RowBuffer
from detectors.knowledge import ENROLLING, ENROLMENTS_MIN
from detectors.measure import Measure
from detectors.preprocessing import Rows, pushed_rows
from detectors.profiles import enrolment_features, flat_features
from detectors.scoring.runtime import Rebuilding
from detectors.standardise import Expectations
from detectors.ticks import MinuteStream
from detectors.training.cohort import Recording
from detectors.training.series import enrolment_rows, first_rows
from detectors.windows import BLOCK_MIN, Windows, decision_ends, windows_at

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

LARGEST_R: Final = 60.0


@dataclass(frozen=True, slots=True)
class Trace:
    """k decisions of one device in one situation.

    `block` int64[k] (event minute // 5); `r` float16[k, 184] standardised features (NaN: no long window); guards: `replayed` and
    `copied` float32[k] shares (NaN: not known), `pulse` float32[k] the distance to the pulse in units of its limit (NaN).
    """

    block: Ints
    r: NDArray[np.float16]
    replayed: Floats
    copied: Floats
    pulse: Floats

    def __len__(self) -> int:
        return len(self.block)

    @property
    def event_minute(self) -> Ints:
        """The first minute of each decision's block, int64[k]."""
        return self.block * BLOCK_MIN


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What is fixed when a device's profile is frozen; `first_event_minute` is the first one judged by it."""

    measure: Measure
    centre: Floats
    spread: Floats
    pulse_limit_bpm: float
    first_event_minute: int


class Tracer:
    """Makes traces with fitted autoencoders and expectations by situation; owned by one process."""

    def __init__(self, reconstructor: Rebuilding, expectations: dict[str, Expectations], population: Measure) -> None:
        self._reconstructor = reconstructor
        self._expectations = expectations
        self._population = population

    def enrol(self, recording: Recording, enrolment_min: int) -> Enrolled:
        """Return a device as its first `enrolment_min` valid minutes freeze it."""
        rows = _rows(recording)
        end = enrolment_rows(rows, enrolment_min)
        measure, enrolment = enrolment_features(first_rows(rows, end), self._reconstructor, self._population)
        centre, spread = self._expectations[str(enrolment_min)].of_device(enrolment, flat_features(enrolment))
        last = int(rows.event_minute[end - 1])
        _, pulse = _guards(recording, last + 1)
        return Enrolled(measure, centre, spread, pulse_limit_bpm(pulse[np.isfinite(pulse)].tolist()), last + 1)

    def after(self, recording: Recording, enrolled: Enrolled, first: int, end: int) -> Trace:
        """Return the decisions of event minutes [first, end), judged by a profile."""
        return self._trace(recording, enrolled, max(first, enrolled.first_event_minute), end)

    def enrolling(self, recording: Recording) -> Trace:
        """Return the decisions of the longest enrolment, judged by the population."""
        rows = _rows(recording)
        end = int(rows.event_minute[enrolment_rows(rows, ENROLMENTS_MIN[-1]) - 1]) + 1
        centre, spread = self._expectations[ENROLLING].of_population()
        nobody = Enrolled(self._population, centre, spread, pulse_limit_bpm([]), recording.first_event_minute)
        return self._trace(recording, nobody, recording.first_event_minute, end)

    def _trace(self, recording: Recording, enrolled: Enrolled, first: int, end: int) -> Trace:
        rows = _rows(recording)
        limits = np.searchsorted(rows.event_minute, [first, end])
        ends = decision_ends(rows, int(limits[0]), int(limits[1]))
        windows = windows_at(rows, ends)
        features = all_features(self._reconstructor, windows, [enrolled.measure])
        r = np.clip((features - enrolled.centre) / enrolled.spread, -LARGEST_R, LARGEST_R).astype(np.float16)
        replayed, pulse = _guards(recording, end)
        block = rows.event_minute[ends] // BLOCK_MIN
        at = block - recording.first_event_minute // BLOCK_MIN
        copied = np.full(len(ends), np.nan, np.float32)
        copied[windows.slow] = _copied(windows, enrolled.measure)
        return Trace(block, r, replayed[at], copied, pulse[at] / np.float32(enrolled.pulse_limit_bpm))


def empty_features() -> NDArray[np.float16]:
    """Return float16[0, 184]."""
    return np.empty((0, len(FEATURES)), np.float16)


def _rows(recording: Recording) -> Rows:
    return pushed_rows(recording.first_event_minute, recording.heart_rate_bpm, recording.resp_rate_bpm)


def _copied(windows: Windows, measure: Measure) -> Floats:
    if not len(windows.slow):
        return np.empty(0, np.float32)
    grid = np.broadcast_to(measure.grid_bpm[:, None], (2, len(windows.slow)))
    return copied_share(feature_major(windows.slow_values[:, -SLOW_MIN:]), grid)


def _guards(recording: Recording, end: int) -> tuple[Floats, Floats]:
    """What the guards say at each block's decision up to event minute `end`: (replayed share, distance to the pulse in bpm)."""
    first_block = recording.first_event_minute // BLOCK_MIN
    blocks = (end - 1) // BLOCK_MIN - first_block + 1
    replayed, pulse = np.full(blocks, np.nan, np.float32), np.full(blocks, np.nan, np.float32)
    stream = MinuteStream(recording.first_event_minute - 1, 0)
    minutes = end - recording.first_event_minute
    pulses = recording.pulse_bpm
    rows = RowBuffer()
    for minute, (heart, breath, beat) in enumerate(
        zip(
            recording.heart_rate_bpm[:minutes].tolist(),
            recording.resp_rate_bpm[:minutes].tolist(),
            [None] * minutes if pulses is None else pulses[:minutes].tolist(),
            strict=True,
        ),
        recording.first_event_minute,
    ):
        tick = stream.push(minute, heart, breath, beat, rows)
        if tick.decision:
            at = minute // BLOCK_MIN - first_block
            replayed[at] = tick.replayed
            pulse[at] = np.nan if tick.pulse_median_bpm is None else tick.pulse_median_bpm
    return replayed, pulse
