"""What is exported and on whom it is measured: the bundle's own autoencoders, and the same made twice as wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from detectors.bundle import Bundle, Weights
from detectors.scoring.runtime import Rebuilding
from detectors.training.autoencoder_fit import fit_autoencoder
from detectors.training.cohort import Stay
from detectors.training.reference import population_scale
from detectors.training.trainer import Learner
from detectors.training.workfolder import WorkFolder
from detectors.weight_layout import UNITS
from experiments.export_graphs import PRECISIONS, float32_model, int8_model
from experiments.grid_protocol import Case, cases_of
from experiments.grid_traces import Workbench

STRONG: Final = tuple(case for case in cases_of(["all"]) if case[1] == "strong")
WIDE_UNITS: Final = 64
WIDE_STAGE: Final = f"{WIDE_UNITS} units"
SHORTEST_FIRST: Final = ("blind_spot", "bottleneck")


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """Which attacks, and sizes: devices in tenths and in whole numbers to attack (days each) and to leave alone, and how often a call is timed.

    `wide` says whether autoencoders of 64 units are trained and exported as well.
    """

    seed: int = 1
    cases: tuple[Case, ...] = STRONG
    attacked: tuple[int, int] = (8, 4)
    attacked_days: int = 3
    clean: tuple[int, int] = (12, 6)
    clean_days: int = 7
    timed_rounds: int = 20
    timed_calls: int = 20
    draws: int = 2000
    wide: bool = True


FULL: Final = ExportPlan()
QUICK: Final = ExportPlan(
    attacked=(3, 1), clean=(4, 2), clean_days=3, timed_rounds=10, timed_calls=10, draws=400, wide=False
)


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """An autoencoder: Keras-layout weights by name, and by precision (see `export_graphs.PRECISIONS`) its ONNX bytes."""

    name: str
    units: int
    weights: Weights
    onnx: Mapping[str, bytes]

    def file_name(self, precision: str) -> str:
        """Return the file's name."""
        return f"{self.name}-{self.units}-{precision}.onnx"


def exported_models(bundle: Bundle, learner: Learner, plan: ExportPlan, bench: Workbench) -> list[ExportedModel]:
    """Return the bundle's two autoencoders and, if the plan says so, the wide ones, which are trained now or found finished."""
    own = {"bottleneck": bundle.autoencoder, "blind_spot": bundle.blind_spot}
    models = [_exported(name, UNITS, weights) for name, weights in own.items()]
    if plan.wide:
        wide = _wide_weights(learner, bench)
        models += [_exported(name, WIDE_UNITS, wide[name]) for name in own]
    return models


def _exported(name: str, units: int, weights: Weights) -> ExportedModel:
    float32 = float32_model(name, weights)
    return ExportedModel(name, units, weights, dict(zip(PRECISIONS, (float32, int8_model(float32)), strict=True)))


@dataclass(frozen=True, slots=True)
class WideTask:
    """Which autoencoder to train on whom; the same patients, epochs and seed as the bundle's own."""

    name: str
    reference: Sequence[Stay]
    epochs: int
    seed: int
    work: WorkFolder


def fit_wide(_worker: Rebuilding, task: WideTask) -> Weights:
    """Return the weights of the wide autoencoder, kept on disk once trained; blocks for minutes."""

    def fit() -> Weights:
        scale = population_scale(task.reference)
        return fit_autoencoder(task.name, task.reference, scale, task.epochs, task.seed, _unheard, WIDE_UNITS).weights

    return task.work.stage(f"{task.name}-{WIDE_UNITS}", fit)


def _wide_weights(learner: Learner, bench: Workbench) -> dict[str, Weights]:
    """Both at once, each in a process of its own."""
    effort = learner.effort
    first = learner.cohorts.reference[: effort.autoencoder_patients]
    tasks = [WideTask(name, first, effort.autoencoder_epochs, learner.seed, bench.work) for name in SHORTEST_FIRST]
    bench.progress(WIDE_STAGE, 0.0, f"{effort.autoencoder_epochs} epochs of each; minutes")
    found: dict[str, Weights] = {}
    for name, weights in zip(SHORTEST_FIRST, bench.workers.map(fit_wide, tasks), strict=True):
        found[name] = weights
        bench.progress(WIDE_STAGE, len(found) / len(tasks), f"{name.replace('_', ' ')} trained")
    return found


def _unheard(share: float, text: str) -> None:
    """An epoch in a worker process is heard by nobody."""
