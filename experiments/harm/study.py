"""The whole study: judge who may take part, draw federations, judge the attacked, run. Finished parts are kept on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from detectors.bundle.bundle import load_bundle
from detectors.training.cohort import fingerprint
from experiments.common.stages import JobProgress, Stages, completed
from experiments.common.workers.processes import CarryOut
from experiments.harm.cohorts import Drawn, Member, Sources, drawn
from experiments.harm.engine import Federation, Outcome
from experiments.harm.judging import Judged, Sent, jobs_of, judge
from experiments.harm.plan import FULL, Group, Plan, Run, runs_of
from experiments.harm.tasks import STUDIED
from experiments.harm.world import Side, World
from fl_device.tasks.fresh_weights import fresh_weights
from transport.blobs.weights import Weights

STUDY_VERSION: Final = 1  # raise it when the same plan would give other results
FIRST_WEIGHTS: Final = 7_000
AT_ONCE: Final = 8  # runs of a job: what is lost at most when the study is stopped


@dataclass(frozen=True, slots=True, eq=False)
class RunJob:
    """Some runs of a group with one seed. `sides` are its devices in their order, the root of trust, then those measured on."""

    plan: Plan
    group: Group
    seed: int
    runs: tuple[Run, ...]
    sides: tuple[Side, ...]
    bundle: Path

    @property
    def stages(self) -> dict[str, type[Outcome]]:
        """What its outcomes are called on disk."""
        return {outcome_stage(self.group, self.seed, run): Outcome for run in self.runs}

    @property
    def label(self) -> str:
        """What is said of it when it is done."""
        return f"seed {self.seed}, {self.group.name}: {self.runs[-1].name}"


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Every run's outcomes by group and run, one a seed in the order of the plan. `who` are the draws by group and seed."""

    plan: Plan
    bundle_sha256: str
    outcomes: Mapping[tuple[Group, Run], list[Outcome]]
    who: Mapping[tuple[Group, int], Drawn]


def outcome_stage(group: Group, seed: int, run: Run) -> str:
    """Return what an outcome is called on disk.

    >>> from experiments.harm.plan import BARE, FULL, NOTHING
    >>> outcome_stage(FULL.groups[0], 1, Run(NOTHING, BARE))
    'seed-1-next hour-2 of 5-no attack-no defence'
    """
    return f"seed-{seed}-{group.name}-{run.name}".replace(", ", "-").replace(" / ", "-")


def study_options(plan: Plan, sources: Sources) -> dict[str, Any]:
    """Return what decides a result, but for the seeds and the groups that are asked for: those are in its name."""
    plan_options = {name: value for name, value in asdict(plan).items() if name not in {"seeds", "groups", "quick"}}
    sha_of = {folder: load_bundle(folder).sha256 for folder in {sources.bundle, *sources.gates.values()}}
    return {
        "version": STUDY_VERSION, "bundle": sha_of[sources.bundle], **plan_options, "five": list(sources.five),
        "groups": [asdict(group) for group in FULL.groups], "due": {name: list(due) for name, due in sources.due.items()},
        "gates": [[*map(str, fingerprint(one)), sha_of[sources.gates[one.device_id]]] for one in sources.recordings],
    }  # fmt: skip


def run_study(plan: Plan, sources: Sources, stages: Stages, carry_out: CarryOut, progress: JobProgress) -> Study:
    """Run or read everything. Blocks for minutes. The same plan and recordings give the same study, interrupted or not."""
    pools = {(group, seed): sources.pool(group, seed) for group in plan.groups for seed in plan.seeds}
    clean = jobs_of(_sent(group, member) for (group, _), pool in pools.items() for member in pool)
    judged = completed(clean, judge, stages, carry_out, progress)
    who = {
        (group, seed): drawn(group, [one for one in pool if _has_enrolled(judged[_sent(group, one).stage])], seed)
        for (group, seed), pool in pools.items()
    }
    attacked = jobs_of(part for (group, _), draw in who.items() for part in _attacked(plan, group, draw))
    judged |= completed(attacked, judge, stages, carry_out, progress)
    jobs = [
        RunJob(plan, group, seed, part, _sides(plan, group, draw, judged), sources.bundle)
        for (group, seed), draw in who.items()
        for part in _parts(runs_of(group, quick=plan.quick))
    ]
    made = completed(jobs, run_job, stages, carry_out, progress)
    outcomes = {
        (group, run): [made[outcome_stage(group, seed, run)] for seed in plan.seeds]
        for group in plan.groups
        for run in runs_of(group, quick=plan.quick)
    }
    return Study(plan, load_bundle(sources.bundle).sha256, outcomes, who)


def _parts(runs: Sequence[Run]) -> list[tuple[Run, ...]]:
    return [tuple(runs[start : start + AT_ONCE]) for start in range(0, len(runs), AT_ONCE)]


def run_job(job: RunJob) -> list[Outcome]:
    """Carry out some runs in a worker process. Some seconds, and some more where a group begins."""
    federation = _federation(job)
    return [federation.carry_out(run) for run in job.runs]


_LAST: dict[tuple[Plan, Group, int], Federation] = {}


def _federation(job: RunJob) -> Federation:
    """Return a group's federation, kept while the same one is asked for: jobs come group by group."""
    key = (job.plan, job.group, job.seed)
    if key not in _LAST:
        _LAST.clear()
        devices = job.group.devices
        world = World(job.group, job.plan, job.sides[:devices], job.sides[devices], job.sides[devices + 1 :])
        _LAST[key] = Federation(world, _initial(job))
    return _LAST[key]


def _initial(job: RunJob) -> Weights:
    """Return the weights that a federation begins with: of the detector's own network those that ship, else untrained ones."""
    if job.group.task == "reconstruction":
        return load_bundle(job.bundle).parameters.network
    return fresh_weights(STUDIED[job.group.task].task.shapes, FIRST_WEIGHTS + job.seed)


def _sent(group: Group, member: Member, case: tuple[str, str] | None = None) -> Sent:
    return Sent(member.recording, group.clock, case, member.bundle)


def _has_enrolled(judged: Judged) -> bool:
    return judged.frozen_profile is not None


def _attacked(plan: Plan, group: Group, draw: Drawn) -> Iterator[Sent]:
    for case in _cases(plan, group):
        yield from (_sent(group, member, case) for member in draw.devices[: group.poisoned])


def _cases(plan: Plan, group: Group) -> list[tuple[str, str]]:
    cases = (run.threat.case for run in runs_of(group, quick=plan.quick))
    return list(dict.fromkeys(case for case in cases if case is not None))


def _sides(plan: Plan, group: Group, draw: Drawn, judged: Mapping[str, Judged]) -> tuple[Side, ...]:
    cases = _cases(plan, group)

    def side(member: Member, *, is_attacked: bool) -> Side:
        known: dict[tuple[str, str] | None, Judged] = {None: judged[_sent(group, member).stage]}
        if is_attacked:
            known |= {case: judged[_sent(group, member, case).stage] for case in cases}
        return Side(member, known)

    devices = (side(member, is_attacked=at < group.poisoned) for at, member in enumerate(draw.devices))
    return (*devices, side(draw.root, is_attacked=False), *(side(member, is_attacked=False) for member in draw.tested))
