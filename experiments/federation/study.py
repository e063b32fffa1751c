"""All runs over all seeds, in worker processes. Finished ones are kept on disk, so that an interrupted study goes on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.bundle.bundle import Bundle, load_bundle
from detectors.detector import Detector
from detectors.network.layout import CONTEXT_STATISTICS
from experiments.common.stages import JobProgress, Stages, completed
from experiments.common.workers.processes import CarryOut
from experiments.federation.engine import Federation, Outcome, World
from experiments.federation.plan import DEVICES, LEVEL, POISONED, Plan, Run, runs
from experiments.federation.tasks import STUDIED, Studied, held_out, windows_from
from experiments.federation.timeline import Timeline, timeline
from fl_device.tasks.fresh_weights import fresh_weights
from replay.attacks import AttackSpec, inject
from replay.recording import Recording
from replay.sources.synthetic import synthetic_stays

STUDY_VERSION = 4  # raise it when the same plan would give other results
HELD_OUT_STRIDE = 12
VOTE_HORIZON_MIN = 120
FIRST_WEIGHTS = 7_000
FIRST_POPULATION = 40_000  # far from the seeds of training and evaluation


@dataclass(frozen=True, slots=True)
class Job:
    """One run with one seed, and the folder of the detector that gates."""

    plan: Plan
    seed: int
    run: Run
    bundle: Path

    @property
    def stage(self) -> str:
        """What its outcome is called on disk."""
        return f"seed-{self.seed}-{self.run.name}".replace(", ", "-")

    @property
    def stages(self) -> dict[str, type[Outcome]]:
        """Its one stage, by name and kind."""
        return {self.stage: Outcome}

    @property
    def label(self) -> str:
        """What is said of it when it is done."""
        return f"seed {self.seed}: {self.run.name}"


@dataclass(frozen=True, slots=True)
class Study:
    """Every run's outcomes, one a seed, in the order of the plan."""

    plan: Plan
    bundle_sha256: str
    outcomes: dict[str, list[Outcome]]


def study_options(plan: Plan, bundle_sha: str) -> dict[str, Any]:
    """Return what decides a run's result, but for the run and its seed, for `Stages.begin`."""
    left_out = {"seeds", "attacks", "update_attacks"}
    options = {name: value for name, value in asdict(plan).items() if name not in left_out}
    return {"version": STUDY_VERSION, "bundle": bundle_sha, **options}


def run_study(plan: Plan, bundle: Path, stages: Stages, carry_out: CarryOut, progress: JobProgress) -> Study:
    """Run or read everything. Blocks for minutes. The same plan and bundle give the same study, interrupted or not."""
    jobs = [Job(plan, seed, run, bundle) for seed in plan.seeds for run in runs(plan)]
    results = completed(jobs, run_job, stages, carry_out, progress)
    outcomes: dict[str, list[Outcome]] = {}
    for job in jobs:
        outcomes.setdefault(job.run.name, []).append(results[job.stage])
    return Study(plan, load_bundle(bundle).sha256, outcomes)


def run_job(job: Job) -> list[Outcome]:
    """Carry out one run in a worker process. Half a minute, and some seconds more for a seed's or a task's first."""
    return [_federation(job.plan, job.seed, job.bundle, job.run.task).carry_out(job.run, lambda _share: None)]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A seed's five patients as the live engine judges them. See `World`."""

    recordings: tuple[Recording, ...]
    clean: tuple[Timeline, ...]
    attacked: dict[str, Timeline]
    poisoned: dict[str, NDArray[np.bool_]]


def judged_patients(detector: Detector, plan: Plan, seed: int) -> Judged:
    """Return a seed's patients, clean and with Dev2 under each attack. Blocks for seconds."""
    recordings = patients(plan, seed)
    victim = recordings[POISONED]
    injected = {
        name: inject(victim, AttackSpec(name, victim.device_id, plan.onset_min, None, LEVEL, 1000 + seed))
        for name in plan.attacks
    }
    return Judged(
        tuple(recordings),
        tuple(timeline(detector.model, recording, plan, VOTE_HORIZON_MIN) for recording in recordings),
        {
            name: timeline(detector.model, injection.recording, plan, VOTE_HORIZON_MIN)
            for name, injection in injected.items()
        },
        {name: injection.poisoned for name, injection in injected.items()},
    )


def world_of(judged: Judged, plan: Plan, seed: int, studied: Studied, bundle: Bundle) -> World:
    """Return the world of one task's federations.

    It begins with untrained weights, but for the statistics of the context, which nobody trains: the bundle's.
    """
    last = plan.minutes - plan.tail_min + 60
    tails = [
        windows_from(recording, recording.first_event_minute + last, HELD_OUT_STRIDE) for recording in judged.recordings
    ]
    initial = fresh_weights(studied.task.shapes, FIRST_WEIGHTS + seed)
    known = {name: bundle.parameters.network[name] for name in CONTEXT_STATISTICS if name in initial}
    return World(
        clean=judged.clean,
        attacked=judged.attacked,
        poisoned=judged.poisoned,
        held_out=tuple(
            held_out(studied.task, tail, line.profile, studied.minutes)
            for tail, line in zip(tails, judged.clean, strict=True)
        ),
        first_event_minute=judged.recordings[0].first_event_minute,
        initial={**initial, **known},
    )


def patients(plan: Plan, seed: int) -> list[Recording]:
    """Return the synthetic patients of a seed, healthy throughout, whole recordings in tenths."""
    stays = synthetic_stays(FIRST_POPULATION + seed, DEVICES, plan.minutes, resolution_bpm=0.1)
    return [stay.recording for stay in stays]


@cache
def _bundle(folder: Path) -> Bundle:
    return load_bundle(folder)


@lru_cache(maxsize=1)  # jobs come seed by seed
def _judged(plan: Plan, seed: int, folder: Path) -> Judged:
    return judged_patients(Detector.of(_bundle(folder)), plan, seed)


@lru_cache(maxsize=1)  # and within a seed task by task
def _federation(plan: Plan, seed: int, folder: Path, name: str) -> Federation:
    studied = STUDIED[name]
    return Federation(studied, plan, world_of(_judged(plan, seed, folder), plan, seed, studied, _bundle(folder)))
