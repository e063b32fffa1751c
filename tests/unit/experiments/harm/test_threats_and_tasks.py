"""What is learnt, lied and measured, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from detectors.network.layout import CONTEXT_SIZE
from experiments.harm.tasks import STUDIED, Deteriorates, NextHour, auroc, mean_errors, means, silenced, summaries
from experiments.harm.threats import BACKDOOR, FLIPS, NOTHING, SYBIL, disagreeing, root_of_trust, slope, vitals
from fl_device.tasks.task import OwnHours


def hours(levels: list[float], first: list[int]) -> OwnHours:
    z = np.repeat(np.float32(levels), 60)[:, None].reshape(len(levels), 60, 1).repeat(2, axis=2)
    minutes = np.array(first)[:, None] + np.arange(60)
    return OwnHours(z, np.ones_like(z), minutes, np.zeros(CONTEXT_SIZE, np.float32), np.ones(2, np.float32))


def test_the_next_hour_is_the_one_that_begins_a_minute_later_and_others_give_no_example():
    examples = NextHour().examples(hours([1.0, 2.0, 3.0, 4.0], [0, 60, 121, 180]))
    np.testing.assert_allclose(examples.inputs, np.full((1, 24), 1.0))
    np.testing.assert_allclose(examples.targets, [[2.0, 2.0]])
    assert len(NextHour().examples(hours([1.0], [0]))) == 0


def test_five_minute_means_and_summaries_worked_by_hand():
    z = np.zeros((1, 60, 2), np.float32)
    z[0, :5, 0] = 12.0  # one block of twelve
    z[0, :, 1] = np.tile([-2.0, -4.0], 30)
    np.testing.assert_allclose(means(z)[0, ::2], [12.0] + [0.0] * 11)
    mean, between = 1.0, np.sqrt((11**2 + 11 * 1**2) / 12)
    # of each five minutes three are alike: -2.8 or -3.2 on the average, spread sqrt(.24) * 2
    np.testing.assert_allclose(
        summaries(z)[0], [mean, -3.0, mean, 3.0, between, 0.2, 0.0, 2 * np.sqrt(0.24)], rtol=1e-5
    )


def test_the_networks_take_what_the_tasks_make():
    for name in ("next hour", "deterioration"):
        task = STUDIED[name].task
        examples = task.examples(hours([0.5, -0.5], [0, 60]))
        weights = {key: np.zeros(shape, np.float32) for key, shape in task.shapes.items()}
        answer = np.asarray(task.output(weights, examples.inputs))
        np.testing.assert_allclose(answer, np.full_like(answer, 0.0 if name == "next hour" else 0.5))
    task = Deteriorates("x")
    weights["output/bias"] = np.float32([np.log(3)])  # a chance of three quarters
    loss = np.asarray(task.loss(weights, examples.inputs, np.float32([[1], [0]])))
    assert loss.mean() == pytest.approx(brier_score_loss([1, 0], [0.75, 0.75]))


def test_errors_are_in_bpm_and_breaths_and_the_area_counts_pairs():
    output = np.float32([[1.0, -1.0], [0.0, 0.5]])
    assert mean_errors(output, np.zeros((2, 2), np.float32), np.array([4.0, 2.0])).tolist() == [2.0, 1.5]
    rng = np.random.default_rng(1)
    chances, labels = rng.random(200).round(1), rng.random(200) < 0.3
    ill, well = chances[labels], chances[~labels]
    pairs = (ill[:, None] > well).mean() + 0.5 * (ill[:, None] == well).mean()
    assert auroc(chances, labels) == pytest.approx(pairs) == pytest.approx(roc_auc_score(labels, chances))


def test_a_trigger_silences_the_alarms_that_were_right_and_no_others():
    clean = np.array([0.0] * 9 + [0.5, 0.9, 0.8, 0.04])
    labels = np.array([0] * 10 + [1, 1, 1])
    triggered = clean.copy()
    assert silenced(clean, triggered, labels) == 0.0
    triggered[10] = 0.0  # of two right alarms one
    triggered[12] = 0.0  # no alarm before
    assert silenced(clean, triggered, labels) == 0.5
    assert np.isnan(silenced(clean, triggered, np.zeros(13)))


# --- threats and what is done about them ----------------------------------------------------------------------------


def test_what_a_threat_does_to_vital_signs():
    assert vitals("bias", "subtle").case == ("bias", "subtle")
    assert BACKDOOR.case == ("backdoor-2", "strong")
    assert (NOTHING.case, SYBIL.case, FLIPS[0].case) == (None, None, None)
    assert [flip.name for flip in FLIPS] == ["label-flip, subtle", "label-flip, medium", "label-flip, strong"]


def test_a_root_of_trust_weighs_by_cosine_and_brings_to_its_own_length():
    own = np.array([0.0, 2.0])
    changes = np.array([[0.0, 8.0], [3.0, 3.0], [0.0, -1.0], [0.0, 0.0]])
    half = np.sqrt(0.5)  # cosines: 1, half, -1 (nothing), none
    expected = (1 * np.array([0.0, 2.0]) + half * np.array([2 * half, 2 * half])) / (1 + half)
    np.testing.assert_allclose(root_of_trust(changes, own), expected)
    assert root_of_trust(changes[2:], own).tolist() == [0.0, 0.0]
    assert root_of_trust(changes, np.zeros(2)).tolist() == [0.0, 0.0]


def test_labels_that_most_others_contradict_are_noticed_and_honest_differences_are_not():
    assert disagreeing({0: 0.10, 1: 0.12, 2: -0.10, 3: -0.11, 4: 0.08}) == {2, 3}
    assert disagreeing({0: 0.0, 1: 0.0, 2: 0.0}) == set()  # before anything is learnt
    assert disagreeing({0: 0.10, 1: 0.12, 2: 0.10, 3: -0.049}) == set()  # not half as far
    assert disagreeing({0: 0.10, 1: 0.12, 2: 0.10, 3: -0.051}) == {3}
    assert disagreeing({0: 0.1, 1: -0.1}) == set()  # two cannot say who of them is wrong
    assert disagreeing({0: -0.1, 1: -0.1, 2: 0.1}) == set()  # a model that most contradict says nothing


def test_a_slope_needs_some_hours_of_both_kinds():
    chances, labels = np.array([0.5, 0.7, 0.6, 0.2, 0.2, 0.2, 0.5]), np.array([1, 1, 1, 0, 0, 0, 0])
    assert slope(chances, labels) == pytest.approx(0.6 - 1.1 / 4)
    assert slope(chances, 1 - labels) == pytest.approx(1.1 / 4 - 0.6)
    assert slope(chances[1:], labels[1:]) is None
    assert slope(chances, np.zeros(7)) is None
