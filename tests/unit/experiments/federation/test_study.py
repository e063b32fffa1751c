"""The federation study's engine on a network of one number, where every round can be worked by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from contracts.messages.verdicts import DeviceProfile
from detectors.network.layout import CONTEXT_SIZE
from experiments.federation.engine import Federation, Outcome, World
from experiments.federation.files import results_document, tables
from experiments.federation.page import build_page, goal_table, label_table, run_table
from experiments.federation.plan import BASELINE, FLIP, FULL, POISONED, QUICK, Run, baseline_of, runs
from experiments.federation.results import final_loss, goals, paired_ratio, recovered, rows
from experiments.federation.study import Study, study_options
from experiments.federation.tasks import (
    STUDIED,
    HeldOut,
    Studied,
    labels_right,
    minutes_within_tolerance,
    next_within_tolerance,
)
from experiments.federation.timeline import Moment, Timeline, poisoned_minutes
from experiments.federation.update_attacks import ATTACKS, Seen, liars
from experiments.privacy.study import PrivateFederation
from fl_device.tasks.layers import squared_error
from fl_device.tasks.task import Examples
from fl_device.training.own_windows import TrainingWindows
from fl_device.training.privacy import UpdatePrivacy

ROUNDS = 4
PLAN = replace(
    FULL, seeds=(1,), rounds=ROUNDS, first_round_min=100, between_rounds_min=50, onset_min=140, batch_size=4,
    learning_rate=0.05, attacks=("data-poisoning-2",), update_attacks=("scaling",),
)  # fmt: skip


PROFILE = DeviceProfile(
    median=(0.0, 0.0), scale=(1.0, 1.0), residual_size=(1.0,) * 6, unchanged_share=(0.1, 0.1), grid_bpm=(0.1, 0.1),
    context=(0.0,) * CONTEXT_SIZE, pulse_limit_bpm=9.0, threshold=1.0, enrolment_min=600, first_event_minute=0,
    last_event_minute=599, bundle_sha="b", rule="common-scale",
)  # fmt: skip


class Level:
    """One number, the level that every minute of a window is thought to have."""

    name = "level"
    shapes = MappingProxyType({"kernel": (2, 2), "bias": (2,)})

    def output(self, weights, inputs):
        return (0 * inputs) @ weights["kernel"] + weights["bias"]

    def loss(self, weights, inputs, targets):
        return squared_error(self.output(weights, inputs), targets)

    def examples(self, hours):
        return Examples(hours.z, hours.z)


LEVEL = Studied(Level(), minutes_within_tolerance)


def windows(level: float, first: int = 0, count: int = 4) -> TrainingWindows:
    minutes = first + 60 * np.arange(count)[:, None] + np.arange(60)
    values = np.full((count, 60, 2), level, np.float32)
    return TrainingWindows(values, minutes.astype(np.int64), np.ones_like(values))


def line(at: int, level: float, *, flagged_from: int = ROUNDS, delayed: bool = True) -> Timeline:
    moments = []
    for number in range(ROUNDS):
        found = windows(level)
        kinds = dict.fromkeys(("all", "at_once", "delayed", "but_held_out"), found)
        kinds |= {} if delayed else {"delayed": windows(level, count=0)}
        moments.append(Moment(number < flagged_from, kinds, windows(level, first=600)))
    return Timeline(f"d{at}", tuple(moments), PROFILE)


def held_out(level: float) -> HeldOut:
    values = np.full((2, 60, 2), level, np.float32)
    return HeldOut(values, values, values, np.zeros(2), np.ones(2))


@pytest.fixture(scope="module")
def world() -> World:
    levels = (1.0, 1.1, 0.9, 1.0, 1.05)
    poisoned = np.zeros(1000, np.bool_)
    poisoned[100:160] = True
    return World(
        clean=tuple(line(at, level) for at, level in enumerate(levels)),
        attacked={"data-poisoning-2": line(POISONED, 9.0, flagged_from=2)},
        poisoned={"data-poisoning-2": poisoned},
        held_out=tuple(held_out(level) for level in levels),
        first_event_minute=0,
        initial={"kernel": np.zeros((2, 2), np.float32), "bias": np.zeros(2, np.float32)},
    )


@pytest.fixture(scope="module")
def federation(world: World) -> Federation:
    return Federation(LEVEL, PLAN, world)


def carried_out(federation: Federation, run: Run) -> Outcome:
    return federation.carry_out(run, lambda share: None)


def test_a_clean_federation_learns_and_everybody_counts(federation):
    outcome = carried_out(federation, Run(BASELINE))
    assert outcome.asked.all()
    assert outcome.taken.all()
    assert (np.diff(outcome.loss.mean(axis=1)) < 0).all()
    assert not outcome.poisoned.any()
    assert (outcome.sent_bytes > 0).all()
    again = carried_out(federation, Run(BASELINE))
    np.testing.assert_array_equal(again.loss, outcome.loss)


def test_the_live_gate_takes_the_poisoned_device_until_it_is_flagged_and_the_oracle_from_the_onset_on(federation):
    live = carried_out(federation, Run("x", "data-poisoning-2", "live"))
    assert live.taken[:, POISONED].tolist() == [True, True, False, False]
    oracle = carried_out(federation, Run("x", "data-poisoning-2", "oracle"))  # rounds at 100, 150, …; the onset at 140
    assert oracle.taken[:, POISONED].tolist() == [True, False, False, False]
    nobody = carried_out(federation, Run("x", "data-poisoning-2"))
    assert nobody.taken.all()
    assert nobody.poisoned.sum(axis=0).tolist() == [0, ROUNDS * 60, 0, 0, 0]
    assert live.poisoned.sum() == 2 * 60


def test_the_poison_moves_the_mean_and_not_the_trimmed_mean(federation):
    clean = final_loss(carried_out(federation, Run(BASELINE)))
    assert final_loss(carried_out(federation, Run("x", update_attack="sign-flip"))) > 1.2 * clean
    for attack, is_seen in (("sign-flip", True), ("scaling", True), ("ipm", True), ("alie", False)):
        defended = carried_out(federation, Run("x", rule="trimmed-mean", screen=True, update_attack=attack))
        assert final_loss(defended) < 1.1 * clean
        assert defended.taken[:, POISONED].any() != is_seen


def test_a_model_that_the_devices_find_worse_does_not_count_and_an_honest_one_does(federation):
    lied = Run("x", gate="live", accept=True, update_attack="sybil")
    outcome = carried_out(federation, lied)
    assert (outcome.change > PLAN.tolerance).all()
    assert outcome.asked.all()
    assert not outcome.taken.any()
    np.testing.assert_array_equal(outcome.loss[0], outcome.loss[-1])
    undefended = carried_out(federation, replace(lied, accept=False))
    assert final_loss(undefended) > final_loss(outcome)
    honest = carried_out(federation, Run("x", gate="live", accept=True))
    assert (honest.change < 0).all()
    assert honest.taken.all()


def test_an_absent_device_and_one_without_released_windows_take_no_part(world):
    assert not carried_out(Federation(LEVEL, PLAN, world), Run("x", absent=True)).asked[:, POISONED].any()
    waiting = replace(world, clean=(line(0, 1.0, delayed=False), *world.clean[1:]))
    federation = Federation(LEVEL, PLAN, waiting)
    assert not carried_out(federation, Run("x", gate="live")).asked[:, 0].any()
    assert carried_out(federation, Run("x", gate="live", delay=False)).asked.all()


def test_below_the_quorum_the_model_stays(world):
    alone = replace(world, clean=tuple(line(at, 1.0, flagged_from=2 if at > 1 else ROUNDS) for at in range(5)))
    outcome = carried_out(Federation(LEVEL, PLAN, alone), Run("x", gate="live"))
    assert outcome.asked.sum(axis=1).tolist() == [5, 5, 2, 2]
    assert outcome.taken.sum(axis=1).tolist() == [5, 5, 0, 0]
    np.testing.assert_array_equal(outcome.loss[1], outcome.loss[3])


class Coin(Level):
    """One number, the share of ones that every window's label is thought to have."""

    name = "coin"

    shapes = MappingProxyType({"kernel": (2, 1), "bias": (1,)})

    def output(self, weights, inputs):
        return (0 * inputs[:, 0]) @ weights["kernel"] + weights["bias"]

    def examples(self, hours):
        return Examples(hours.z, np.ones((len(hours), 1), np.float32))


def test_flipped_labels_are_trained_on_by_dev2_and_dev3_and_by_nobody_behind_an_oracle(world):
    ones = tuple(replace(one, targets=np.ones((2, 1), np.float32)) for one in world.held_out)
    initial = {"kernel": np.zeros((2, 1), np.float32), "bias": np.zeros(1, np.float32)}
    federation = Federation(Studied(Coin(), labels_right), PLAN, replace(world, held_out=ones, initial=initial))
    clean = carried_out(federation, Run("x"))
    bare = carried_out(federation, Run("x", flipped=2))
    oracle = carried_out(federation, Run("x", flipped=2, gate="oracle"))
    assert bare.loss[-1].mean() > 1.2 * clean.loss[-1].mean()
    assert oracle.asked.sum(axis=1).tolist() == [3] * ROUNDS
    assert not oracle.asked[:, POISONED : POISONED + 2].any()
    np.testing.assert_allclose(oracle.loss, clean.loss, rtol=1e-4)


def test_quantiles_of_what_the_detector_saw_of_dev2_are_those_of_the_line_that_the_run_took(world):
    scored = replace(world.attacked["data-poisoning-2"], margin=np.float32([0, 1, 2]), error=np.float32([4, 4, 4]))
    federation = Federation(LEVEL, PLAN, replace(world, attacked={"data-poisoning-2": scored}))
    attacked = carried_out(federation, Run("x", "data-poisoning-2"))
    assert (attacked.margin[0], attacked.margin[50], attacked.margin[100]) == (0, 1, 2)
    assert (attacked.error == 4).all()
    assert not len(carried_out(federation, Run("x")).margin)


def test_poisoned_minutes_are_counted_once_however_many_windows_hold_them():
    poisoned = np.zeros(300, np.bool_)
    poisoned[90:100] = True
    nothing = np.zeros((2, 60, 2), np.float32)
    twice = TrainingWindows(nothing, np.array([np.arange(1050, 1110), np.arange(1058, 1118)]), nothing)
    assert poisoned_minutes(twice, 1000, poisoned) == 10
    assert poisoned_minutes(windows(1.0, count=0), 1000, poisoned) == 0


# --- when an answer is right -----------------------------------------------------------------------------------------


def test_a_forecast_is_right_about_the_last_minute_and_a_label_on_its_side_of_a_half():
    data = held_out(60.0)
    assert next_within_tolerance(data, np.array([[60.0, 60.0], [70.0, 60.0]], np.float32)) == 0.5
    assert minutes_within_tolerance(data, data.values) == 1.0
    told = replace(data, targets=np.array([[0.0], [1.0]], np.float32))
    assert labels_right(told, np.array([[0.4], [0.4]], np.float32)) == 0.5


def test_every_run_has_a_task_that_is_studied_and_a_baseline_that_is_run():
    names = {run.name for run in runs(FULL)}
    for run in runs(FULL):
        assert run.task in STUDIED
        assert baseline_of(run) in names


# --- attacks on updates -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("sign-flip", [-4.0, -8.0]),
        ("scaling", [10.0, 20.0]),
        ("alie", [1.0, 4.0]),  # mean (2, 4), standard deviation (1, 0)
        ("ipm", [-1.0, -2.0]),
        ("free-rider", [0.0, 0.0]),
        ("sybil", [-4.0, -8.0]),
    ],
)
def test_what_a_liar_sends_worked_by_hand(name, sent):
    seen = Seen(np.array([1.0, 2.0]), np.array([[1.0, 4.0], [3.0, 4.0]]), np.random.default_rng(0))
    np.testing.assert_allclose(ATTACKS[name](seen), sent)


def test_noise_is_ten_times_as_large_as_an_honest_change():
    seen = Seen(np.zeros(4000), np.full((3, 4000), 2.0), np.random.default_rng(0))
    assert ATTACKS["gaussian"](seen).std() == pytest.approx(20, rel=0.05)


def test_a_sybil_is_two_devices():
    assert liars("scaling", 1, 5) == [1]
    assert liars("sybil", 1, 5) == [1, 2]


# --- what is made of it -------------------------------------------------------------------------------------------


def outcome(loss: float) -> Outcome:
    return replace(Outcome.empty(ROUNDS, 5), loss=np.full((ROUNDS, 5), loss))


def test_ratios_are_paired_by_seed_and_their_interval_is_students():
    baselines = [outcome(1.0), outcome(2.0), outcome(4.0)]
    ratio = paired_ratio([outcome(2.0), outcome(4.0), outcome(8.0)], baselines)
    assert (ratio.value, ratio.low, ratio.high, ratio.n) == pytest.approx((2, 2, 2, 3))
    ratio = paired_ratio([outcome(1.0), outcome(4.0), outcome(16.0)], baselines)
    half = 4.302653 * math.log(2) / math.sqrt(3)  # Student's 97.5 % point for two degrees of freedom
    assert ratio.value == pytest.approx(2)
    assert ratio.high == pytest.approx(2 * math.exp(half), rel=1e-5)
    assert math.isnan(paired_ratio([outcome(2.0)], [outcome(1.0)]).low)


def told(share: float) -> Outcome:
    return replace(Outcome.empty(ROUNDS, 5), accuracy=np.full((ROUNDS, 5), share))


def test_what_a_defence_brings_back_is_a_share_of_what_the_attack_costs():
    clean, bare = [told(0.9), told(0.8)], [told(0.7), told(0.7)]
    half = recovered(clean, bare, [told(0.8), told(0.75)])
    assert (half.value, half.low, half.high, half.n) == pytest.approx((0.5, 0.5, 0.5, 2))
    assert math.isnan(recovered(clean, [told(0.9), told(0.7)], clean).value)


def study_of(losses: dict[str, float], plan=QUICK) -> Study:
    return Study(plan, "b" * 64, {run.name: [outcome(losses.get(run.name, 1.0))] for run in runs(plan)})


def test_goals_are_met_or_missed_by_what_was_measured():
    found = {one.name: one for one in goals(study_of({"data-poisoning-2, no gate": 2.5}))}
    assert found["DP2, no gate, loss / baseline"].value == pytest.approx(2.5)
    assert found["DP2, no gate, loss / baseline"].met
    assert found["data-poisoning-2, live gate, loss / baseline"].met
    missed = {one.name: one for one in goals(study_of({"data-poisoning-2, live gate": 1.06}))}
    assert missed["data-poisoning-2, live gate, loss / baseline"].met is False
    assert missed["DP2, no gate, loss / baseline"].met is False


def test_every_run_is_in_the_tables_the_files_and_the_page():
    study = study_of({"data-poisoning-2, no gate": 2.5})
    names = [run.name for run in runs(QUICK)]
    assert len(names) == len(set(names))
    assert [row.run for row in rows(study)] == names == [line[0] for line in run_table(study).rows]
    document = results_document(study, "fedsecure federate --out DIR --quick")
    assert {len(text.splitlines()) for name, text in tables(document).items() if name == "runs.csv"} == {len(names) + 1}
    page = build_page(study, "fedsecure federate")
    for name in names:
        assert name in page
    assert len(goal_table(study).rows) == len(document["goals"])
    assert [line[0] for line in label_table(study).rows] == [
        name.removeprefix("classification, ") for name in names if name.startswith("classification")
    ]
    assert f"{FLIP}, oracle gate" in names


def test_a_study_kept_under_another_plan_or_detector_is_not_used():
    assert study_options(QUICK, "a") != study_options(QUICK, "b")
    assert study_options(QUICK, "a") != study_options(replace(QUICK, rounds=7), "a")
    assert study_options(QUICK, "a") == study_options(replace(QUICK, seeds=(1, 2)), "a")  # more seeds use what is there


# --- protected updates --------------------------------------------------------------------------------------------


def test_protected_updates_are_as_short_as_set_and_noise_of_one_device_alone_is_put_out(world):
    federation = PrivateFederation(LEVEL, PLAN, world, seed=1)
    run = Run("x", rule="trimmed-mean", screen=True)
    free = carried_out(federation, run)
    assert len(federation.lengths) == ROUNDS * 5
    federation.privacy = UpdatePrivacy(clip=min(federation.lengths) / 10)
    clipped = carried_out(federation, run)
    assert len(federation.lengths) == ROUNDS * 5  # of unprotected updates alone
    assert clipped.taken.all()
    assert (np.diff(clipped.loss.mean(axis=1)) < 0).all()
    assert final_loss(clipped) > 1.2 * final_loss(free)  # a tenth of the way
    federation.privacy, federation.only = UpdatePrivacy(clip=1.0, noise=50.0), 0
    alone = carried_out(federation, run)
    assert not alone.taken[:, 0].any()
    assert alone.taken[:, 1:].all()
    again = carried_out(federation, run)
    np.testing.assert_array_equal(again.loss, alone.loss)
