"""Who takes part in an evaluation: real patients to be judged, simulated ones beside them, none of whom taught the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from contracts.errors import Misconfigured
from detectors.training.cohort import Population, Stay, UnmarkedStay, check_disjoint
from detectors.training.patients import patients_of
from experiments.evaluation.plan import DAY_MIN, EvaluationPlan
from replay.recording import Recording
from replay.sources.synthetic import synthetic_stays

SEED_OFFSET: Final = 500
"""Training's simulated patients have seeds 1000 (s + 1) + 0, 1, 2 and those of promotion others: no evaluation draws them."""
WHOLE_NUMBERS: Final = 0.5
DETERIORATING: Final = 1 / 3
LEAST_OF_A_FOLD: Final = 2


@dataclass(frozen=True, slots=True)
class Cohort:
    """Who takes part: recordings of those that are judged, simulated stays beside them (none where they are the judged ones)."""

    judged: tuple[Stay, ...]
    simulated: tuple[Stay, ...]
    is_real: bool


def cohort_of(recordings: Sequence[Recording], simulated: Sequence[Stay]) -> Cohort:
    """Return the cohort. Without recordings the simulated patients are the ones that are judged."""
    if not recordings:
        return Cohort(tuple(simulated), (), is_real=False)
    return Cohort(tuple(UnmarkedStay(recording) for recording in recordings), tuple(simulated), is_real=True)


def simulated_cohort(plan: EvaluationPlan) -> list[Stay]:
    """Return the plan's simulated patients: half on monitors in whole numbers, a third of each half deteriorating."""
    minutes, whole = plan.simulated_days * DAY_MIN, round(plan.simulated * WHOLE_NUMBERS)
    seed = 1000 * (plan.seed + 1) + SEED_OFFSET
    return [
        *synthetic_stays(seed, plan.simulated - whole, minutes, resolution_bpm=0.1, deteriorating_share=DETERIORATING),
        *synthetic_stays(seed + 1, whole, minutes, resolution_bpm=1.0, deteriorating_share=DETERIORATING),
    ]


def limited(recordings: Sequence[Recording], plan: EvaluationPlan) -> list[Recording]:
    """Return as many recordings as the plan wants, evenly from all of them, each cut to the plan's days."""
    chosen = list(recordings)
    if plan.patients is not None and len(chosen) > plan.patients:
        places = np.linspace(0, len(chosen) - 1, plan.patients).round().astype(int)
        chosen = [chosen[place] for place in places]
    return chosen if plan.days is None else [_cut(recording, plan.days * DAY_MIN) for recording in chosen]


def _cut(recording: Recording, minutes: int) -> Recording:
    pulse = None if recording.pulse_bpm is None else recording.pulse_bpm[:minutes]
    heart, breath = recording.heart_rate_bpm[:minutes], recording.resp_rate_bpm[:minutes]
    return replace(recording, heart_rate_bpm=heart, resp_rate_bpm=breath, pulse_bpm=pulse)


def check_cohort(cohort: Cohort, card: Mapping[str, Any], folds: int) -> None:
    """Raise Misconfigured when a patient is in twice or taught the network of that card, or when there are too few for the folds."""
    check_disjoint([("judged", cohort.judged), ("simulated", cohort.simulated)])
    taught = set(card.get("data", {}).get("network", ()))
    for stay in (*cohort.judged, *cohort.simulated):
        if stay.recording.device_id in taught:
            raise Misconfigured(
                f"{stay.recording.device_id} is to be judged, and the bundle's network learnt from it; choose another --seed"
            )
    patients, _ = patients_of([Population("judged", cohort.judged, cohort.is_real)])
    if len(patients) < LEAST_OF_A_FOLD * folds:
        raise Misconfigured(
            f"{len(patients)} patients last the 14 hours that enrolment and judging take; {folds} folds need {LEAST_OF_A_FOLD * folds} at "
            "least. `fedsecure score` and `fedsecure calibrate` judge single recordings by the bundle as it is"
        )
