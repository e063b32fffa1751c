"""What attacks on updates and protections amount to, on arrays small enough to work by hand, and how it is told."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

import numpy as np
import pytest

from experiments.federation.engine import Outcome
from experiments.privacy.attack import AttackResult, paired
from experiments.privacy.page import attack_table, cost_table, sections, sentences
from experiments.privacy.plan import FULL, QUICK, Protection
from experiments.privacy.results import attack_row, correlations, cost_rows, privacy_document, privacy_tables
from experiments.privacy.study import ALONE, PrivacyStudy
from experiments.report.page import Cover, page_of

RISING = np.linspace(-1, 1, 60, dtype=np.float32)


def window(heart, breath) -> np.ndarray:
    return np.stack([heart, breath], axis=-1).astype(np.float32)[None]


def found(rebuilt: np.ndarray) -> AttackResult:
    truth = np.repeat(window(RISING, -RISING), len(rebuilt), axis=0)
    return AttackResult(
        truth=truth, rebuilt=rebuilt, resembled=truth, other=0 * truth + 0.1, owner=np.zeros(len(rebuilt), np.int64),
        median=np.array([[80.0, 15.0], [90.0, 20.0]]), scale=np.array([[10.0, 2.0], [20.0, 4.0]]),
    )  # fmt: skip


def outcome(loss: float, taken: float = 1.0) -> Outcome:
    shape = (4, 5)
    counted = np.arange(20).reshape(shape) < 20 * taken
    empty = Outcome.empty(*shape)
    return replace(empty, loss=np.full(shape, loss), asked=np.ones(shape, np.bool_), taken=counted)


def study() -> PrivacyStudy:
    attacks = {attack: found(np.repeat(window(RISING, -RISING), 3, axis=0)) for attack in QUICK.attacks}
    losses = {how.name: [outcome(1.0 + how.noise)] for how in QUICK.protections}
    return PrivacyStudy(QUICK, attacks, losses | {ALONE: [outcome(1.0, taken=0.8)]})


def test_errors_are_in_the_devices_own_units_and_beside_the_guesses():
    row = attack_row("x", "nothing", found(window(RISING + 0.8, 0 * RISING)))
    assert row.error == pytest.approx((8.0, 2 * np.abs(RISING).mean()), rel=1e-5)
    assert row.median_error == pytest.approx((10 * np.abs(RISING).mean(), 2 * np.abs(RISING).mean()), rel=1e-5)
    assert row.correlation == pytest.approx((1.0, 0.0), abs=1e-6)
    assert row.nearer == 0  # mean squares of 0.98 and 0.34, against 0.35 twice
    blind = np.abs((RISING * 10 + 80) - ((RISING + 0.8) * 20 + 90)).mean()  # the other patient's median and scale
    assert row.blind_error[0] == pytest.approx(blind, rel=1e-5)


def test_a_window_rebuilt_exactly_is_nearer_than_any_other():
    row = attack_row("x", "nothing", found(window(RISING, -RISING)))
    assert (row.error, row.nearer, row.n) == ((0.0, 0.0), 1.0, 1)


def test_a_course_that_does_not_move_correlates_with_nothing():
    assert correlations(window(RISING, RISING), window(0 * RISING + 3, -RISING)).tolist()[0] == pytest.approx([0, -1])


def test_guesses_are_taken_for_the_true_windows_they_are_nearest_to_each_once():
    truth = np.concatenate([window(RISING + level, RISING) for level in (0, 5, 9)])
    mine, theirs = paired(truth, truth[[2, 0]] + np.float32(0.1))
    np.testing.assert_array_equal(mine, truth[[0, 2]])
    np.testing.assert_allclose(theirs, mine + 0.1, atol=1e-6)


def test_costs_are_ratios_to_unprotected_updates_with_what_they_promise():
    rows = {row.protection: row for row in cost_rows(study())}
    assert rows["nothing"].ratio.value == pytest.approx(1)
    assert rows["clip, noise 0.01"].ratio.value == pytest.approx(1.01)
    assert rows[ALONE].taken == pytest.approx(0.8)
    assert math.isinf(rows["clip"].epsilon)
    assert rows["clip, noise 0.01"].epsilon > rows["clip, noise 0.01"].epsilon_one_round > 1000


def test_many_windows_are_attacked_bare_and_with_noise():
    for plan in (FULL, QUICK, replace(FULL, noises=(0.5,))):
        assert len(set(plan.attacks)) == len(plan.attacks)
        for case in ("batch", "epoch"):
            bare, noisy = (how for name, how in plan.attacks if name == case)
            assert bare == Protection()
            assert noisy.noise > 0
        assert {how for name, how in plan.attacks if name == "window"} == set(plan.protections)


def test_page_and_files_tell_every_row():
    told = study()
    document = privacy_document(told)
    files = {name: list(csv.DictReader(io.StringIO(text))) for name, text in privacy_tables(document).items()}
    assert len(files["privacy_attacks.csv"]) == len(attack_table(told).rows) == len(QUICK.attacks)
    assert [row["protection"] for row in files["privacy_costs.csv"]] == [row[0] for row in cost_table(told).rows]
    assert files["privacy_costs.csv"][0]["epsilon"] == ""
    page = page_of(Cover("t", "i"), sections(told), "made by")
    for text in (*sentences(told), "rebuilt from its gradient", ALONE, "infinite"):
        assert text.replace("'", "&#39;") in page
