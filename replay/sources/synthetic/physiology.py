"""The vital signs a synthetic patient really has, before a monitor measures them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from replay.recording import Vitals
from replay.sources.synthetic.deterioration import Course
from replay.sources.synthetic.processes import MINUTES_PER_DAY, alternating, bursts, episodes, steps, wander
from replay.sources.synthetic.traits import Traits

WARMEST_HOUR = 16.0


@dataclass(frozen=True, slots=True, eq=False)
class _Drive:
    """What moves heart and breathing together, each of shape [minutes]."""

    day: Vitals  # -1 at four in the morning, 1 at four in the afternoon
    swing: Vitals  # factor on all fast noise, around 1
    arousal: Vitals
    care: Vitals


def true_vitals(
    traits: Traits, course: Course, rng: np.random.Generator, minute_of_day: Vitals
) -> tuple[Vitals, Vitals]:
    """Return heart rate (bpm) and respiratory rate (breaths/min), float64 of shape [minutes], nothing missing."""
    minutes = len(minute_of_day)
    drive = _drive(traits, rng, minute_of_day)
    swing = drive.swing * course.variability
    # Fast variation that heart and breathing have in common: with memory, and from minute to minute.
    fast = wander(rng, minutes, 4.0), rng.standard_normal(minutes)
    shared_slow = wander(rng, minutes, traits.drift_memory_min)
    heart = traits.heart_rate_bpm + course.heart_rate_rise_bpm
    heart = heart + traits.circadian_bpm * drive.day + traits.arousal_bpm * drive.arousal + traits.care_bpm * drive.care
    heart += traits.heart_rate_drift_bpm * _mixed(rng, shared_slow, traits.drift_memory_min, abs(traits.slow_coupling))
    heart += traits.heart_rate_shift_bpm * steps(rng, minutes, traits.heart_shifts_per_day, int(rng.integers(1, 30)))
    heart += swing * traits.heart_rate_noise_bpm * _noise(rng, fast, traits.heart_rate_memory_min, traits)
    breath = traits.resp_rate_bpm + course.resp_rate_rise_bpm
    breath = breath + 0.2 * traits.circadian_bpm * drive.day
    breath += traits.arousal_breaths * drive.arousal + traits.care_breaths * drive.care
    drift = _mixed(rng, np.sign(traits.slow_coupling) * shared_slow, traits.drift_memory_min, abs(traits.slow_coupling))
    breath += traits.resp_rate_drift_bpm * drift
    breath += traits.resp_rate_shift_bpm * steps(rng, minutes, traits.breath_shifts_per_day, int(rng.integers(1, 15)))
    breath += swing * traits.resp_rate_noise_bpm * _noise(rng, fast, traits.resp_rate_memory_min, traits)
    heart, breath = _floor(heart, 34.0), _floor(breath, 5.0)
    return _rhythm(traits, course, rng, heart), _ventilation(traits, rng, breath)


def _drive(traits: Traits, rng: np.random.Generator, minute_of_day: Vitals) -> _Drive:
    minutes = len(minute_of_day)
    peak = 60 * (WARMEST_HOUR + rng.uniform(-2, 2))
    day = np.cos(2 * np.pi * (minute_of_day - peak) / MINUTES_PER_DAY)
    awake = 1.0 - traits.night_calm * np.clip(-day, 0.0, 1.0)
    care = episodes(rng, minutes, traits.care_per_day, 8, 45) * awake
    mood = np.exp(traits.noise_swing * wander(rng, minutes, rng.uniform(40, 300)))
    rate = traits.arousals_per_hour / 60 * awake * mood * (1 + 2 * care)
    arousal = bursts(rng, rate, 0.5, traits.arousal_fall_min)
    return _Drive(day, mood * awake * (1 + care), arousal, care * (1 + 0.2 * wander(rng, minutes, 5)))


def _mixed(rng: np.random.Generator, shared: Vitals, memory_min: float, share: float) -> Vitals:
    """Part shared, part own wander of the same memory (sd 1)."""
    return share * shared + math.sqrt(1 - share**2) * wander(rng, len(shared), memory_min)


def _noise(rng: np.random.Generator, shared: tuple[Vitals, Vitals], memory_min: float, traits: Traits) -> Vitals:
    """Fast variation: one part with memory, one independent and heavy-tailed, each partly shared (sd about 1)."""
    lasting = _mixed(rng, shared[0], memory_min, traits.fast_coupling)
    own: Vitals = rng.standard_t(traits.tail_freedom, len(shared[1]))
    fleeting = traits.fast_coupling * shared[1] + math.sqrt(1 - traits.fast_coupling**2) * own
    return math.sqrt(1 - traits.independent_share) * lasting + math.sqrt(traits.independent_share) * fleeting


def _floor(values: Vitals, lowest: float) -> Vitals:
    """Bend values smoothly away from what a living patient does not go below."""
    above = values - lowest
    return lowest + np.where(above > 5, above, 5 * np.exp(np.minimum(above, 5) / 5 - 1))


def _rhythm(traits: Traits, course: Course, rng: np.random.Generator, heart: Vitals) -> Vitals:
    """Fibrillation makes every minute irregular. A pacemaker holds the rate except when the own rhythm is faster."""
    irregularity = course.irregularity_bpm + (rng.uniform(2, 5) if traits.fibrillating else 0.0)
    heart = heart + irregularity * rng.standard_normal(len(heart))
    if not traits.paced:
        return heart
    on = alternating(rng, len(heart), 16, 10)
    rate = 5.0 * np.round((traits.heart_rate_bpm + rng.uniform(2, 14)) / 5)
    leak = np.where(rng.random(len(heart)) < rng.uniform(0.01, 0.15), rng.normal(0, 0.15, len(heart)), 0.0)
    lost = np.where(episodes(rng, len(heart), 2, 1, 4) > 0, rng.uniform(-7, -1), 0.0)
    held = np.maximum(rate + leak + lost, heart - rng.uniform(6, 14))
    return np.where(on, held, heart)


def _ventilation(traits: Traits, rng: np.random.Generator, breath: Vitals) -> Vitals:
    """A ventilator sets the rate in steps. Some patients trigger breaths of their own beside it."""
    if not traits.ventilated:
        return breath
    minutes = len(breath)
    on = alternating(rng, minutes, 10, 14)
    setting = np.round(np.clip(traits.resp_rate_bpm * rng.uniform(0.5, 1.0), 8, 26) + 2 * steps(rng, minutes, 2, 1))
    wobble = rng.uniform(0.02, 0.25) * rng.standard_normal(minutes)
    triggered = np.where(episodes(rng, minutes, rng.uniform(1, 16), 1, 20) > 0, np.maximum(breath - setting, 0), 0.0)
    return np.where(on, setting + wobble + triggered, breath)
