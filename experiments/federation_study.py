"""All runs over all seeds, in worker processes; finished ones are kept on disk, so that an interrupted study goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detectors.bundle import Bundle
from detectors.knowledge import Knowledge
from detectors.model import Model
from detectors.scoring.runtime import Reconstructor
from detectors.training.pool import pool
from detectors.training.workfolder import Arrays, WorkFolder
from experiments.federation_engine import Federation, Outcome, World
from experiments.federation_measure import held_out
from experiments.federation_plan import DEVICES, LEVEL, POISONED, Plan, Run, runs
from experiments.federation_tasks import STUDIED
from experiments.federation_timeline import Timeline, timeline
from fl_device.named_tasks import fresh_weights
from fl_device.tasks import Task
from replay.attacks import AttackSpec, inject
from replay.recording import Recording
from replay.sources.synthetic import synthetic_stays

STUDY_VERSION = 2  # raise it when the same plan would give other results
SCREEN_VERSION = 2  # and this one when only runs with the look at the cohort would
VOTE_HORIZON_MIN = 120
FIRST_WEIGHTS = 7_000
FIRST_POPULATION = 40_000  # far from the seeds of training and evaluation

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Job:
    """One run with one seed, and all that a worker process needs for it."""

    plan: Plan
    seed: int
    run: Run
    knowledge: Knowledge
    bundle_sha: str


@dataclass(frozen=True, slots=True)
class Study:
    """Every run's outcomes, one a seed, in the order of the plan."""

    plan: Plan
    bundle_sha256: str
    outcomes: dict[str, list[Outcome]]


def run_study(plan: Plan, bundle: Bundle, work_folder: WorkFolder, processes: int, progress: Progress) -> Study:
    """Run or read everything; blocks for minutes. The same plan and bundle give the same study, interrupted or not."""
    chosen = runs(plan)
    jobs = [Job(plan, seed, run, bundle.knowledge, bundle.sha256) for seed in plan.seeds for run in chosen]
    missing = [job for job in jobs if not work_folder.has(_stage(job))]
    done = len(jobs) - len(missing)
    with pool(bundle.autoencoder, bundle.blind_spot, processes) as workers:
        for job, arrays in zip(missing, workers.map(carry_out, missing), strict=True):
            work_folder.keep(_stage(job), arrays)
            done += 1
            progress(done, len(jobs), f"seed {job.seed}: {job.run.name}")
    kept = {(job.seed, job.run.name): Outcome(**work_folder.kept(_stage(job))) for job in jobs}
    outcomes = {run.name: [kept[seed, run.name] for seed in plan.seeds] for run in chosen}
    return Study(plan, bundle.sha256, outcomes)


def study_key(plan: Plan, bundle_sha: str) -> str:
    """Return what decides a run's result, but for the run and its seed: whatever is kept under another key is not used."""
    options = {
        name: value for name, value in asdict(plan).items() if name not in {"seeds", "attacks", "update_attacks"}
    }
    return repr((STUDY_VERSION, sorted(options.items()), bundle_sha))


def carry_out(reconstructor: Reconstructor, job: Job) -> Arrays:
    """Carry out one run in a worker process; half a minute, and some seconds more for a seed's or a task's first."""
    judged = _judged(reconstructor, _Same(job.plan, job.seed, job.knowledge, job.bundle_sha))
    return _federation(judged, job.plan, job.seed, job.run.task).carry_out(job.run, lambda _share: None).arrays()


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A seed's five patients as the live engine judges them; see `World`."""

    recordings: tuple[Recording, ...]
    clean: tuple[Timeline, ...]
    attacked: dict[str, Timeline]
    poisoned: dict[str, NDArray[np.bool_]]


def judged_patients(
    reconstructor: Reconstructor, plan: Plan, seed: int, knowledge: Knowledge, bundle_sha: str
) -> Judged:
    """Return a seed's patients, clean and with Dev2 under each attack; blocks for seconds."""
    model = Model(reconstructor, knowledge, bundle_sha)
    recordings = patients(plan, seed)
    victim = recordings[POISONED]
    injected = {
        name: inject(victim, AttackSpec(name, victim.device_id, plan.onset_min, None, LEVEL, 1000 + seed))
        for name in plan.attacks
    }
    return Judged(
        tuple(recordings),
        tuple(timeline(model, one, plan, VOTE_HORIZON_MIN) for one in recordings),
        {name: timeline(model, one.recording, plan, VOTE_HORIZON_MIN) for name, one in injected.items()},
        {name: one.poisoned for name, one in injected.items()},
    )


def world_of(judged: Judged, plan: Plan, seed: int, task: Task) -> World:
    """Return the world of one task's federations."""
    pairs = zip(judged.recordings, judged.clean, strict=True)
    return World(
        clean=judged.clean,
        attacked=judged.attacked,
        poisoned=judged.poisoned,
        held_out=tuple(held_out(task, one, line, plan) for one, line in pairs),
        first_event_minute=judged.recordings[0].first_event_minute,
        initial=fresh_weights(task, FIRST_WEIGHTS + seed),
    )


def patients(plan: Plan, seed: int) -> list[Recording]:
    """Return the synthetic patients of a seed, healthy throughout, whole recordings in tenths."""
    stays = synthetic_stays(FIRST_POPULATION + seed, DEVICES, plan.minutes, resolution_bpm=0.1)
    return [stay.recording for stay in stays]


@dataclass(frozen=True)
class _Same:
    """Arguments of a federation, equal when plan, seed and bundle are."""

    plan: Plan
    seed: int
    knowledge: Knowledge
    bundle_sha: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[str, int]:
        return study_key(self.plan, self.bundle_sha), self.seed


@lru_cache(maxsize=1)  # jobs come seed by seed
def _judged(reconstructor: Reconstructor, of: _Same) -> Judged:
    return judged_patients(reconstructor, of.plan, of.seed, of.knowledge, of.bundle_sha)


@lru_cache(maxsize=1)  # and within a seed task by task
def _federation(judged: Judged, plan: Plan, seed: int, name: str) -> Federation:
    task, agreement = STUDIED[name]
    return Federation(task, agreement, plan, world_of(judged, plan, seed, task))


def _stage(job: Job) -> str:
    screen = f", screen {SCREEN_VERSION}" if job.run.screen else ""
    return f"seed-{job.seed}-{job.run.name}{screen}".replace(", ", "-").replace(" ", "-")


def run_names(plan: Plan) -> Sequence[str]:
    """Return the names of all runs, in their order."""
    return [run.name for run in runs(plan)]
