"""Baselines on the same patients, features, budget and vote: what the detector has to be better than."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.evidence import R_CLIP
from detectors.features.catalogue import FAST, FAST_PART, FEATURES
from detectors.networks import logit
from detectors.reading import network_inputs
from detectors.scoring.runtime import Reconstructor
from detectors.training.judging import reading_of
from detectors.training.traces import Trace
from detectors.training.workfolder import Arrays, WorkFolder
from experiments.grid_judges import Floats, Judge, Mind, Scorer, calibrated_score
from experiments.grid_paper import PaperJudge
from experiments.grid_protocol import Case
from experiments.grid_rulings import Rulings, rule
from experiments.grid_traces import UNFINISHED, Fleet, Workbench, unfinished
from experiments.grid_variants import Arena

FITTED_ROWS: Final = 40_000
PAPER_RULE: Final = "the paper's rule (Fig. 3)"
LEVELS: Final = [place for place, one in enumerate(FAST) if one.name == "mean"]
ERRORS: Final = [place for place, one in enumerate(FEATURES) if one.name == "bottleneck log_mean_square"]


def level_score(trace: Trace) -> Floats:
    """Return the larger |z| of the hour's mean heart and respiratory rate, against the device's enrolment."""
    found: Floats = np.abs(trace.r[:, LEVELS].astype(np.float32)).max(axis=1)
    return found


def error_score(trace: Trace) -> Floats:
    """Return the bottleneck's reconstruction error of the hour (logarithm, both channels, in the device's own terms)."""
    found: Floats = trace.r[:, ERRORS].astype(np.float32).mean(axis=1)
    return found


@dataclass(frozen=True, slots=True)
class _Signal:
    """The network of the hour's signal features alone, without autoencoders, half days, tails or guards."""

    mind: Mind

    def __call__(self, trace: Trace) -> Floats:
        reading = reading_of(self.mind.tables, trace.r)
        return logit(self.mind.networks["signal"], network_inputs(reading)["signal"])


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A model of clean hours' signal features; `score` gives its anomaly score of rows float64[n, features]."""

    score: Callable[[NDArray[np.float64]], NDArray[np.float64]]

    def __call__(self, trace: Trace) -> Floats:
        return self.score(signal_rows(trace)).astype(np.float32) if len(trace) else np.empty(0, np.float32)


def signal_rows(trace: Trace) -> NDArray[np.float64]:
    """Return the standardised signal features of each hour, float64[k, features], clipped as the networks' are."""
    return np.clip(trace.r[:, FAST_PART].astype(np.float64), -R_CLIP, R_CLIP)


def _isolation_forest(rows: NDArray[np.float64], seed: int) -> Scorer:
    from sklearn.ensemble import IsolationForest  # noqa: PLC0415 - one baseline, one library

    model = IsolationForest(n_estimators=100, random_state=seed).fit(rows)
    return _Fitted(lambda seen: -model.score_samples(seen))


def _pca(rows: NDArray[np.float64], seed: int) -> Scorer:
    from sklearn.decomposition import PCA  # noqa: PLC0415

    model = PCA(n_components=0.9, random_state=seed).fit(rows)

    def left_over(seen: NDArray[np.float64]) -> NDArray[np.float64]:
        rebuilt = model.inverse_transform(model.transform(seen))
        return np.asarray(np.log(np.square(seen - rebuilt).sum(axis=1) + 1e-9))

    return _Fitted(left_over)


def _hbos(rows: NDArray[np.float64], _seed: int) -> Scorer:
    from pyod.models.hbos import HBOS  # noqa: PLC0415

    model = HBOS().fit(rows)
    return _Fitted(lambda seen: np.asarray(model.decision_function(seen)))


FITTED: Final[Mapping[str, Callable[[NDArray[np.float64], int], Scorer]]] = {
    "isolation forest (scikit-learn)": _isolation_forest,
    "PCA (scikit-learn)": _pca,
    "HBOS (PyOD)": _hbos,
}
BASELINES: Final = (
    "level z-score", "reconstruction error", "signal features alone", *FITTED, PAPER_RULE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BaselineTask:
    """A baseline by name, and what a worker process needs to fit, calibrate and judge it."""

    name: str
    fitted: Fleet
    arena: Arena
    cases: tuple[Case, ...]
    mind: Mind
    work: WorkFolder
    seed: int


def baseline_rulings(_reconstructor: Reconstructor, task: BaselineTask) -> Arrays:
    """Fit, calibrate and judge one baseline."""
    judge = _judge(task)
    attacked = task.arena.attacked_traces(task.work, None)
    return rule(judge, task.cases, attacked, task.arena.clean_traces(task.work)).arrays()


def judged_baselines(bench: Workbench, stage: str, tasks: Sequence[BaselineTask]) -> dict[str, Rulings]:
    """Return every baseline's rulings by name; finished ones are read from disk."""
    found: dict[str, Any] = {}
    names = {task.name: f"{stage}-{place}" for place, task in enumerate(tasks)}
    missing = [task for task in tasks if not bench.kept(names[task.name])]
    for done, (task, arrays) in enumerate(zip(missing, bench.workers.map(baseline_rulings, missing), strict=True), 1):
        bench.work.stage(names[task.name], lambda arrays=arrays: arrays)  # type: ignore[misc]
        bench.progress(stage, min(done / len(missing), UNFINISHED), f"{task.name}: {done} of {len(missing)}")
    bench.progress(stage, 1.0, f"{len(tasks)} judged")
    for name, key in names.items():
        found[name] = Rulings(**bench.work.stage(key, unfinished))
    return found


def _judge(task: BaselineTask) -> Judge:
    if task.name == PAPER_RULE:
        return PaperJudge(task.mind)
    return calibrated_score(_scorer(task), task.arena.calibration.traces(task.work))


def _scorer(task: BaselineTask) -> Scorer:
    if task.name in FITTED:
        rows = np.concatenate([signal_rows(trace) for trace in task.fitted.traces(task.work)])
        chosen = np.random.default_rng(task.seed).permutation(len(rows))[:FITTED_ROWS]
        return FITTED[task.name](rows[chosen], task.seed)
    simple: Mapping[str, Scorer] = {"level z-score": level_score, "reconstruction error": error_score}
    return simple.get(task.name) or _Signal(task.mind)
