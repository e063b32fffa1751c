"""The whole evaluation, stage by stage: measure the patients of each seed, then fit and judge every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.decisions.votes import AGREE
from detectors.statistics.registry import columns
from detectors.training.cohort import fingerprint
from detectors.training.workfolder import WorkFolder
from experiments.common.injection import CORE, core_cases
from experiments.common.stages import StageProgress
from experiments.common.workers.processes import CarryOut
from experiments.evaluation.judging.baselines import FLAGGED, BaselineRun, run_baseline
from experiments.evaluation.judging.judged import Judged
from experiments.evaluation.judging.runs import Run, folds_from, part_of, run_folds
from experiments.evaluation.measurement.cohort import Cohort
from experiments.evaluation.measurement.material import JUDGED, SIMULATED, SLOW, Material, material_of
from experiments.evaluation.measurement.measuring import Weights, measured_material
from experiments.evaluation.plan import ENROLMENTS_H, EvaluationPlan

Arrays = dict[str, NDArray[Any]]
Job = TypeVar("Job", Run, BaselineRun)

PATIENTS: Final = "patients"
FITS: Final = "detectors"
SIMPLE: Final = "baselines"
REFERENCE: Final = "the detector"
"""The detector as it ships, fitted as comparisons are: once a fold."""
SECOND_SEED: Final = "another seed of its DNNs"
SIMULATED_ALONE: Final = "simulated references, nobody real"
CAPPED: Final = "the baseline's move capped"


class Work(NamedTuple):
    """Finished stages on disk: what was `measured` of patients, and what was `judged` of that by other options."""

    measured: WorkFolder
    judged: WorkFolder


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """What the results are made from: materials and runs by name."""

    plan: EvaluationPlan
    cohort: Cohort
    materials: Mapping[str, Material]
    runs: Mapping[str, tuple[Run, Arrays]]
    baselines: Mapping[str, NDArray[np.bool_]]

    def judged(self, name: str) -> Judged:
        """Return what a run judged, with the table that calibrated it."""
        run, arrays = self.runs[name]
        material = part_of(run, self.materials[run.material])
        return Judged(material, material.taught_by(run.taught_by), folds_from(arrays, material))

    @property
    def changed(self) -> list[str]:
        """The runs of a changed detector on the first seed's patients, in their order."""
        others = {REFERENCE, *(enrolment_name(hours) for hours in ENROLMENTS_H), *map(family_name, CORE)}
        return [name for name in self.runs if name not in others and not name.startswith("headline-")]

    def headline(self, seed: int) -> Judged:
        """Return what the detector judged of a seed's patients."""
        return self.judged(_headline_name(seed))


def work_folders(folder: Path, plan: EvaluationPlan, cohort: Cohort, network: Weights) -> Work:
    """Return a folder's stages of these patients, network, statistics, attacks and options. Others' stages are not found in it."""
    patients = [fingerprint(stay.recording) for stay in (*cohort.judged, *cohort.simulated)]
    weights = sha256(b"".join(network[name].tobytes() for name in sorted(network))).hexdigest()
    files = sorted({name.rpartition(":")[0] for name, _ in plan.cases if name.rpartition(":")[0].endswith(".py")})
    own = [sha256(Path(file).read_bytes()).hexdigest() for file in files]
    measured = (plan.measured(), patients, weights, own, [column.key for column in columns()])
    judged = (measured, plan.options(), dict(AGREE))
    return Work(WorkFolder(folder, repr(measured)), WorkFolder(folder, repr(judged)))


def stage_names(plan: EvaluationPlan) -> list[str]:
    """Return the stages in their order, for a bar each."""
    return [PATIENTS, FITS, *([SIMPLE] if plan.side_studies else [])]


def run_study(
    plan: EvaluationPlan, cohort: Cohort, network: Weights, work: Work, carry_out: CarryOut, progress: StageProgress
) -> Study:
    """Run or read every stage. Blocks for minutes. What is finished is found again in `work`."""
    materials = _materials(plan, cohort, network, work.measured, carry_out, partial(progress, PATIENTS))
    runs = runs_of(plan, work.measured, is_real=cohort.is_real and bool(cohort.simulated))
    arrays = _carried_out(runs, run_folds, work.judged, carry_out, partial(progress, FITS))
    simple: Sequence[BaselineRun] = baselines_of(plan, work.measured) if plan.side_studies else []
    flags = _carried_out(simple, run_baseline, work.judged, carry_out, partial(progress, SIMPLE)) if simple else []
    return Study(
        plan,
        cohort,
        materials,
        {run.name: (run, kept) for run, kept in zip(runs, arrays, strict=True)},
        {run.name: kept["flagged"] for run, kept in zip(simple, flags, strict=True)},
    )


def _materials(
    plan: EvaluationPlan, cohort: Cohort, network: Weights, work: WorkFolder, carry_out: CarryOut,
    report: Callable[[float, str], None],
) -> dict[str, Material]:  # fmt: skip
    wanted: list[tuple[str, int, int | None]] = [(material_name(seed), seed, None) for seed in plan.all_seeds]
    if plan.side_studies:
        wanted += [(enrolment_name(hours), plan.seed, 60 * hours) for hours in ENROLMENTS_H]
    materials = {}
    for place, (name, seed, enrolment_min) in enumerate(wanted):

        def part(share: float, text: str, place: int = place, name: str = name) -> None:
            report((place + min(share, 0.999)) / len(wanted), f"{name}: {text}")

        def make(seed: int = seed, enrolment_min: int | None = enrolment_min, part: Any = part) -> Arrays:
            return measured_material(plan, cohort, network, seed, carry_out, part, enrolment_min).arrays()

        materials[name] = material_of(work.stage(name, make))
    report(1.0, f"{sum(len(material.table) for material in materials.values()):,} decisions")
    return materials


def material_name(seed: int) -> str:
    """Return the name of a seed's material."""
    return f"patients-{seed}"


def enrolment_name(hours: int) -> str:
    """Return the name of the material, and of the run, with one enrolment for everybody."""
    return f"enrolment-{hours}h"


def _headline_name(seed: int) -> str:
    return f"headline-{seed}"


def family_name(family: str) -> str:
    """Return the name of the run that never learnt a family."""
    return f"without {family}"


def runs_of(plan: EvaluationPlan, work: WorkFolder, *, is_real: bool) -> list[Run]:
    """Return every run: the headline of each seed, and the side studies of the first. `is_real`: real and simulated patients."""
    core = len(core_cases())

    def run(name: str, **how: Any) -> Run:
        given: dict[str, Any] = {"material": material_name(plan.seed), "seed": plan.seed, "cases": core} | how
        return Run(
            name, work, epochs=plan.effort.epochs, all_cases=plan.cases, learnt=plan.learnt, budget=plan.budget, **given
        )

    roles = (JUDGED, SLOW, SIMULATED)
    headlines = [
        run(_headline_name(seed), material=material_name(seed), seed=seed, cases=None, strict=True, roles=roles)
        for seed in plan.all_seeds
    ]
    return headlines + list(_side_runs(plan, run, is_real)) if plan.side_studies else headlines


def _side_runs(plan: EvaluationPlan, run: Callable[..., Run], is_real: bool) -> Iterator[Run]:
    yield run(REFERENCE)
    yield run(SECOND_SEED, seed=plan.seed + 1000)
    yield run("without the Bi-LSTM", network=False)
    yield run("baseline of the enrolment alone", baseline="frozen")
    yield run(CAPPED, baseline="capped", roles=(JUDGED, SLOW))
    if is_real:
        yield run(SIMULATED_ALONE, roles=(JUDGED, SIMULATED), taught_by=SIMULATED)
    for family in CORE:
        yield run(family_name(family), without_family=family)
    for hours in ENROLMENTS_H:
        yield run(enrolment_name(hours), material=enrolment_name(hours))


def baselines_of(plan: EvaluationPlan, work: WorkFolder) -> list[BaselineRun]:
    """Return the simple detectors, all on the first seed's patients."""
    return [
        BaselineRun(name, work, material_name(plan.seed), plan.seed, len(core_cases()), plan.budget) for name in FLAGGED
    ]


def _carried_out(
    jobs: Sequence[Job],
    work_on: Callable[[Job], Arrays],
    work: WorkFolder,
    carry_out: CarryOut,
    report: Callable[[float, str], None],
) -> list[Arrays]:
    """Return each job's arrays. Those that are finished are read, each other one is kept as soon as it is done."""
    stages = [f"run-{place}" if isinstance(job, Run) else f"baseline-{place}" for place, job in enumerate(jobs)]
    pending = [place for place, name in enumerate(stages) if not work.has(name)]
    todo = [jobs[place] for place in pending]
    results = carry_out(work_on, todo)
    report((len(jobs) - len(pending)) / (len(jobs) + 1), "begins")
    for done, (place, arrays) in enumerate(zip(pending, results, strict=True), 1):
        work.keep(stages[place], arrays)
        report((len(jobs) - len(pending) + done) / (len(jobs) + 1), f"{jobs[place].name} is done")
    report(1.0, f"{len(jobs)} of {len(jobs)}")
    return [work.kept(name) for name in stages]
