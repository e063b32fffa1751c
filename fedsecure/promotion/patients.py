"""Who teaches a promoted bundle and who judges it: real patients where recordings are given, simulated ones anyway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from contracts.errors import Misconfigured
from detectors.array_types import Weights
from detectors.bundle.bundle import Bundle
from detectors.minutes.windows import WINDOW_MIN
from detectors.training.canaries.verdict import LEAST
from detectors.training.cohort import Population, UnmarkedStay
from detectors.training.held_out import HeldOut
from detectors.training.patients import SHORT_ENROLMENT_MIN, enrolment_of
from detectors.training.training import BUDGET, LEAST_PATIENTS, QUICK, Training, TrainingBudget
from experiments.common.injection import attack_cases, core_cases, inject_case
from fedsecure.bundle_cards import reference_names, reference_populations
from fedsecure.simulated import DAY_MIN, simulated_stays
from replay.attacks import find_attack
from replay.recording import Recording
from replay.sources.synthetic import synthetic_stays

HELD_OUT_SHARE: Final = 1 / 3
HELD_OUT_LEAST: Final = int(LEAST["devices"])
# `fedsecure train --seed s` draws the populations 1000 (s + 1) + 0, 1, 2: nobody draws this one.
CANARY_SEED: Final = 600
# Simulated patients who judge, and days each; quick: patients, days.
JUDGING: Final = (40, 5, 16, 4)
ILL_SHARE: Final = 0.1
EARLIEST_ONSET_MIN: Final = SHORT_ENROLMENT_MIN + WINDOW_MIN


def training_of(
    network: Weights, current: Bundle, teaching: Sequence[UnmarkedStay], seed: int, *, quick: bool
) -> Training:
    """Return the training around a network: as `fedsecure train`, with the budget that the running bundle was made for."""
    populations = (
        Population("real", teaching, is_real=True)
        if teaching
        else Population("simulated", simulated_stays("references", seed, quick), is_real=False)
    )
    return Training(
        populations=(populations,),
        network_stays=(),
        canary_stays=simulated_stays("canary", seed, quick),
        cases=core_cases(),
        inject=inject_case,
        seed=seed,
        budget=float(current.metadata.get("budget", BUDGET)),
        effort=QUICK if quick else TrainingBudget(),
        network=network,
    )


def held_out_of(judging: Sequence[UnmarkedStay], seed: int, *, quick: bool) -> HeldOut:
    """Return those who judge, and the attacks on them: every one of replay's at its strong level, and unless quick at medium.

    One that needs more of a device's past than an enrolment of ten hours holds is left out: all devices meet the same attacks.
    """
    many, days, few, short = JUDGING
    count, length = (few, short) if quick else (many, days)
    simulated = synthetic_stays(1000 * (seed + 1) + CANARY_SEED, count, length * DAY_MIN, deteriorating_share=ILL_SHARE)
    levels = ("strong",) if quick else ("medium", "strong")
    cases = tuple(
        (name, level)
        for name, level in attack_cases()
        if level in levels and find_attack(name).smallest_onset_min(level) <= EARLIEST_ONSET_MIN
    )
    return HeldOut(simulated, judging, cases, inject_case, seed)


def divided(
    recordings: Sequence[Recording], current: Bundle, seed: int
) -> tuple[list[UnmarkedStay], list[UnmarkedStay]]:
    """Return those of the recordings who teach, and a third who judge: first of all those who did not teach the running bundle.

    The running bundle judges patients whom it learnt from too well, never the new one. Raises Misconfigured when too few last
    long enough; no recordings at all are allowed.
    """
    if not recordings:
        return [], []
    stays = [UnmarkedStay(recording) for recording in recordings if enrolment_of(recording) is not None]
    if len(stays) < LEAST_PATIENTS + HELD_OUT_LEAST:
        raise Misconfigured(
            f"{len(stays)} recordings last long enough; a promotion needs {LEAST_PATIENTS} to learn from and "
            f"{HELD_OUT_LEAST} others to judge by"
        )
    known = reference_names(current)
    order = np.random.default_rng([seed, 79]).permutation(len(stays)).tolist()
    order.sort(key=lambda place: stays[place].recording.device_id in known)
    judging = set(order[: max(HELD_OUT_LEAST, round(len(stays) * HELD_OUT_SHARE))])
    parts = ([stay for place, stay in enumerate(stays) if (place in judging) is judge] for judge in (False, True))
    return next(parts), next(parts)


def check_recordings(current: Bundle, recordings: Sequence[Recording]) -> None:
    """Raise Misconfigured when the running bundle knows real patients and the new one would not.

    Norm and threshold of simulated patients exclude real devices several times as often, which a canary of simulated
    patients cannot see.
    """
    if not recordings and any(population["real"] for population in reference_populations(current)):
        raise Misconfigured(
            "the running bundle was fitted on real patients and the new one would not be: give recordings with --recordings, "
            "or only try it with --dry-run"
        )
