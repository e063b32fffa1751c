"""What the detector loses when exported models rebuild its windows: the same fresh patients and attacks, once with each precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.bundle import Bundle
from detectors.knowledge import ENROLMENTS_MIN
from detectors.training.cohort import Cohorts
from detectors.training.judging import GUARDS
from experiments.export_graphs import PRECISIONS
from experiments.export_models import ExportedModel, ExportPlan
from experiments.export_runtime import ExportedMeans
from experiments.grid_clean import FalseExclusions, fleet_of
from experiments.grid_cohorts import check_apart, evaluation_ids, training_ids, without_pulse
from experiments.grid_headline import Headline, Sighting, headline_of
from experiments.grid_inject import inject_both
from experiments.grid_intervals import OUTSIDE, Estimate, wilson
from experiments.grid_judges import Mind, MindJudge
from experiments.grid_protocol import CORE, DAY_MIN, FULL, TENTHS_BPM, WHOLE_BPM
from experiments.grid_traces import AttackPlan, Fleet, Workbench, attacked_set, clean_fleet
from replay.recording import Recording
from replay.sources.synthetic import synthetic_stays

STAGE: Final = "detection"
ENROLMENT_MIN: Final = ENROLMENTS_MIN[-1]
WITHIN_MIN: Final = 240
_FIRST: Final = {"attacked": 400, "clean": 500}  # beside the populations of `grid_cohorts`, in the same thousand
_WHOLE: Final = 50

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Detection:
    """With both autoencoders in one precision: shares of strong attacks found within four hours, and false exclusions."""

    precision: str
    found: Estimate
    core_found: Estimate
    clean: FalseExclusions


@dataclass(frozen=True, slots=True)
class Loss:
    """Int8 minus float32 on the same devices and attacks: shares found within four hours; decisions judged otherwise.

    `judged_otherwise` is the share of attacks found by the one and not by the other, with Wilson's interval: a bootstrap of nothing
    but equals has no width. `score_change` is the mean absolute change of clean devices' largest score, on the rule's scale.
    """

    found: Estimate
    core_found: Estimate
    judged_otherwise: Estimate
    score_change: float
    clean_decisions: int
    clean_decisions_changed: int


@dataclass(frozen=True, slots=True)
class Patients:
    """The study's own patients, by whether their monitors write tenths."""

    attacked: dict[bool, list[Recording]]
    clean: dict[bool, list[Recording]]


def patients_of(plan: ExportPlan, trained_on: Cohorts) -> Patients:
    """Draw the patients; raises Misconfigured when training or the evaluation used one of them."""
    found = Patients(
        _population(plan, "attacked", plan.attacked, plan.attacked_days),
        _population(plan, "clean", plan.clean, plan.clean_days),
    )
    ours = {
        f"export's {name}": [one.device_id for group in getattr(found, name).values() for one in group]
        for name in _FIRST
    }
    check_apart(training_ids(trained_on) | evaluation_ids(replace(FULL, seed=plan.seed)) | ours)
    return found


def _population(plan: ExportPlan, kind: str, counts: tuple[int, int], days: int) -> dict[bool, list[Recording]]:
    found = {}
    for tenths, count in zip((True, False), counts, strict=True):
        seed = 1000 * (plan.seed + 1) + _FIRST[kind] + (0 if tenths else _WHOLE)
        resolution = TENTHS_BPM if tenths else WHOLE_BPM
        stays = synthetic_stays(seed, count, days * DAY_MIN, resolution_bpm=resolution, deteriorating_share=0.0)
        found[tenths] = [without_pulse(stay.recording) for stay in stays]
    return found


def seen_by_precision(
    bundle: Bundle, models: Sequence[ExportedModel], patients: Patients, plan: ExportPlan, bench: Workbench
) -> dict[str, Headline]:
    """Return what the bundle's detector says of all patients with both of its autoencoders in each precision; minutes."""
    bottleneck, blind_spot = models[0], models[1]
    situation = bundle.knowledge.situations[str(ENROLMENT_MIN)]
    judge = MindJudge(Mind(bundle.knowledge.tables, bundle.knowledge.networks), situation)
    found = {}
    for precision in PRECISIONS:
        means = ExportedMeans(
            bench.means.expectations,
            bench.means.population,
            bottleneck.onnx[precision],
            blind_spot.onnx[precision],
        )
        found[precision] = _seen(replace(bench, means=means), precision, judge, patients, plan)
        bench.progress(STAGE, (1 + len(found)) / (1 + len(PRECISIONS)), f"{precision} judged")
    return found


def _seen(bench: Workbench, precision: str, judge: MindJudge, patients: Patients, plan: ExportPlan) -> Headline:
    sets, fleets = [], []
    for tenths, recordings in patients.attacked.items():
        name = f"{precision}-attacked-{'tenths' if tenths else 'whole'}"
        attacks = AttackPlan(plan.cases, ENROLMENT_MIN, inject_both, (plan.seed, 6, int(tenths)))
        sets.append(attacked_set(bench, STAGE, name, recordings, attacks, tenths=tenths))
    for tenths, recordings in patients.clean.items():
        name = f"{precision}-clean-{'tenths' if tenths else 'whole'}"
        fleet: Fleet = clean_fleet(bench, STAGE, name, recordings, str(ENROLMENT_MIN), tenths=tenths)
        fleets.append(fleet)
    return headline_of(
        judge,
        ((trace, one.tenths) for one in sets for trace in one.traces(bench.work)),
        ((trace, one.tenths) for one in fleets for trace in one.traces(bench.work)),
    )


def detection_of(precision: str, seen: Headline, plan: ExportPlan) -> Detection:
    """Return shares with intervals from a bootstrap over devices, and false exclusions with exact ones."""
    judge, judged = seen.judge, [one.judged for one in seen.clean]
    clean = fleet_of("stable, both", ENROLMENT_MIN, judged, judge.threshold, judge.kinds, GUARDS)
    shares = [_share(*_counts(_of_families(seen.attacked, core=core)), plan) for core in (False, True)]
    return Detection(precision, shares[0], shares[1], clean)


def loss_of(before: Headline, after: Headline, plan: ExportPlan) -> Loss:
    """Return what `after` finds less or more than `before`, attack by attack; none counts that met an excluded device in one of them."""
    pairs = [
        (one, other)
        for one, other in zip(before.attacked, after.attacked, strict=True)
        if not np.isnan([one.delay_min, other.delay_min]).any()
    ]
    gained = []
    for core in (False, True):
        sides = ([pair[side] for pair in pairs] for side in (0, 1))
        (hits_before, of), (hits_after, _) = (_counts(_of_families(side, core=core)) for side in sides)
        gained.append(_share(hits_after - hits_before, of, plan))
    otherwise = sum(_in_time(one) != _in_time(other) for one, other in pairs)
    limit, kinds = before.judge.threshold, before.judge.kinds
    changed = [
        one.judged.excluded(limit, kinds) != other.judged.excluded(limit, kinds)
        for one, other in zip(before.clean, after.clean, strict=True)
    ]
    apart = np.concatenate([np.abs(one.g - other.g) for one, other in zip(before.clean, after.clean, strict=True)])
    return Loss(
        found=gained[0],
        core_found=gained[1],
        judged_otherwise=wilson(otherwise, len(pairs)),
        score_change=float(np.nanmean(apart)),
        clean_decisions=sum(map(len, changed)),
        clean_decisions_changed=int(sum(one.sum() for one in changed)),
    )


def _in_time(sighting: Sighting) -> bool:
    return sighting.delay_min <= WITHIN_MIN


def _of_families(sightings: Sequence[Sighting], *, core: bool) -> list[Sighting]:
    return [one for one in sightings if not core or one.case[0] in CORE]


def _counts(sightings: Sequence[Sighting]) -> tuple[Ints, Ints]:
    """By device: attacks found within four hours, and attacks at whose onset the device was not excluded already."""
    devices = sorted({(one.tenths, one.device) for one in sightings})
    hits, of = np.zeros(len(devices), np.int64), np.zeros(len(devices), np.int64)
    for one in sightings:
        at = devices.index((one.tenths, one.device))
        of[at] += not np.isnan(one.delay_min)
        hits[at] += _in_time(one)
    return hits, of


def _share(hits: Ints, of: Ints, plan: ExportPlan) -> Estimate:
    """A share of attacks with the interval of a bootstrap over devices; `n` counts attacks."""
    rng = np.random.default_rng([plan.seed, 7])
    drawn = rng.integers(0, len(of), (plan.draws, len(of)))
    shares = hits[drawn].sum(axis=1) / np.maximum(of[drawn].sum(axis=1), 1)
    low, high = np.quantile(shares, [OUTSIDE, 1 - OUTSIDE])
    return Estimate(float(hits.sum() / max(of.sum(), 1)), float(low), float(high), int(of.sum()))
