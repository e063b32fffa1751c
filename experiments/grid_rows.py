"""The training's own rows, rebuilt as the model card says, so that networks can be learnt anew without parts of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from detectors.training.clean_features import CleanFeatures, CleanTask, clean_features
from detectors.training.labelled_rows import LabelledRows
from detectors.training.reference import clean_rows
from detectors.training.trace_jobs import Means
from detectors.training.trainer import Learner
from experiments.grid_ablations import without_own_enrolment
from experiments.grid_traces import UNFINISHED, Workbench

STAGE: Final = "training rows"
OWN: Final = "rows"
STRANGERS: Final = "rows-without-own-enrolment"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Names of the stages that hold the rows, as the detector sees them and without what it learns of each device."""

    own: str
    strangers: str


def strangers(means: Means) -> Means:
    """Return the means under which every device is like any other."""
    return replace(means, expectations={name: without_own_enrolment(one) for name, one in means.expectations.items()})


def rebuilt_rows(bench: Workbench, learner: Learner) -> Rebuilt:
    """Make both sets of rows, or find them finished; minutes of work."""
    if not (bench.kept(OWN) and bench.kept(STRANGERS)):
        found = _clean(bench, learner)
        both = (bench.means, strangers(bench.means))
        for name, means, attacked in zip((OWN, STRANGERS), both, _attacked(bench, learner, both), strict=True):
            rows = LabelledRows.joined([clean_rows(found, means.expectations), attacked])
            bench.work.stage(name, rows.arrays)
    bench.progress(STAGE, 1.0, "rebuilt")
    return Rebuilt(OWN, STRANGERS)


def _attacked(bench: Workbench, learner: Learner, both: tuple[Means, Means]) -> list[LabelledRows]:
    mine = replace(
        learner,
        work=bench.work,
        progress=lambda _stage, share, text: bench.progress(STAGE, min((1 + share) / 2, UNFINISHED), text),
    )
    return mine.attacked(bench.workers, *both)


def _clean(bench: Workbench, learner: Learner) -> list[dict[int, CleanFeatures]]:
    reference = learner.cohorts.reference
    nobody = bench.means.population._replace(residual_rms=np.ones(4, np.float32))
    tasks = [CleanTask(stay, nobody, learner.effort.clean_stride) for stay in reference]
    found = []
    for done, one in enumerate(bench.workers.map(clean_features, tasks), 1):
        found.append(one)
        bench.progress(STAGE, done / len(tasks) / 2, f"clean hours: {done} of {len(tasks)} patients")
    return found
