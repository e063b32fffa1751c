"""What the federations amount to: what an attack costs a user, what each defence gives back of it, and the goals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from experiments.common.estimates import UNKNOWN, Direction, Estimate, Goal, students_interval
from experiments.harm.engine import LAST_ROUNDS, Outcome
from experiments.harm.plan import Group, Run, runs_of
from experiments.harm.study import Study
from experiments.harm.threats import BARE, CHECK, LIVE, NOTHING, ORACLE, SCREEN_AND_RULE, STRONG, SYBIL

Floats = NDArray[np.float64]

HARM: Final = 0.05
"""An attack that costs less does no harm worth a defence."""
CHANCE: Final = 0.5
RESAMPLES: Final = 4_000


@dataclass(frozen=True, slots=True)
class Row:
    """A run of a group over its seeds, told by what is lost on the devices that are not attacked.

    `cost` is the share by which errors grew against the same seed's federation without attack and defence (of a classifier: of its AUROC
    above chance, what is lost). `given_back` is which share of what the attack cost a defence returns, `of_oracle` which share of what
    the oracle returns. `heart_bpm` and `resp_per_min` are mean absolute errors, `silenced` the share of right alarms that the trigger
    puts out. `taken` is the share of the attacked devices' updates that counted, `others_taken` that of the others.
    """

    group: str
    task: str
    threat: str
    defence: str
    cost: Estimate
    given_back: Estimate
    of_oracle: Estimate
    heart_bpm: float
    resp_per_min: float
    auroc: float
    silenced: Estimate
    taken: float
    others_taken: float
    poisoned_min: float


def rows(study: Study) -> list[Row]:
    """Return a row a run, in the order of the plan."""
    return [_row(study, group, run) for group in study.plan.groups for run in runs_of(group, quick=study.plan.quick)]


def losses(study: Study, group: Group, run: Run) -> Floats:
    """Return float64[seeds]: errors in units of the same seed's clean federation, of both channels alike; of a classifier 1 - AUROC."""
    outcomes = study.outcomes[group, run]
    if group.has_labels:
        return np.array([1 - float(of.auroc.mean()) for of in outcomes])
    clean = study.outcomes[group, Run(NOTHING, BARE)]
    return np.array(
        [float((errors(of, group) / errors(base, group)).mean()) for of, base in zip(outcomes, clean, strict=True)]
    )


def errors(outcome: Outcome, group: Group) -> Floats:
    """Return the mean absolute errors float64[2] of the devices that are not attacked, over the last rounds."""
    return np.asarray(outcome.errors[-LAST_ROUNDS:, group.poisoned :].mean(axis=(0, 1)))


def unit(study: Study, group: Group) -> float:
    """Return what a cost of 1 is: an error as large again, or of a classifier all that it is better than chance."""
    if not group.has_labels:
        return 1.0
    return float((1 - CHANCE - losses(study, group, Run(NOTHING, BARE))).mean())


def cost(study: Study, group: Group, run: Run) -> Estimate:
    """Return what a run costs against the clean federation: mean over seeds, Student's interval. Unknown where nothing was learnt."""
    each = unit(study, group)
    if each <= 0:
        return UNKNOWN
    return students_interval((losses(study, group, run) - losses(study, group, Run(NOTHING, BARE))) / each)


def share_of(part: Floats, whole: Floats) -> Estimate:
    """Return sum(part) / sum(whole) over seeds with the interval of 4,000 draws of seeds. Unknown where the whole is not above 0.

    >>> share_of(np.array([1.0, 1.0]), np.array([2.0, 2.0]))
    Estimate(value=0.5, low=0.5, high=0.5, n=2)
    """
    if whole.sum() <= 0:
        return UNKNOWN
    draws = np.random.default_rng(1).integers(len(part), size=(RESAMPLES, len(part)))
    below = whole[draws].sum(axis=1)
    shares = np.divide(part[draws].sum(axis=1), below, out=np.full(RESAMPLES, np.nan), where=below > 0)
    low, high = np.nanquantile(shares, (0.025, 0.975)).tolist() if len(part) > 1 else (np.nan, np.nan)
    return Estimate(float(part.sum() / whole.sum()), low, high, len(part))


def returned(study: Study, group: Group, run: Run) -> tuple[Estimate, Estimate]:
    """Return which share of an attack's cost a defence gives back, and which share of what the oracle gives back."""
    bare, own, clean = (losses(study, group, one) for one in (Run(run.threat, BARE), run, Run(NOTHING, BARE)))
    oracle = Run(run.threat, ORACLE)
    known = losses(study, group, oracle) if (group, oracle) in study.outcomes else bare
    return share_of(bare - own, bare - clean), share_of(bare - own, bare - known)


def goals(study: Study) -> list[Goal]:
    """Return the goals of the study beside what was measured."""
    return [goal for group in study.plan.groups for goal in _of_group(study, group)]


def _of_group(study: Study, group: Group) -> Iterator[Goal]:
    runs = runs_of(group, quick=study.plan.quick)
    strong = dict.fromkeys(run.threat for run in runs if run.threat.kind != "update" and run.threat.level == STRONG)
    yield _goal(f"{group.name}: clean cost, live gate", cost(study, group, Run(NOTHING, LIVE)), "at most", 0.02)
    for threat in strong:
        if threat.is_on_vitals and group.poisoned * 5 == group.devices * 2:
            yield _returned(study, group, Run(threat, LIVE), 0.9)
        if threat.kind == "labels":
            clean = cost(study, group, Run(NOTHING, CHECK))
            yield _goal(f"{group.name}: clean cost, label check", clean, "at most", 0.02)
            yield _returned(study, group, Run(threat, CHECK), 0.85)
    if (lied := Run(SYBIL, SCREEN_AND_RULE)) in runs:
        ratio = students_interval(losses(study, group, lied) / losses(study, group, Run(NOTHING, BARE)))
        yield _goal(f"{group.name}: sybil, {SCREEN_AND_RULE.name}, loss / clean", ratio, "at most", 1.2)


def _returned(study: Study, group: Group, run: Run, wanted: float) -> Goal:
    """Return the goal on what a gate gives back. It is not measured where the attack does no harm, or the oracle gives nothing back."""
    name = f"{group.name}: {run.threat.name}, {run.defence.name}, of what the oracle gives back"
    harm = cost(study, group, Run(run.threat, BARE)).value
    of_oracle = returned(study, group, run)[1]
    if np.isnan(harm):
        return _goal(name, UNKNOWN, "at least", wanted, "nothing was learnt that could be harmed")
    if harm <= HARM:
        return _goal(name, UNKNOWN, "at least", wanted, f"no harm: the attack costs {harm:.1%}")
    known = cost(study, group, Run(run.threat, ORACLE)).value
    if harm - known <= HARM:
        note = f"the attack costs {harm:.1%}, and {known:.1%} are lost behind the oracle, too"
        return _goal(name, UNKNOWN, "at least", wanted, note)
    return _goal(name, of_oracle, "at least", wanted)


def _goal(name: str, value: Estimate, direction: Direction, wanted: float, note: str = "") -> Goal:
    return Goal(name, value.value, (value.low, value.high), value.n, direction, wanted, "share", note)


def _row(study: Study, group: Group, run: Run) -> Row:
    outcomes = study.outcomes[group, run]
    back, of_oracle = (
        returned(study, group, run) if run.threat != NOTHING and run.defence != BARE else (UNKNOWN, UNKNOWN)
    )
    error = np.full(2, np.nan) if group.has_labels else np.mean([errors(of, group) for of in outcomes], axis=0)
    silenced = np.array([of.silenced.mean() for of in outcomes])
    taken = np.mean([of.taken for of in outcomes], axis=(0, 1))
    return Row(
        group=group.name,
        task=group.task,
        threat=run.threat.name,
        defence=run.defence.name,
        cost=cost(study, group, run),
        given_back=back,
        of_oracle=of_oracle,
        heart_bpm=float(error[0]),
        resp_per_min=float(error[1]),
        auroc=float(np.mean([of.auroc.mean() for of in outcomes])),
        silenced=UNKNOWN if np.isnan(silenced).any() else students_interval(silenced),
        taken=float(taken[: group.poisoned].mean()),
        others_taken=float(taken[group.poisoned :].mean()),
        poisoned_min=float(np.mean([of.poisoned_min.sum() for of in outcomes])),
    )
