"""A label flip turns a share of the labels round, always the same ones for a seed."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.errors import Misconfigured
from fl_device.tasks.label_flip import SHARE_BY_LEVEL, describe, flip_labels


def test_strong_turns_every_label_round_and_leaves_the_given_array_alone() -> None:
    labels = np.array([0, 1, 1, 0], np.int8)
    attacked = flip_labels(labels, "strong")
    np.testing.assert_array_equal(attacked.labels, [1, 0, 0, 1])
    np.testing.assert_array_equal(labels, [0, 1, 1, 0])
    assert attacked.flipped.all()


@pytest.mark.parametrize(("level", "count"), [("subtle", 2), ("medium", 6), ("strong", 20)])
def test_a_level_flips_exactly_its_share(level: str, count: int) -> None:
    labels = np.arange(20) % 2
    attacked = flip_labels(labels, level, seed=5)
    assert attacked.flipped.sum() == count
    np.testing.assert_array_equal(attacked.labels != labels, attacked.flipped)


def test_a_higher_level_flips_the_same_labels_and_more() -> None:
    labels = np.zeros(50)
    subtle, medium = (flip_labels(labels, level, seed=5).flipped for level in ("subtle", "medium"))
    assert medium[subtle].all()


def test_the_seed_chooses_the_labels() -> None:
    labels = np.zeros(100)
    np.testing.assert_array_equal(flip_labels(labels, "medium", 1).flipped, flip_labels(labels, "medium", 1).flipped)
    assert not np.array_equal(flip_labels(labels, "medium", 1).flipped, flip_labels(labels, "medium", 2).flipped)


@pytest.mark.parametrize("dtype", [np.bool_, np.int64, np.float32])
def test_labels_keep_their_type(dtype: type) -> None:
    attacked = flip_labels(np.array([0, 1], dtype), "strong")
    assert attacked.labels.dtype == dtype
    np.testing.assert_array_equal(attacked.labels, np.array([1, 0], dtype))


def test_few_labels_are_flipped_once_and_none_not_at_all() -> None:
    assert flip_labels(np.zeros(3), "subtle").flipped.sum() == 1
    assert flip_labels(np.zeros(0), "strong").labels.shape == (0,)


def test_a_level_is_told_in_words() -> None:
    assert [describe(level) for level in SHARE_BY_LEVEL] == [
        "share flipped 0.1 of labels",
        "share flipped 0.3 of labels",
        "share flipped 1 of labels",
    ]


@pytest.mark.parametrize(
    ("labels", "level", "seed", "words"),
    [
        (np.array([0, 2]), "strong", 0, "labels of 0 and 1"),
        (np.array([0.0, np.nan]), "strong", 0, "labels of 0 and 1"),
        (np.zeros((2, 2)), "strong", 0, r"got shape \(2, 2\)"),
        (np.zeros(2), "huge", 0, "its levels are subtle, medium, strong"),
        (np.zeros(2), "strong", -1, "0 or above"),
    ],
)
def test_what_cannot_be_flipped_is_said(labels: np.ndarray, level: str, seed: int, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        flip_labels(labels, level, seed)
