"""Fitting a DNN: seeded, weighted, and in the shapes that the numpy form multiplies."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.scoring.classifier import classifier_shapes, logit
from detectors.training.scores.classifier_fit import LabelledRows, fit_classifier


def rows(weight_of_attacked: float = 1.0, seed: int = 0) -> LabelledRows:
    rng = np.random.default_rng(seed)
    read = rng.standard_normal((3000, 5)).astype(np.float32)
    attacked = (read[:, 0] > 1).astype(np.float32)
    return LabelledRows(read, attacked, np.where(attacked > 0, weight_of_attacked, 1.0).astype(np.float32))


def test_it_learns_what_an_attack_looks_like_in_the_shapes_of_the_runtime():
    weights = fit_classifier(rows(), seed=1, batch=100)
    assert {name: array.shape for name, array in weights.items()} == classifier_shapes(5)
    judged = rows(seed=9)
    found = logit(weights, judged.read)
    assert found[judged.attacked > 0].mean() > found[judged.attacked == 0].mean() + 3


def test_the_same_seed_gives_the_same_weights_whatever_was_fitted_before():
    first = fit_classifier(rows(), seed=1, epochs=1)
    other = fit_classifier(rows(seed=5), seed=2, epochs=1)
    again = fit_classifier(rows(), seed=1, epochs=1)
    for name, array in first.items():
        np.testing.assert_array_equal(again[name], array)
    assert any((other[name] != array).any() for name, array in first.items())


def test_members_differ():
    weights = fit_classifier(rows(), seed=1, epochs=1)
    assert (weights["hidden_0/kernel"][0] != weights["hidden_0/kernel"][1]).any()


def test_heavier_attacked_rows_raise_the_score():
    light, heavy = (fit_classifier(rows(weight), seed=1, batch=100) for weight in (0.1, 10.0))
    read = rows(seed=9).read
    assert logit(heavy, read).mean() > logit(light, read).mean() + 1


def test_one_label_alone_teaches_nothing():
    only = rows()._replace(attacked=np.zeros(3000, np.float32))
    with pytest.raises(ValueError, match="both needed"):
        fit_classifier(only, seed=1)
