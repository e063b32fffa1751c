"""Variants of the detector, learnt anew or merely judged differently, each calibrated alone and judged on the same devices."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from detectors.scoring.runtime import Reconstructor
from detectors.training.judging import Networks
from detectors.training.labelled_rows import LabelledRows
from detectors.training.lessons import Curriculum, fit_tables, learn
from detectors.training.trace_jobs import AttackTrace
from detectors.training.traces import Trace
from detectors.training.workfolder import Arrays, WorkFolder
from detectors.votes import KINDS
from experiments.grid_judges import Floats, Mind, calibrated_mind
from experiments.grid_protocol import Case
from experiments.grid_rulings import Rulings, rule
from experiments.grid_traces import UNFINISHED, AttackedSet, Fleet, Workbench, unfinished


@dataclass(frozen=True, slots=True)
class Lesson:
    """How networks are learnt anew: the stage with the training rows, their cases, epochs and seed, and what is left out."""

    rows: str
    cases: tuple[Case, ...]
    epochs: int
    seed: int
    curriculum: Curriculum = field(default_factory=Curriculum)


@dataclass(frozen=True, slots=True)
class Arena:
    """Where judges meet: the fleet that calibrates them, attacked devices and clean ones."""

    calibration: Fleet
    attacked: tuple[AttackedSet, ...]
    clean: tuple[Fleet, ...]

    def attacked_traces(self, work: WorkFolder, wanted: frozenset[Case] | None) -> Iterator[tuple[AttackTrace, bool]]:
        """Yield the attacked devices of the wanted cases (None: all), each with whether its monitor writes tenths."""
        for one in self.attacked:
            for trace in one.traces(work):
                if wanted is None or trace.case in wanted:
                    yield trace, one.tenths

    def clean_traces(self, work: WorkFolder) -> Iterator[tuple[Trace, bool]]:
        """Yield the clean devices."""
        for one in self.clean:
            for trace in one.traces(work):
                yield trace, one.tenths


@dataclass(frozen=True, slots=True)
class Variant:
    """A detector to judge: `lesson` None keeps the bundle's networks; `kinds` are the votes that count, `wanted` the cases."""

    name: str
    lesson: Lesson | None = None
    kinds: tuple[str, ...] = tuple(KINDS)
    wanted: frozenset[Case] | None = None


@dataclass(frozen=True, slots=True)
class VariantTask:
    """A variant with all that a worker process needs to judge it."""

    variant: Variant
    arena: Arena
    cases: tuple[Case, ...]
    work: WorkFolder
    tables: Mapping[str, Floats]
    networks: Networks


def variant_rulings(_reconstructor: Reconstructor, task: VariantTask) -> Arrays:
    """Learn, calibrate and judge; takes a minute or two."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # every lesson compiles its own step, as it should
    judge = calibrated_mind(_mind(task), task.arena.calibration.traces(task.work))
    attacked = task.arena.attacked_traces(task.work, task.variant.wanted)
    rulings = rule(judge, task.cases, attacked, task.arena.clean_traces(task.work))
    return rulings.arrays() | {"threshold": np.array(judge.threshold)}


def _mind(task: VariantTask) -> Mind:
    lesson, variant = task.variant.lesson, task.variant
    if lesson is None:
        return Mind(task.tables, task.networks, kinds=variant.kinds)
    rows = LabelledRows.from_arrays(task.work.stage(lesson.rows, unfinished))
    lessons = learn(
        rows, lesson.cases, fit_tables(rows), epochs=lesson.epochs, seed=lesson.seed, report=_silent, curriculum=lesson.curriculum
    )  # fmt: skip
    return Mind(lessons.tables, lessons.networks, lesson.curriculum.ignored, variant.kinds)


def judged_variants(
    bench: Workbench, stage: str, variants: Sequence[Variant], arena: Arena, cases: tuple[Case, ...], mind: Mind
) -> dict[str, Rulings]:
    """Return every variant's rulings by name; finished ones are read from disk. `mind` is the bundle's."""
    tasks = [VariantTask(one, arena, cases, bench.work, mind.tables, mind.networks) for one in variants]
    missing = [task for task in tasks if not bench.kept(_stage_name(stage, task.variant))]
    fresh = bench.workers.map(variant_rulings, missing)
    for done, (task, arrays) in enumerate(zip(missing, fresh, strict=True), 1):
        bench.work.stage(_stage_name(stage, task.variant), lambda arrays=arrays: arrays)  # type: ignore[misc]
        bench.progress(stage, min(done / len(missing), UNFINISHED), f"{task.variant.name}: {done} of {len(missing)}")
    bench.progress(stage, 1.0, f"{len(variants)} judged")
    return {one.name: _rulings(bench.work, stage, one) for one in variants}


def without_features(lesson: Lesson, places: Sequence[int]) -> Lesson:
    """Return the lesson without features."""
    return replace(lesson, curriculum=replace(lesson.curriculum, ignored=tuple(places)))


def _rulings(work: WorkFolder, stage: str, variant: Variant) -> Rulings:
    arrays = work.stage(_stage_name(stage, variant), unfinished)
    return Rulings(**{name: array for name, array in arrays.items() if name != "threshold"})


def _stage_name(stage: str, variant: Variant) -> str:
    return f"{stage}-{variant.name}".replace(" ", "-").replace("/", "-").replace(":", "-")


def _silent(_share: float, _text: str) -> None:
    """Training in a worker process shows nothing."""
