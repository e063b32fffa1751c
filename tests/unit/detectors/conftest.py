"""Two days of an invented patient, for which the statistics are known from an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.baseline.profile import Profile, profile_of
from detectors.minutes.cleaning import CleanMinutes, clean
from detectors.statistics.windows import DecisionRows, rows_of_stream

ENROLMENT = 1440


def invented_vitals() -> np.ndarray:
    """float64[3000, 2]: slow wandering that comes back to its start, noise a minute, tenths; gaps and artefacts."""
    rng = np.random.default_rng(5)
    wandering = rng.standard_normal((3000, 2)).cumsum(axis=0)
    wandering -= np.outer(np.linspace(0, 1, 3000), wandering[-1])
    noise = rng.standard_normal((3000, 2))
    vitals = np.round([80.0, 18.0] + 0.15 * wandering * [2, 0.6] + noise * [1.5, 0.8], 1)
    vitals[700:706] = np.nan  # filled
    vitals[1500:1540, 1] = np.nan  # cut out of both channels
    vitals[900, 0], vitals[901, 1] = 0.0, 1.5  # no heart rate, an artefact
    return vitals


@pytest.fixture(scope="session")
def invented() -> CleanMinutes:
    return clean(0, *invented_vitals().T)


@pytest.fixture(scope="session")
def invented_profile(invented: CleanMinutes) -> Profile:
    return profile_of(invented, ENROLMENT)


@pytest.fixture(scope="session")
def invented_rows(invented: CleanMinutes, invented_profile: Profile) -> DecisionRows:
    return rows_of_stream(invented.values, invented.weight, invented_profile)
