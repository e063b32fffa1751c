"""Genuine deterioration: clinical courses that a detector must not take for an attack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from replay.recording import Vitals


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What a deterioration does to one patient, each of shape [minutes].

    Rises are in bpm and breaths/min, `irregularity_bpm` is extra noise of the heart rate (sd), `variability` the
    factor on the patient's own fast noise.
    """

    heart_rate_rise_bpm: Vitals
    resp_rate_rise_bpm: Vitals
    irregularity_bpm: Vitals
    variability: Vitals

    @property
    def active(self) -> NDArray[np.bool_]:
        """Minutes on which the course changes anything."""
        return (
            (np.abs(self.heart_rate_rise_bpm) > 0.5)
            | (np.abs(self.resp_rate_rise_bpm) > 0.25)
            | (self.irregularity_bpm > 0.5)
        )


def draw_course(kind: str | None, rng: np.random.Generator, minutes: int) -> Course:
    """Return a random course of the kind (None: nothing happens), or raise Misconfigured listing the kinds."""
    still, zero = np.ones(minutes), np.zeros(minutes)
    if kind is None:
        return Course(zero, zero, zero, still)
    if kind not in DETERIORATIONS:
        raise Misconfigured(f"there is no deterioration {kind!r}; the kinds are {', '.join(DETERIORATIONS)}")
    onset = float(rng.uniform(0.25, 0.75) * minutes)
    return DETERIORATIONS[kind](rng, np.arange(minutes, dtype=np.float64), onset)


def _rise_and_fall(age_min: Vitals, rise_min: float, hold_min: float, fall_min: float) -> Vitals:
    """0 before the onset, up to 1 over the rise, held, and back to 0 over the fall."""
    up = np.clip(age_min / rise_min, 0.0, 1.0)
    down = np.clip((age_min - rise_min - hold_min) / fall_min, 0.0, 1.0)
    return up * (1.0 - down)


def _tachycardia(rng: np.random.Generator, minute: Vitals, onset: float) -> Course:
    shape = _rise_and_fall(minute - onset, rng.uniform(3, 60), rng.uniform(60, 720), rng.uniform(10, 120))
    return Course(shape * rng.uniform(25, 60), shape * rng.uniform(0, 4), 0 * shape, 1 - shape * rng.uniform(0, 0.6))


def _atrial_fibrillation(rng: np.random.Generator, minute: Vitals, onset: float) -> Course:
    shape = _rise_and_fall(minute - onset, rng.uniform(1, 5), rng.uniform(60, 1440), rng.uniform(1, 60))
    return Course(shape * rng.uniform(10, 50), shape * rng.uniform(0, 3), shape * rng.uniform(3, 8), 1 + 0 * shape)


def _respiratory_failure(rng: np.random.Generator, minute: Vitals, onset: float) -> Course:
    shape = _rise_and_fall(minute - onset, rng.uniform(60, 480), rng.uniform(120, 1440), rng.uniform(20, 240))
    return Course(shape * rng.uniform(5, 25), shape * rng.uniform(8, 18), 0 * shape, 1 + shape * rng.uniform(-0.2, 0.6))


def _bradycardia(rng: np.random.Generator, minute: Vitals, onset: float) -> Course:
    shape = np.zeros(len(minute))
    for _ in range(int(rng.integers(1, 5))):
        episode = _rise_and_fall(minute - onset, rng.uniform(1, 15), rng.uniform(5, 240), rng.uniform(1, 30))
        shape = np.maximum(shape, episode * rng.uniform(0.6, 1.0))
        onset += rng.uniform(30, 480)
    return Course(shape * rng.uniform(-35, -15), shape * rng.uniform(-3, 0), 0 * shape, 1 + 0 * shape)


def _sepsis(rng: np.random.Generator, minute: Vitals, onset: float) -> Course:
    shape = _rise_and_fall(minute - onset, rng.uniform(240, 1440), rng.uniform(720, 2880), rng.uniform(360, 1440))
    return Course(shape * rng.uniform(18, 45), shape * rng.uniform(5, 12), 0 * shape, 1 - shape * rng.uniform(0.1, 0.6))


DETERIORATIONS: Mapping[str, Callable[[np.random.Generator, Vitals, float], Course]] = MappingProxyType(
    {
        "tachycardia": _tachycardia,
        "atrial-fibrillation": _atrial_fibrillation,
        "respiratory-failure": _respiratory_failure,
        "bradycardia": _bradycardia,
        "sepsis": _sepsis,
    }
)
