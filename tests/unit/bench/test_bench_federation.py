"""What the bench says of rounds with more and more devices, and what stands in for a device there."""

from __future__ import annotations

import numpy as np
import pytest

from bench.federation.least_squares import STEP, LeastSquares, Point
from bench.federation.measured import growth_rows, lived_rows, rule_rows
from bench.federation.trial import Measured
from bench.figures import Kept, rounds_table
from contracts.messages.federation import RoundPhase, RoundRecord
from fl_device.training.course import Course

MACHINE = {"processor": "one", "cores": 2, "memory_gb": 24.0, "date": "2026-01-01", "commit": "abc"}


def measured(cpu_s: float, phase: RoundPhase = RoundPhase.COMMITTED, **excluded: str) -> Measured:
    record = RoundRecord(
        round=1, phase=phase, task="reconstruction", lease_token=1, model_sha256="m", gated_at=0.0, deadline_at=1.0,
        cohort=["a", "b"], excluded=excluded, accepted=["a"],
    )  # fmt: skip
    return Measured(record, 1.5, cpu_s, 150.0, 2000, 3_000_000)


def test_growth_is_a_power_of_the_number_of_devices_and_a_square_misses_the_goal():
    linear = {10: [measured(0.5)], 100: [measured(1.0)], 1000: [measured(10.0)]}
    square = linear | {1000: [measured(100.0)]}
    for grown, power, is_met in ((linear, 1.0, True), (square, 2.0, False)):
        (row,) = [row for row in growth_rows(grown) if "processor time grows" in row.name]
        assert row.value == pytest.approx(power)
        assert row.is_met is is_met
    assert "from 100 to 1,000" in row.name


def test_rounds_without_a_model_miss_the_goal_and_the_lost_are_counted():
    rounds = [measured(1.0, b="no_answer"), measured(1.0, RoundPhase.SKIPPED, b="not_drawn", c="straggler")]
    rows = {row.name.partition(",")[0]: row for row in lived_rows(rounds)}
    assert (rows["rounds that made a model"].value, rows["rounds that made a model"].is_met) == (1, False)
    assert rows["of whom slow or dead"].value == 1


def test_the_page_has_a_column_for_each_federation_and_a_row_for_each_rule():
    rows = [*growth_rows({10: [measured(1.0)], 20: [measured(2.0)]}), *rule_rows(6)]
    text = rounds_table({"federation": Kept(rows, MACHINE)})
    assert "|  | 10 devices | 20 devices |" in text
    assert "| the coordinator's processor time a round | 1.00 s (1.00 to 1.00) | 2.00 s (2.00 to 2.00) |" in text
    assert all(f"| memory of {rule}, 6 updates" in text for rule in ("fedavg", "krum", "trimmed-mean"))
    assert rounds_table({}) == ""


def test_a_device_of_the_bench_comes_nearer_to_a_point_of_its_own_and_leaves_alone_what_nobody_trains():
    weights = {"w": np.ones((3, 4), np.float32), "context_mean": np.ones(2, np.float32)}
    training, course = LeastSquares(), Course(1, 32, 1e-3, seed=0)
    first, second = (training.train(weights, training.examples(name), course) for name in ("a", "b"))
    assert first.loss_after == pytest.approx((1 - STEP) ** 2 * first.loss_before, rel=1e-5)
    assert training.loss(first.weights, Point("a"), 32) == first.loss_after
    np.testing.assert_array_equal(first.weights["context_mean"], weights["context_mean"])
    assert np.abs(first.weights["w"] - second.weights["w"]).max() > 0
    np.testing.assert_array_equal(training.train(weights, Point("a"), course).weights["w"], first.weights["w"])
