"""One run: a detector, or a variant of it for an ablation, fitted, calibrated and judged fold by fold on a seed's material."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.baseline.own_past import GROUP, OwnPast
from detectors.statistics.base import NETWORK
from detectors.statistics.registry import columns
from detectors.training.scores.table import CLEAN, DecisionTable
from detectors.training.workfolder import WorkFolder
from experiments.evaluation.judging.folds import Fold, FoldPlan, InUse, judged_folds, voted
from experiments.evaluation.measurement.families import learnt_without, look_alikes
from experiments.evaluation.measurement.material import JUDGED, Material, material_of

Floats = NDArray[np.float64]

LEFT_OUT: Final = -3
"""A stream that is neither clean nor learnt from nor judged."""
CAP_SD_A_DAY: Final = 0.5
"""So many of the enrolment's own standard deviations a baseline may move in a day, where its move is capped."""
DECISIONS_A_DAY: Final = 96


class FrozenBaseline(DecisionTable):
    """Every decision is held against the enrolment alone."""

    def own_past(self, values: NDArray[np.floating], *, frozen: bool = True) -> OwnPast:
        """Return the enrolment's own past, whatever is asked."""
        del frozen
        return super().own_past(values, frozen=True)


class CappedBaseline(DecisionTable):
    """The baseline keeps up with the device, but its mean moves only so much a day."""

    def own_past(self, values: NDArray[np.floating], *, frozen: bool = False) -> OwnPast:
        """Return the own past with its mean capped, on clean streams and so on their traces."""
        past = super().own_past(values, frozen=frozen)
        mean = past.mean.copy()
        for stream in np.flatnonzero(self.case == CLEAN):
            part = slice(int(self.start[stream]), int(self.stop[stream]))
            mean[part] = capped(past.mean[part], past.sd[part], int(self.enrolled[self.patient[stream]]))
        return OwnPast(mean[self.clean_row], past.sd, past.decisions)


def capped(mean: Floats, sd: Floats, enrolled: int) -> Floats:
    """Return baselines float64[k, C] that follow `mean` in steps of at most `CAP_SD_A_DAY` of the enrolment's sd a day."""
    if len(mean) <= enrolled:
        return mean
    step = sd[enrolled] * CAP_SD_A_DAY * GROUP / DECISIONS_A_DAY
    moved = mean.copy()
    for start in range(enrolled, len(mean), GROUP):
        before = moved[start - 1]
        stop = min(start + GROUP, len(mean))
        moved[start:stop] = before + np.clip(mean[start:stop] - before, -step, step)
    return moved


def as_kind(table: DecisionTable, kind: type[DecisionTable]) -> DecisionTable:
    """Return the same table with another kind of baseline."""
    return kind(**{field.name: getattr(table, field.name) for field in fields(DecisionTable)})


def without_network(table: DecisionTable) -> DecisionTable:
    """Return the table with the network's columns constant, so that they say nothing."""
    values = table.values.copy()
    values[:, [column.residual == NETWORK for column in columns()]] = 0
    return replace(table, values=values)


def without_streams(table: DecisionTable, streams: NDArray[np.bool_]) -> DecisionTable:
    """Return the table with some attacked or distorted streams neither learnt from nor judged."""
    return replace(table, case=np.where(streams, LEFT_OUT, table.case).astype(np.int32))


Arrays = dict[str, NDArray[Any]]

BASELINES: Final[Mapping[str, type[DecisionTable]]] = {
    "own past": DecisionTable,
    "frozen": FrozenBaseline,
    "capped": CappedBaseline,
}


@dataclass(frozen=True, slots=True)
class Run:
    """What is fitted and judged.

    `material` is the stage of a seed's material in `work`, of which patients of `roles` and the first `cases` attacks (None: all) take part;
    those of `taught_by` teach and calibrate, at `budget` where flags change a baseline. `strict` as in `folds.judged_folds`: the headline's;
    comparisons are not.
    """

    name: str
    work: WorkFolder
    material: str
    seed: int
    epochs: int
    all_cases: tuple[tuple[str, str], ...]
    learnt: frozenset[int]
    budget: float
    roles: tuple[int, ...] = (JUDGED,)
    cases: int | None = None
    taught_by: int = JUDGED
    strict: bool = False
    baseline: str = "own past"
    network: bool = True
    without_family: str = ""


def part_of(run: Run, material: Material) -> Material:
    """Return the part of a material that a run is about."""
    return material.part(run.roles, run.cases)


def run_folds(run: Run) -> Arrays:
    """Return a run's folds as arrays, for `folds_from`. Blocks for a minute or more. To be called in a worker process."""
    material = part_of(run, material_of(run.work.kept(run.material)))
    table = as_kind(material.taught_by(run.taught_by), BASELINES[run.baseline])
    if not run.network:
        table = without_network(table)
    learnt = run.learnt
    if run.without_family:
        table = without_streams(table, look_alikes(material.distortions, run.without_family))
        learnt = learnt_without(run.all_cases, learnt, run.without_family)
    plan = FoldPlan(material.fold, learnt, run.seed, run.epochs, run.budget)
    in_use = InUse(material.table.judged, np.logical_or.reduce(list(material.rules().values())))
    return _arrays(judged_folds(table, plan, in_use, strict=run.strict), material)


def _arrays(folds: Sequence[Fold], material: Material) -> Arrays:
    """Keep every decision's g under its own fold, and of clean ones also how they calibrate each fold."""
    clean, arrays = material.clean_rows(), {}
    for kind in folds[0].alone:
        alone = np.full(len(material.table), np.nan, np.float32)
        for fold in folds:
            alone[fold.rows] = fold.alone[kind][fold.rows]
        arrays[f"alone_{kind}"] = alone
        arrays[f"calibration_{kind}"] = np.stack([fold.calibration[kind][clean] for fold in folds]).astype(np.float32)
    return arrays


def folds_from(arrays: Mapping[str, NDArray[Any]], material: Material) -> list[Fold]:
    """Return the folds of a run's arrays. `material` is the run's part."""
    table, clean = material.table, material.clean_rows()
    alone = {
        name.removeprefix("alone_"): values.astype(np.float64)
        for name, values in arrays.items()
        if name.startswith("alone_")
    }
    scores, folds = voted(table, alone), []
    for place in range(int(material.fold.max()) + 1):
        calibration = {kind: np.full(len(table), np.nan) for kind in alone}
        for kind, values in calibration.items():
            values[clean] = arrays[f"calibration_{kind}"][place]
        rows = table.rows_of(np.flatnonzero(material.fold == place))
        folds.append(Fold(rows, alone, scores, calibration, np.flatnonzero(material.fold != place)))
    return folds
