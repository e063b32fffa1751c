"""The whole training: autoencoder, classifier, calibration, canary and metrics, in that order, into one bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.bundle import Bundle, Weights
from detectors.preprocessing import robust_scale
from detectors.scoring.runtime import WindowScorer
from detectors.scoring.tensorflow_runtime import tf
from detectors.training.autoencoder_fit import fit_autoencoder
from detectors.training.calibration import Model, calibrate
from detectors.training.canary import canary_windows
from detectors.training.classifier_fit import fit_classifier
from detectors.training.cohort import Cohorts, Injector, Stay
from detectors.training.evaluation import evaluate
from detectors.training.featuriser import Featuriser
from detectors.training.labelled_rows import LabelledRows, RowMaker, Yardstick, joined
from detectors.training.series import ENROLMENTS_MIN, Scale, Windows, rows_of, windows_between

STAGES = ("autoencoder", "rows", "classifier", "calibration", "evaluation")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much work to put in; the defaults are the shipped bundle's."""

    autoencoder_epochs: int = 24
    classifier_epochs: int = 8
    distortions_per_patient: int = 60
    canary_windows: int = 256


class Progress(Protocol):
    """Hears how far a stage (one of STAGES) is: share 0..1 and a few words."""

    def __call__(self, stage: str, share: float, text: str) -> None: ...


def train_bundle(
    cohorts: Cohorts,
    cases: Sequence[tuple[str, str]],
    inject: Injector,
    *,
    seed: int,
    effort: Effort,
    progress: Progress,
    data: Mapping[str, Any],
) -> Bundle:
    """Train on `cohorts` with the (attack, level) pairs `cases`; `data` goes into the metadata to say what was used.

    Blocks for minutes. The same arguments on the same machine give the same bundle. Raises Misconfigured when a
    patient is in two cohorts.
    """
    cohorts.check_disjoint()
    tf.keras.utils.set_random_seed(seed)
    learnt = _learn(cohorts.reference, cases, inject, seed, effort, progress)
    found = calibrate(
        learnt.autoencoder, learnt.classifier, learnt.measure, cohorts.calibration, _stage(progress, "calibration")
    )
    unnamed = Bundle(learnt.autoencoder, learnt.classifier, found.population, {})
    model = Model(WindowScorer(unnamed, buckets=(512,)), found.population)
    metrics = evaluate(cohorts.test, cases, inject, model, seed, _stage(progress, "evaluation"))
    strong = [case for case in cases if case[1] == "strong"] or cases
    said = {"seed": seed, "effort": asdict(effort), "data": dict(data), **learnt.facts}
    return replace(
        unnamed,
        metadata={**said, "calibration": found.metrics, "test": metrics},
        canary=canary_windows(cohorts.test, strong, inject, effort.canary_windows, seed),
    )


@dataclass(frozen=True, slots=True)
class _Learnt:
    """Both networks' weights, the population's measure, and what there is to say about the fits."""

    autoencoder: Weights
    classifier: Weights
    measure: Yardstick
    facts: Mapping[str, Any]


def _learn(
    reference: Sequence[Stay],
    cases: Sequence[tuple[str, str]],
    inject: Injector,
    seed: int,
    effort: Effort,
    progress: Progress,
) -> _Learnt:
    scale = _population_scale(reference)
    fitted = fit_autoencoder(reference, scale, effort.autoencoder_epochs, _stage(progress, "autoencoder"))
    featuriser = Featuriser(fitted.weights)
    measure = Yardstick(scale, featuriser.residual_rms(_population_windows(reference, scale)), 0, 0)
    maker = RowMaker(featuriser, measure, inject, np.random.default_rng([seed, 1]))
    rows = _all_rows(maker, reference, cases, effort, _stage(progress, "rows"))
    classifier = fit_classifier(rows, effort.classifier_epochs, _stage(progress, "classifier"))
    facts = {
        "autoencoder": {"windows": fitted.windows, "epochs": fitted.epochs, "held_out_huber": round(fitted.loss, 6)},
        "classifier": {"rows": len(rows), "poisoned_share": round(float(rows.label.mean()), 4)},
    }
    return _Learnt(fitted.weights, classifier, measure, facts)


def _stage(progress: Progress, stage: str) -> Any:
    return lambda share, text: progress(stage, share, text)


def _population_scale(reference: Sequence[Stay]) -> Scale:
    values: NDArray[np.float32] = np.concatenate([rows_of(stay.recording).values for stay in reference])
    return Scale(*robust_scale(values))


def _population_windows(reference: Sequence[Stay], scale: Scale) -> Windows:
    parts = [windows_between(rows_of(stay.recording), scale, 0, ENROLMENTS_MIN[-1], 8) for stay in reference]
    return Windows(np.concatenate([part.z for part in parts]), np.concatenate([part.event_minute for part in parts]))


def _all_rows(
    maker: RowMaker, reference: Sequence[Stay], cases: Sequence[tuple[str, str]], effort: Effort, report: Any
) -> LabelledRows:
    parts = []
    for index, stay in enumerate(reference):
        stranger = reference[(index + 1) % len(reference)]
        parts.append(maker.rows(stay, stranger, cases, effort.distortions_per_patient // len(ENROLMENTS_MIN)))
        report((index + 1) / len(reference), f"{sum(map(len, parts))} windows")
    return joined(parts)
