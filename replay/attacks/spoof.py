"""Spoof: another patient's data is sent, more or less aligned to the device's own."""

from __future__ import annotations

from typing import Final

import numpy as np

from replay.attacks.base import Amounts, Attack, AttackedSpan, Parameter
from replay.attacks.past import measured, usual_values
from replay.recording import Vitals
from replay.sources.synthetic import synthetic_recording

UNROUNDED_BPM: Final = 0.001  # alignment would magnify the steps of a monitor's grid


def alter(span: AttackedSpan, amounts: Amounts, generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    """Return the donor's data, gaps included, with its mean and sd moved to the own ones by the level's shares.

    The own mean and sd are those of the 12 hours before the onset. A donor gives the same minutes of its own recording,
    and starts over where it ends; without one the generator draws a synthetic patient.

    >>> from replay.recording import Recording
    >>> own, other = (Recording(name, 0, np.full(4, rate), np.full(4, 16.0)) for name, rate in (("p1", 80.0), ("p2", 95.0)))
    >>> alter(AttackedSpan(own, 1, 4, other), (0.0, 0.0), np.random.default_rng(1))[0].tolist()
    [95.0, 95.0, 95.0]
    """
    heart, breath = _donated(span, generator)
    recording = span.recording
    return (
        _aligned(heart, usual_values(span, recording.heart_rate_bpm), *amounts),
        _aligned(breath, usual_values(span, recording.resp_rate_bpm), *amounts),
    )


def _donated(span: AttackedSpan, generator: np.random.Generator) -> tuple[Vitals, Vitals]:
    if span.donor is None:
        seed, start = int(generator.integers(1 << 31)), span.recording.first_event_minute + span.onset_min
        stranger = synthetic_recording(seed, 0, span.minutes, first_event_minute=start, resolution_bpm=UNROUNDED_BPM)
        return stranger.heart_rate_bpm, stranger.resp_rate_bpm
    minutes = np.arange(span.onset_min, span.end_min) % span.donor.minutes
    return span.donor.heart_rate_bpm[minutes], span.donor.resp_rate_bpm[minutes]


def _aligned(foreign: Vitals, own: Vitals, mean_share: float, sd_share: float) -> Vitals:
    known = measured(foreign)
    if not len(known) or not len(own):
        return foreign
    mean, sd = known.mean(), known.std()
    factor = 1.0 + sd_share * (own.std() / sd - 1.0) if sd > 0 else 1.0
    aligned: Vitals = mean + mean_share * (own.mean() - mean) + factor * (foreign - mean)
    return aligned


ATTACK = Attack(
    name="spoof",
    summary="another patient's data: a donor device's, or a synthetic patient's",
    parameters=(Parameter("mean aligned", "of 1"), Parameter("sd aligned", "of 1")),
    levels={"subtle": (1.0, 1.0), "medium": (1.0, 0.0), "strong": (0.0, 0.0)},
    alter=alter,
    words={
        "subtle": "aligned to the own mean and sd",
        "medium": "aligned to the own mean",
        "strong": "raw",
    },
    takes_donor=True,
)
