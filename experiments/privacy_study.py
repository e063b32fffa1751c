"""All attacks on updates and all federations with protected ones, in worker processes; finished ones are kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from numpy.typing import NDArray

from detectors.bundle import Bundle
from detectors.knowledge import Knowledge
from detectors.scoring.runtime import Reconstructor
from detectors.training.pool import pool
from detectors.training.workfolder import Arrays, WorkFolder
from experiments.federation_engine import Outcome
from experiments.federation_plan import DEVICES, Plan
from experiments.federation_study import study_key
from experiments.privacy_attack import Attacks, Found, patient
from experiments.privacy_cost import costs
from experiments.privacy_plan import Case, PrivacyPlan, Protection
from fl_device.named_tasks import fresh_weights
from fl_device.reconstruction import Reconstruction
from replay.sources.synthetic import synthetic_stays

STUDY_VERSION = 1  # raise it when the same plan would give other results
POPULATION = 50_000  # far from the seeds of training, evaluation and the federations
WEIGHTS_SEED = 7_000
MINUTES = 3_000

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class PrivacyStudy:
    """What attacks found, by what was attacked and how it was protected; what protections cost, by name, an outcome a seed."""

    plan: PrivacyPlan
    found: dict[tuple[Case, Protection], Found]
    costs: dict[str, list[Outcome]]


@dataclass(frozen=True, slots=True)
class Job:
    """An attack on one kind of update under one protection (`seed` None), or all protections' federations with one seed."""

    plan: PrivacyPlan
    federation: Plan
    knowledge: Knowledge
    bundle_sha: str
    attack: tuple[Case, Protection] | None = None
    seed: int = 0

    @property
    def name(self) -> str:
        """What it is called on disk and in the progress."""
        if self.attack is None:
            return f"privacy cost, seed {self.seed}"
        return f"privacy of the {self.attack[0]}, {self.attack[1].name}"


def run_privacy(
    plan: PrivacyPlan, federation: Plan, bundle: Bundle, kept: WorkFolder, processes: int, progress: Progress
) -> PrivacyStudy:
    """Run or read everything; blocks for minutes. The same plans and bundle give the same study, interrupted or not."""
    folder = WorkFolder(kept.folder, repr((STUDY_VERSION, asdict(plan), study_key(federation, bundle.sha256))))
    shared = (plan, federation, bundle.knowledge, bundle.sha256)
    jobs = [Job(*shared, attack=attack) for attack in plan.attacks] + [Job(*shared, seed=seed) for seed in plan.seeds]
    with pool(bundle.autoencoder, bundle.blind_spot, processes) as workers:
        missing = [job for job in jobs if not folder.has(_stage(job))]
        for done, (job, arrays) in enumerate(zip(missing, workers.map(carry_out, missing), strict=True), 1):
            folder.keep(_stage(job), arrays)
            progress(len(jobs) - len(missing) + done, len(jobs), job.name)
    read = {job.name: folder.kept(_stage(job)) for job in jobs}
    found = {job.attack: Found(**read[job.name]) for job in jobs if job.attack is not None}
    by_seed = [_unpacked(read[job.name]) for job in jobs if job.attack is None]
    return PrivacyStudy(plan, found, {name: [one[name] for one in by_seed] for name in by_seed[0]})


def carry_out(reconstructor: Reconstructor, job: Job) -> Arrays:
    """Carry out one job in a worker process; seconds, a minute for the many windows of an epoch."""
    if job.attack is not None:
        return _attacks(job.plan).carry_out(*job.attack).arrays()
    outcomes = costs(reconstructor, job.plan, job.federation, job.seed, job.knowledge, job.bundle_sha)
    return {f"{name}|{field}": array for name, one in outcomes.items() for field, array in one.arrays().items()}


@lru_cache(maxsize=1)
def _attacks(plan: PrivacyPlan) -> Attacks:
    stays = synthetic_stays(POPULATION, DEVICES, MINUTES, resolution_bpm=0.1)
    return Attacks(
        plan, dict(fresh_weights(Reconstruction(), WEIGHTS_SEED)), [patient(stay.recording) for stay in stays]
    )


def _unpacked(arrays: Arrays) -> dict[str, Outcome]:
    fields: dict[str, dict[str, NDArray[Any]]] = {}
    for key, array in arrays.items():
        name, _, field = key.rpartition("|")
        fields.setdefault(name, {})[field] = array
    return {name: Outcome(**found) for name, found in fields.items()}


def _stage(job: Job) -> str:
    return job.name.replace(", ", "-").replace(" ", "-")
