"""All attacks on updates and all federations with protected ones, in worker processes. Finished ones are kept on disk."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from detectors.bundle.bundle import Bundle, load_bundle
from detectors.detector import Detector
from experiments.common.stages import JobProgress, Stages, completed
from experiments.common.workers.processes import CarryOut
from experiments.federation.engine import Federation, Outcome, World
from experiments.federation.plan import DEFENCE, DEVICES, Plan, Run
from experiments.federation.study import judged_patients, world_of
from experiments.federation.tasks import STUDIED, Studied
from experiments.privacy.attack import AttackResult, Attacks, patient
from experiments.privacy.inversion import TASK
from experiments.privacy.plan import Case, PrivacyPlan, Protection
from fl_coordinator.aggregation.stacking import Contribution
from fl_device.tasks.fresh_weights import fresh_weights
from fl_device.training.own_windows import TrainingWindows
from fl_device.training.privacy import UpdatePrivacy, length
from replay.sources.synthetic import synthetic_stays
from transport.blobs.weights import Weights

ALONE = "one device alone adds the most noise"
RUN = Run("no attack, update defence", rule=DEFENCE, screen=True)


class PrivateFederation(Federation):
    """A federation whose devices protect their updates. `only` one of them, or all. The study's noise is seeded."""

    def __init__(self, studied: Studied, plan: Plan, world: World, seed: int) -> None:
        super().__init__(studied, plan, world)
        self._seed = seed
        self.privacy: UpdatePrivacy | None = None
        self.only: int | None = None
        self.lengths: list[float] = []

    def _update(self, run: Run, at: int, number: int, weights: Weights, windows: TrainingWindows) -> Contribution:
        honest = super()._update(run, at, number, weights, windows)
        if self.privacy is None:
            self.lengths.append(length({name: array - weights[name] for name, array in honest.weights.items()}))
        if self.privacy is None or self.only not in (None, at):
            return honest
        sent = self.privacy.applied(honest.weights, weights, np.random.default_rng([self._seed, number, at]))
        return Contribution(honest.device_id, sent, honest.sample_count)


def costs(plan: PrivacyPlan, federation: Plan, seed: int, bundle: Bundle) -> dict[str, Outcome]:
    """Return the outcome of each protection's federation by its name, and of one in which a single device adds noise."""
    shorter = replace(federation, rounds=min(plan.rounds, federation.rounds), attacks=())
    studied = STUDIED["reconstruction"]
    judged = judged_patients(Detector.of(bundle), shorter, seed)
    federations = PrivateFederation(studied, shorter, world_of(judged, shorter, seed, studied, bundle), seed)
    outcomes = {}
    for how in plan.protections:
        clip = plan.clip or (float(np.median(federations.lengths)) if federations.lengths else 1.0)
        federations.privacy = UpdatePrivacy(clip, how.noise) if how.is_clipped else None
        outcomes[how.name] = federations.carry_out(RUN, lambda _: None)
    federations.only = 0
    outcomes[ALONE] = federations.carry_out(RUN, lambda _: None)
    return outcomes


STUDY_VERSION = 2  # raise it when the same plan would give other results
POPULATION = 50_000  # far from the seeds of training, evaluation and the federations
WEIGHTS_SEED = 7_000
MINUTES = 3_000


@dataclass(frozen=True, slots=True)
class PrivacyStudy:
    """What attacks found, by what was attacked and how it was protected. What protections cost, by name, an outcome a seed."""

    plan: PrivacyPlan
    attack_results: dict[tuple[Case, Protection], AttackResult]
    costs: dict[str, list[Outcome]]


@dataclass(frozen=True, slots=True)
class Job:
    """An attack on one kind of update under one protection, or (`attack` None) all protections' federations with one seed."""

    plan: PrivacyPlan
    federation: Plan
    bundle: Path
    attack: tuple[Case, Protection] | None = None
    seed: int = 0

    @property
    def stages(self) -> dict[str, type[AttackResult] | type[Outcome]]:
        """What its results are called on disk, and of which kind they are."""
        if self.attack is not None:
            return {_file(f"{self.attack[0]}, {self.attack[1].name}"): AttackResult}
        names = [*(how.name for how in self.plan.protections), ALONE]
        return {_file(f"cost, seed {self.seed}, {name}"): Outcome for name in names}

    @property
    def label(self) -> str:
        """What is said of it when it is done: its first stage."""
        return next(iter(self.stages))


def privacy_options(plan: PrivacyPlan) -> dict[str, Any]:
    """Return what decides a result beside the federations' own options, for `Stages.begin`."""
    return {f"privacy_{name}": value for name, value in {"version": STUDY_VERSION, **asdict(plan)}.items()}


def run_privacy(
    plan: PrivacyPlan, federation: Plan, bundle: Path, stages: Stages, carry_out: CarryOut, progress: JobProgress
) -> PrivacyStudy:
    """Run or read everything. Blocks for minutes. The same plans and bundle give the same study, interrupted or not."""
    attacks = [Job(plan, federation, bundle, attack=attack) for attack in plan.attacks]
    jobs = [*attacks, *(Job(plan, federation, bundle, seed=seed) for seed in plan.seeds)]
    results = completed(jobs, run_job, stages, carry_out, progress)
    of_attack: dict[tuple[Case, Protection], Any] = {
        job.attack: results[job.label] for job in attacks if job.attack is not None
    }
    by_seed: list[list[Any]] = [[results[name] for name in job.stages] for job in jobs[len(attacks) :]]
    names = [*(how.name for how in plan.protections), ALONE]
    return PrivacyStudy(plan, of_attack, {name: [of_seed[at] for of_seed in by_seed] for at, name in enumerate(names)})


def run_job(job: Job) -> list[AttackResult] | list[Outcome]:
    """Carry out one job in a worker process, its results in the order of its stages. It takes minutes."""
    if job.attack is not None:
        return [_attacks(job.plan).carry_out(*job.attack)]
    return list(costs(job.plan, job.federation, job.seed, load_bundle(job.bundle)).values())


@lru_cache(maxsize=1)
def _attacks(plan: PrivacyPlan) -> Attacks:
    stays = synthetic_stays(POPULATION, DEVICES, MINUTES, resolution_bpm=0.1)
    return Attacks(plan, fresh_weights(TASK.shapes, WEIGHTS_SEED), [patient(stay.recording) for stay in stays])


def _file(name: str) -> str:
    return f"privacy-{name}".replace(", ", "-").replace(" ", "-")
