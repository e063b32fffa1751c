"""How a device's own values differ from the reference patients', from the first hours of its recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.baseline.own_past import WARM
from detectors.engine.freezing import freeze
from detectors.engine.model import Model
from detectors.explanations.words import column_in_words
from detectors.minutes.cleaning import clean
from detectors.statistics.registry import columns
from replay.recording import Recording

ENROLMENTS_MIN: Final = (1440, 600)
NOTABLE_SD: Final = 3.0
MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """A statistic whose mean over the enrolment lies so many standard deviations from that of the reference patients."""

    column: str
    sd: float
    words: str


def differences(model: Model, recording: Recording) -> tuple[Difference, ...]:
    """Return the most unusual statistics of a recording's enrolment (24 h, or 10 h where that is all). Empty if it is too short."""
    minutes = clean(recording.first_event_minute, recording.heart_rate_bpm, recording.resp_rate_bpm)
    enrolment = next((length for length in ENROLMENTS_MIN if len(minutes) >= length), None)
    if enrolment is None:
        return ()
    frozen = freeze(model, minutes.first(enrolment), [])
    known = model.parameters.standardisation
    own = frozen.values[WARM:, : len(columns())][frozen.keep[WARM:]]
    if not len(own):
        return ()
    distance = (own.mean(axis=0) - known.own_mean) / known.between_sd
    order = np.argsort(-np.abs(distance))
    notable: dict[str, Difference] = {}
    for place in order.tolist():
        if len(notable) == MOST or abs(distance[place]) < NOTABLE_SD:
            break
        column = columns()[place]
        words = column_in_words(column, high=bool(distance[place] > 0))
        notable.setdefault(words, Difference(column.key, round(float(distance[place]), 1), words))
    return tuple(notable.values())
