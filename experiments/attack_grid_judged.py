"""The other detectors of an evaluation: left-one-out, ablations, baselines and training seeds, all on the headline's devices."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from detectors.training.trainer import Learner
from experiments.grid_ablations import WITHOUT_ENROLMENT, learnt_ablations, vote_ablations
from experiments.grid_baselines import BASELINES, BaselineTask, judged_baselines
from experiments.grid_cohorts import attacked_recordings, clean_recordings, without_pulse
from experiments.grid_inject import inject_both
from experiments.grid_judges import Mind
from experiments.grid_lofo import lofo_variants
from experiments.grid_protocol import Case, Protocol, core_cases
from experiments.grid_real import OWN, REAL
from experiments.grid_results import Judged
from experiments.grid_rows import rebuilt_rows, strangers
from experiments.grid_rulings import Rulings
from experiments.grid_traces import AttackPlan, Workbench, attacked_set, clean_fleet
from experiments.grid_variants import Arena, Lesson, Variant, judged_variants

ABLATIONS: Final = "ablations"
STRANGERS: Final = "without own enrolment"


def stage_names(protocol: Protocol, *, own: bool) -> list[str]:
    """Return the stages that an evaluation reports, in their order."""
    names = ["grid", "deterioration", "calibration"]
    names += ["fresh cohort"] if protocol.fresh_devices else []
    names += ["with PULSE", REAL, *([OWN] if own else []), "baselines", ABLATIONS]
    if protocol.relearnt:
        names += ["training rows", "leave one out", "training seeds", STRANGERS]
    return names


def judged_detectors(
    protocol: Protocol, bench: Workbench, learner: Learner, arena: Arena, cases: tuple[Case, ...], mind: Mind
) -> Judged:
    """Learn (unless the protocol says not to), calibrate and judge all of them."""
    baselines = _baselines(protocol, bench, learner, arena, cases, mind)
    if not protocol.relearnt:
        votes = judged_variants(bench, ABLATIONS, vote_ablations(), arena, cases, mind)
        return Judged({}, (), votes, baselines, {})
    rows = rebuilt_rows(bench, learner)
    lesson = Lesson(rows.own, learner.cases, learner.effort.network_epochs, learner.seed)
    left_out, unseen = lofo_variants(lesson, cases)
    ablations = [*vote_ablations(), *learnt_ablations(lesson)]
    seeds = [
        Variant(f"seed {lesson.seed + place}", replace(lesson, seed=lesson.seed + place))
        for place in range(protocol.training_seeds)
    ]
    judged = judged_variants(bench, ABLATIONS, ablations, arena, cases, mind)
    lofo = judged_variants(bench, "leave one out", left_out, arena, cases, mind)
    relearnt = judged_variants(bench, "training seeds", seeds, arena, cases, mind)
    unknown = _without_own_enrolment(protocol, bench, learner, replace(lesson, rows=rows.strangers), cases, mind)
    return Judged(lofo, tuple(unseen), judged | unknown, baselines, relearnt)


def _baselines(
    protocol: Protocol, bench: Workbench, learner: Learner, arena: Arena, cases: tuple[Case, ...], mind: Mind
) -> dict[str, Rulings]:
    reference = [stay.recording for stay in learner.cohorts.reference[: protocol.fitted_devices]]
    fitted = clean_fleet(bench, "baselines", "fitted", reference, str(protocol.enrolment_min), tenths=True)
    tasks = [BaselineTask(name, fitted, arena, cases, mind, bench.work, protocol.seed) for name in BASELINES]
    return judged_baselines(bench, "baselines", tasks)


def _without_own_enrolment(
    protocol: Protocol, bench: Workbench, learner: Learner, lesson: Lesson, cases: tuple[Case, ...], mind: Mind
) -> dict[str, Rulings]:
    """The core attacks again on devices of which nothing but their scale is known."""
    stranger = replace(bench, means=strangers(bench.means))
    length = str(protocol.enrolment_min)
    fleet = [stay.recording for stay in learner.cohorts.calibration]
    calibration = clean_fleet(stranger, STRANGERS, "strangers-calibration", fleet, length, tenths=True)
    attacked, clean = [], []
    for cohort in range(protocol.cohort_seeds):
        bare = [without_pulse(one) for one in attacked_recordings(protocol, cohort, tenths=True)]
        plan = AttackPlan(core_cases(cases), protocol.enrolment_min, inject_both, (protocol.seed, 4, cohort, 1))
        attacked.append(attacked_set(stranger, STRANGERS, f"strangers-{cohort}", bare, plan, tenths=True))
        stable = clean_recordings(protocol, cohort, tenths=True)
        clean.append(clean_fleet(stranger, STRANGERS, f"strangers-clean-{cohort}", stable, length, tenths=True))
    arena = Arena(calibration, tuple(attacked), tuple(clean))
    return judged_variants(stranger, STRANGERS, [Variant(WITHOUT_ENROLMENT, lesson)], arena, cases, mind)
