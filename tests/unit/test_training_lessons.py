"""What the networks are taught: labels, weights, curricula, and that equal seeds teach the same."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.evidence import PARTS
from detectors.features.catalogue import FEATURES
from detectors.training.distorted import DISTORTION_NAMES
from detectors.training.labelled_rows import CLEAN, DISTORTED, LabelledRows
from detectors.training.lessons import Curriculum, _allowed, _weights, fit_tables, learn
from detectors.training.workfolder import WorkFolder

CASES = (("amplitude", "strong"), ("amplitude", "subtle"), ("bias", "strong"))


def rows_with(case, ill=None, distortions=None, seed=0):
    rng = np.random.default_rng(seed)
    count = len(case)
    r = rng.standard_normal((count, len(FEATURES))).astype(np.float16)
    r[np.asarray(case) >= 0] += 3
    true = np.ones(count, bool)
    return LabelledRows(
        r,
        np.asarray(case, np.int16),
        true,
        true,
        np.asarray(distortions if distortions is not None else [0] * count, np.int64),
        np.asarray(ill if ill is not None else [False] * count, bool),
    )


def test_unlearnable_levels_and_left_out_families_teach_nothing():
    rows = rows_with([CLEAN, 0, 1, 2, DISTORTED])
    assert _allowed(rows, CASES, Curriculum()).tolist() == [True, True, False, True, True]
    without = Curriculum(without_families=frozenset({"amplitude"}))
    assert _allowed(rows, CASES, without).tolist() == [True, False, False, True, True]


def test_a_left_out_distortion_takes_every_row_that_it_touched():
    bit = 1 << DISTORTION_NAMES.index("tone")
    rows = rows_with([DISTORTED, DISTORTED], distortions=[bit | 1, 1])
    curriculum = Curriculum(without_distortions=frozenset({"tone"}))
    assert _allowed(rows, CASES, curriculum).tolist() == [False, True]


def test_each_kind_of_row_has_its_mass_whatever_its_number():
    rows = rows_with([CLEAN] * 8 + [CLEAN] * 2 + [0] * 4, ill=[False] * 8 + [True] * 2 + [False] * 4)
    weight = _weights(rows, np.arange(14))
    assert weight.mean() == pytest.approx(1.0)
    assert weight[:8].sum() == pytest.approx(2 * weight[8:10].sum(), rel=1e-5)
    assert weight[:8].sum() == pytest.approx(2 * weight[10:].sum(), rel=1e-5)


@pytest.fixture(scope="module")
def rows():
    return rows_with([CLEAN] * 700 + [0] * 700 + [DISTORTED] * 200)


@pytest.fixture(scope="module")
def tables(rows):
    return fit_tables(rows)


def lessons(rows, tables, seed):
    return learn(rows, CASES, tables, epochs=1, seed=seed, report=lambda *_: None)


def test_a_seed_teaches_the_same_twice_and_another_something_else(rows, tables):
    once, again, other = (lessons(rows, tables, seed) for seed in (1, 1, 2))
    for name, weights in once.networks.items():
        for key, array in weights.items():
            np.testing.assert_array_equal(array, again.networks[name][key])
    assert not np.array_equal(once.networks["signal"]["hidden_0/kernel"], other.networks["signal"]["hidden_0/kernel"])


def test_tables_rise_with_the_value(tables):
    for name in PARTS:
        assert (np.diff(tables[name], axis=0) >= -1e-2).all()


def test_a_finished_stage_is_not_made_again_unless_its_key_changes(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"x": np.arange(3)}

    for key in ("a", "a", "b"):
        np.testing.assert_array_equal(WorkFolder(tmp_path, key).stage("s", make)["x"], np.arange(3))
    assert len(made) == 2
