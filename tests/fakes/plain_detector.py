"""Detectors whose parameters are drawn or plain, not learnt: enough to test how the engine goes about minutes."""

from __future__ import annotations

import numpy as np

from contracts.messages.verdicts import RuleName
from detectors.baseline.references import Standardisation
from detectors.bundle.bundle import Bundle
from detectors.decisions.rule import Rule
from detectors.detector import rule_named
from detectors.engine.model import Model
from detectors.network.layout import network_shapes
from detectors.scoring.classifier import classifier_shapes, input_sizes
from detectors.scoring.common_scale import CommonScale
from detectors.scoring.components import SCALES, DetectorParameters
from detectors.scoring.tails import SHARES, Tails, fast_columns, slow_columns
from detectors.statistics.base import SLOW_MIN
from detectors.statistics.registry import columns

LEVEL = "level level heart 60"


def _all_of(value: float) -> np.ndarray:
    return np.full(len(columns()), float(value))


def _tails(quantiles: np.ndarray, slope: float) -> dict[str, Tails]:
    return {
        name: Tails(np.repeat(quantiles[:, None], len(wanted), axis=1), np.full(len(wanted), slope))
        for name, wanted in (("fast", fast_columns()), ("slow", slow_columns()))
    }


def plain_parameters(seed: int = 0, *, threshold: float = 1.0) -> DetectorParameters:
    """Return parameters of the right shapes: r is about a standard normal, DNNs and network are random."""
    rng = np.random.default_rng(seed)
    standardisation = Standardisation(
        mean=_all_of(0), own_mean=_all_of(0), slope=_all_of(1), own_sd=_all_of(0.2), own_variance=_all_of(0.05),
        own_log_sd=_all_of(np.log(0.2)), log_sd=_all_of(np.log(0.2)), sd_slope=_all_of(0.5), between_sd=_all_of(1e3),
    )  # fmt: skip
    normal = np.sort(rng.standard_normal(200_000))
    tails = _tails(np.quantile(normal, SHARES), 0.5)
    classifiers = {
        name: {
            key: (rng.standard_normal(shape) * 0.1).astype(np.float32)
            for key, shape in classifier_shapes(input_sizes()[name]).items()
        }
        for name in ("fast", "slow")
    }
    network = {name: (rng.standard_normal(shape) * 0.2).astype(np.float32) for name, shape in network_shapes().items()}
    network["context_sd"] = np.abs(network["context_sd"]) + np.float32(1)
    scale = CommonScale(np.linspace(-5, 15, 21), np.linspace(-1.5, 2.5, 21), 5.0)
    return DetectorParameters(
        standardisation, tails["fast"], tails["slow"], classifiers, network, dict.fromkeys(SCALES, scale), threshold
    )


def plain_model(seed: int = 0, *, bundle_sha: str = "plain", rule: Rule | None = None, threshold: float = 1.0) -> Model:
    """Return a model of drawn parameters."""
    return Model(plain_parameters(seed, threshold=threshold), rule or rule_named("common-scale"), bundle_sha)


def plain_bundle(seed: int = 0, *, threshold: float = 1.0) -> Bundle:
    """Return a bundle of drawn parameters: valid in every part, trained on nothing; equal arguments give equal ones."""
    canary = {"clean_window_z": np.random.default_rng(seed).integers(-9, 9, (4, 60, 2), dtype=np.int16)}
    return Bundle(plain_parameters(seed, threshold=threshold), {"seed": seed}, canary)


# --- a detector that anyone can compute ------------------------------------------------------------------------------


def level_parameters(*, threshold: float = 2.0) -> DetectorParameters:
    """Return parameters whose score is the mean scaled heart rate of the last hour, above the device's own past's mean.

    A minute counts for +-4.5 at most. The slow DNN and the family-free score say nothing. The vote is the smallest of the
    last four decisions, as always: a heart that races is over a threshold of 2 after an hour and a half at most.
    """
    standardisation = Standardisation(
        mean=_all_of(0), own_mean=_all_of(0), slope=_all_of(0), own_sd=_all_of(1), own_variance=_all_of(1),
        own_log_sd=_all_of(0), log_sd=_all_of(0), sd_slope=_all_of(0), between_sd=_all_of(1e3),
    )  # fmt: skip
    tails = _tails(np.linspace(100, 200, len(SHARES)), 1e3)
    silent, linear = CommonScale(np.array([0.0, 1.0]), np.zeros(2), 1e9), np.array([-20.0, 4.0])
    scales = {"fast": CommonScale(linear, 3 * linear, 1 / 3), "slow": silent, "family_free": silent}
    scales["combined"] = CommonScale(np.array([-20.0, 10.0]), np.array([-20.0, 10.0]), 1.0)
    return DetectorParameters(standardisation, tails["fast"], tails["slow"], _level_dnns(), {}, scales, threshold)


def _level_dnns() -> dict[str, dict[str, np.ndarray]]:
    """One unit a layer that hands the statistic on: inputs are halved, and ReLU is kept out of the way by adding 8."""
    dnns = {
        name: {key: np.zeros(shape, np.float32) for key, shape in classifier_shapes(input_sizes()[name]).items()}
        for name in ("fast", "slow")
    }
    place = [column.key for column in columns() if column.minutes != SLOW_MIN].index(LEVEL)
    fast = dnns["fast"]
    fast["hidden_0/kernel"][:, place, 0] = 2
    fast["hidden_0/bias"][:, 0] = 8
    fast["hidden_1/kernel"][:, 0, 0] = fast["logit/kernel"][:, 0, 0] = 1
    fast["logit/bias"][:, 0] = -8
    return dnns


def level_model(bundle_sha: str = "one", *, threshold: float = 2.0, rule: RuleName = "common-scale") -> Model:
    """Return the model of `level_parameters`; it has no network, so it is fast and its reconstruction error is NaN."""
    return Model(level_parameters(threshold=threshold), rule_named(rule), bundle_sha)
