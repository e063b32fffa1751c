"""Seeded synthetic ICU stays: one patient, a cohort, and where genuine deterioration takes place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from contracts.event_time import to_event_minute
from replay.recording import Recording, round_to_grid
from replay.sources.synthetic.deterioration import DETERIORATIONS, draw_course
from replay.sources.synthetic.monitor import measured
from replay.sources.synthetic.physiology import true_vitals
from replay.sources.synthetic.processes import MINUTES_PER_DAY
from replay.sources.synthetic.traits import Traits

# A Monday morning, de-identified like MIMIC.
FIRST_EVENT_MINUTE = to_event_minute(datetime(2150, 1, 5, 8, 0, tzinfo=UTC))


@dataclass(frozen=True, slots=True, eq=False)
class Stay:
    """A recording and what only its maker knows: `deteriorating` is bool of shape [minutes]."""

    recording: Recording
    deteriorating: NDArray[np.bool_]


class StayOptions(TypedDict, total=False):
    """What a stay may be given besides its number: when it begins, its monitor's grid, and what befalls the patient."""

    first_event_minute: int
    resolution_bpm: float | None
    deterioration: str | None


def synthetic_stay(seed: int, index: int, minutes: int, **options: Unpack[StayOptions]) -> Stay:
    """Return patient `index` of the population `seed`. The same arguments always give the same stay.

    `resolution_bpm` None lets the patient's monitor decide: tenths, or whole numbers for one in four.
    Raises Misconfigured for no minutes, a negative seed or index, or an unknown deterioration.
    """
    if minutes < 1 or seed < 0 or index < 0:
        raise Misconfigured(
            f"a synthetic stay needs minutes >= 1, seed >= 0, index >= 0; got {minutes}, {seed}, {index}"
        )
    first_event_minute = options.get("first_event_minute", FIRST_EVENT_MINUTE)
    deterioration = options.get("deterioration")
    who, what, how = np.random.default_rng([seed, index]).spawn(3)
    traits = Traits(who)
    course = draw_course(deterioration, what, minutes)
    minute_of_day = np.mod(first_event_minute + np.arange(minutes, dtype=np.float64), MINUTES_PER_DAY)
    heart, breath = true_vitals(traits, course, how, minute_of_day)
    resolution_bpm = options.get("resolution_bpm")
    grid = resolution_bpm if resolution_bpm is not None else (1.0 if traits.whole_numbers else 0.1)
    heart, breath, pulse = (round_to_grid(channel, grid) for channel in measured(traits, how, heart, breath))
    device_id = f"synthetic-{seed}-{index:04d}"
    origin = f"synthetic patient with {deterioration}" if deterioration else "synthetic patient"
    recording = Recording(device_id, first_event_minute, heart, breath, pulse, grid, origin)
    return Stay(recording, course.active)


def synthetic_recording(seed: int, index: int, minutes: int, **options: Unpack[StayOptions]) -> Recording:
    """Return the recording of `synthetic_stay` with the same arguments."""
    return synthetic_stay(seed, index, minutes, **options).recording


def synthetic_stays(
    seed: int, patients: int, minutes: int, *, resolution_bpm: float | None = None, deteriorating_share: float = 0.0
) -> list[Stay]:
    """Return patients 0..patients-1. The first `deteriorating_share` of them deteriorate, each kind in turn."""
    kinds, ill = tuple(DETERIORATIONS), round(deteriorating_share * patients)
    return [
        synthetic_stay(
            seed,
            index,
            minutes,
            resolution_bpm=resolution_bpm,
            deterioration=kinds[index % len(kinds)] if index < ill else None,
        )
        for index in range(patients)
    ]


def synthetic_cohort(
    seed: int, patients: int, minutes: int, *, resolution_bpm: float | None = None, deteriorating_share: float = 0.0
) -> list[Recording]:
    """Return the recordings of `synthetic_stays` with the same arguments."""
    stays = synthetic_stays(
        seed, patients, minutes, resolution_bpm=resolution_bpm, deteriorating_share=deteriorating_share
    )
    return [stay.recording for stay in stays]
