"""What an evaluation is made of: how many seeds and folds, which attacks, how much beside the headline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from contracts.errors import Misconfigured
from detectors.training.calibration import FOLDS
from detectors.training.training import BUDGET, QUICK, TrainingBudget
from experiments.common.injection import CORE, core_cases
from replay.attacks import ATTACKS, find_attack

Case = tuple[str, str]

VERSION: Final = 1
"""Raise it when equal options would give other results: finished stages of before are then not used."""
DAY_MIN: Final = 1440
HOLD_MIN: Final = 240
"""A device stays in quarantine for four hours after its last flagged decision; a flag after that is another exclusion."""
ENROLMENTS_H: Final = (24, 10)
BUDGETS: Final = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2)
"""False exclusions a device-week: thresholds for other budgets, to compare detectors at equal false exclusions."""
QUICK_PATIENTS: Final = 32
QUICK_DAYS: Final = 5
SIMULATED: Final = {(False, False): 40, (False, True): 60, (True, False): 8, (True, True): 16}
"""Simulated patients by (quick, no others)."""


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """One evaluation.

    `cases` are (attack, level), the core first: what the detector learns from. `seeds` are drawn anew from `seed` on: onsets, attacks,
    folds and weights. `patients` and `days` limit who takes part (None: all, whole stays). Without `side_studies` only
    the headline is measured, and what can be said of its own scores.
    """

    cases: tuple[Case, ...]
    seed: int = 1
    seeds: int = 3
    folds: int = FOLDS
    budget: float = BUDGET
    simulated: int = 40
    simulated_days: int = 4
    effort: TrainingBudget = field(default_factory=TrainingBudget)
    side_studies: bool = True
    patients: int | None = None
    days: int | None = None

    @property
    def learnt(self) -> frozenset[int]:
        """The places of the attacks that classifiers learn from."""
        return frozenset(range(len(core_cases())))

    @property
    def all_seeds(self) -> tuple[int, ...]:
        """The seeds, the first one also that of the side studies."""
        return tuple(range(self.seed, self.seed + self.seeds))

    def options(self) -> dict[str, Any]:
        """Return everything that decides the results, JSON-like."""
        return {"version": VERSION, **asdict(self)}

    def measured(self) -> dict[str, Any]:
        """Return what decides what is measured of a seed's patients, whatever is fitted on it."""
        left = {
            name: value
            for name, value in asdict(self).items()
            if name not in {"seeds", "budget", "effort", "side_studies"}
        }
        return {
            "version": VERSION,
            **left,
            "distortions": self.effort.distortions,
            "more_onsets": self.effort.more_onsets,
        }

    def record(self) -> dict[str, Any]:
        """Return the same for results.json, with the seeds by number and no folder of this machine."""
        cases = [[shown_name(name), level] for name, level in self.cases]
        return {**self.options(), "cases": cases, "all_seeds": list(self.all_seeds)}


def plan_for(
    attacks: Sequence[str],
    seed: int = 1,
    seeds: int = 3,
    folds: int = FOLDS,
    simulated: int | None = None,
    *,
    quick: bool = False,
    alone: bool = False,
) -> EvaluationPlan:
    """Return the plan of the command's options. Raises Misconfigured for an unknown attack.

    `attacks` names what to evaluate beside the core, "all" those of replay (none: all; with `quick` none beside the core).
    `alone`: there are no recordings, so that the simulated patients are the judged ones.
    """
    if folds < 3:
        raise Misconfigured(
            f"--folds {folds}: three are the least, as one is judged and the others teach and calibrate"
        )
    cases = _cases_of(attacks if attacks or quick else ["all"])
    if simulated is None:
        simulated = SIMULATED[quick, alone]
    if quick:
        return EvaluationPlan(
            cases, seed, 1, folds, simulated=simulated, simulated_days=3,
            effort=QUICK, side_studies=False, patients=QUICK_PATIENTS, days=QUICK_DAYS,
        )  # fmt: skip
    return EvaluationPlan(cases, seed, seeds, folds, simulated=simulated)


def shown_name(attack: str) -> str:
    """Return an attack's name without the folders of its file, which are this machine's.

    >>> shown_name("/home/me/mine.py:alter"), shown_name("motif")
    ('mine.py:alter', 'motif')
    """
    return attack.rpartition("/")[2]


def _cases_of(attacks: Sequence[str]) -> tuple[Case, ...]:
    cases = list(core_cases())
    for name in (wanted for given in attacks for wanted in (sorted(ATTACKS) if given == "all" else [given])):
        if name not in CORE:
            cases += [(name, level) for level in find_attack(name).levels]
    return tuple(dict.fromkeys(cases))
