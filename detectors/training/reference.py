"""What the reference patients teach before any network: the population's measure, what to expect of a device, standardised clean rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.features.catalogue import FEATURES
from detectors.knowledge import ENROLLING, ENROLMENTS_MIN
from detectors.measure import Measure, measure_rows
from detectors.preprocessing import robust_scale
from detectors.profiles import flat_features
from detectors.standardise import FLOOR, Expectations, fit_expectations
from detectors.training.clean_features import CleanFeatures
from detectors.training.cohort import Stay
from detectors.training.labelled_rows import CLEAN, LabelledRows
from detectors.training.series import Scale, rows_of

Floats = NDArray[np.float32]

LARGEST_R = 60.0


def population_scale(reference: Sequence[Stay]) -> Scale:
    """Return median and scale over all reference patients' minutes."""
    return Scale(*robust_scale(np.concatenate([rows_of(stay.recording).values for stay in reference])))


def population_measure(reference: Sequence[Stay]) -> Measure:
    """Return the measure of a device that nothing is known of; residuals' RMS 1 until the autoencoders have spoken."""
    each = [measure_rows(rows_of(stay.recording)) for stay in reference]
    scale = population_scale(reference)
    roughness = np.median([one.difference_sd * one.scale for one in each], axis=0) / scale.scale
    return Measure(
        scale.median.astype(np.float32),
        scale.scale.astype(np.float32),
        roughness.astype(np.float32),
        np.full(2, 0.1, np.float32),
        np.ones(4, np.float32),
    )


def expectations_of(found: Sequence[Mapping[int, CleanFeatures]]) -> dict[str, Expectations]:
    """Return what to expect of a device in every situation, from the reference patients' healthy hours."""
    expected = {ENROLLING: _of_strangers([one[0] for one in found])}
    for length in ENROLMENTS_MIN:
        usable = [one[length] for one in found if len(one[length].enrolment) and (~one[length].ill).any()]
        expected[str(length)] = fit_expectations(
            [one.enrolment for one in usable], [one.later[~one.ill] for one in usable]
        )
    return expected


def clean_rows(found: Sequence[Mapping[int, CleanFeatures]], expected: Mapping[str, Expectations]) -> LabelledRows:
    """Return the reference patients' own hours, standardised by what their enrolments let one expect."""
    parts = []
    for one in found:
        for length in ENROLMENTS_MIN:
            clean = one[length]
            centre, spread = expected[str(length)].of_device(clean.enrolment, flat_features(clean.enrolment))
            r = np.clip((clean.later - centre) / spread, -LARGEST_R, LARGEST_R).astype(np.float16)
            count = len(r)
            long = np.isfinite(r[:, -1].astype(np.float32))
            parts.append(
                LabelledRows(
                    r,
                    np.full(count, CLEAN, np.int16),
                    np.ones(count, np.bool_),
                    long,
                    np.zeros(count, np.int64),
                    clean.ill,
                )
            )
    return LabelledRows.joined(parts)


def _of_strangers(found: Sequence[CleanFeatures]) -> Expectations:
    """What to expect of a device without an enrolment: the population's mean, and its spread about it."""
    healthy = [one.later[~one.ill] for one in found if (~one.ill).any()]
    mean = np.nanmean([np.nanmean(windows, axis=0, dtype=np.float64) for windows in healthy], axis=0)
    spread = np.sqrt(np.nanmean([np.nanmean(np.square(windows - mean), axis=0) for windows in healthy], axis=0)) + FLOOR
    nothing = np.zeros(len(FEATURES))
    arrays = (mean, mean, nothing, spread, np.ones(len(FEATURES)), nothing, spread, spread)
    return Expectations(*(array.astype(np.float32) for array in arrays))
