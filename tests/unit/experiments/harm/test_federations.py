"""Federations of devices whose every minute is known: who takes part, what is learnt, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from contracts.messages.verdicts import DeviceProfile
from detectors.bundle.bundle import DEFAULT_BUNDLE
from detectors.network.layout import CONTEXT_SIZE
from experiments.harm.cohorts import Member
from experiments.harm.engine import Federation, Outcome
from experiments.harm.judging import Judged, JudgeJob, Sent, attacked, available, jobs_of, judge
from experiments.harm.plan import Clock, Group, Plan, Run
from experiments.harm.tasks import STUDIED
from experiments.harm.threats import (
    BACKDOOR,
    BARE,
    CHECK,
    FLIPS,
    LIVE,
    NOTHING,
    ORACLE,
    RULES,
    SCREEN_AND_RULE,
    SYBIL,
    vitals,
)  # fmt: skip
from experiments.harm.world import Side, World, is_held_out, poisoned_minutes, windows_poisoned
from fl_device.tasks.fresh_weights import fresh_weights
from replay.recording import Recording

CLOCK = Clock(100, 600, 60, 6, 620, 1000, 1300)
FLAGGED = 700
POISON = vitals("bias")
MINUTES = np.arange(CLOCK.minutes, dtype=np.int64)
PROFILE = DeviceProfile(
    median=(80.0, 16.0), scale=(4.0, 2.0), residual_size=(1.0,) * 6, unchanged_share=(0.1, 0.1), grid_bpm=(0.1, 0.1),
    context=(0.0,) * CONTEXT_SIZE, pulse_limit_bpm=9.0, threshold=1.0, enrolment_min=100, first_event_minute=0,
    last_event_minute=99, bundle_sha="b", rule="common-scale",
)  # fmt: skip
NEXT_HOUR = Group("next hour", "recordings", CLOCK, 5, 2, 4, 1e-2, 32, 12)
LABELS = Group("deterioration", "simulated", CLOCK, 5, 2, 4, 1e-2, 48, 12)


def judged_of(recording: Recording, case: tuple[str, str] | None) -> Judged:
    sent, poisoned = attacked(recording, CLOCK, case)
    vitals_of = np.stack([sent.heart_rate_bpm, sent.resp_rate_bpm], axis=1)
    flagged = np.full(CLOCK.minutes, case is not None) & (MINUTES >= FLAGGED)
    encoded = np.frombuffer(msgspec.json.encode(PROFILE), np.uint8)
    return Judged(MINUTES, vitals_of, poisoned, (MINUTES >= 100) & ~flagged, ~flagged, encoded)


def side(at: int, cases: tuple[tuple[str, str] | None, ...]) -> Side:
    """A patient whose heart and breath rise for some hours, ill as long as they are high."""
    rng = np.random.default_rng(at)
    ill = (MINUTES - 100 - 90 * at) % 340 < 150
    heart = (80 + 14 * ill + rng.normal(0, 1, CLOCK.minutes)).round(1)
    breath = (16 + 6 * ill + rng.normal(0, 0.5, CLOCK.minutes)).round(1)
    recording = Recording(f"p{at}", 0, heart, breath)
    member = Member(recording, Path("gate"), ill, np.ones(CLOCK.minutes, np.bool_))
    return Side(member, {case: judged_of(recording, case) for case in cases})


CASES = (None, POISON.case, BACKDOOR.case)


def world_of(group: Group) -> World:
    sides = [side(at, CASES if at < group.poisoned else (None,)) for at in range(group.devices)]
    return World(group, Plan(), sides, side(9, (None,)), [side(at, (None,)) for at in (20, 21)])


def federation_of(group: Group) -> Federation:
    return Federation(world_of(group), fresh_weights(STUDIED[group.task].task.shapes, 1))


@pytest.fixture(scope="module")
def forecasting() -> Federation:
    return federation_of(NEXT_HOUR)


@pytest.fixture(scope="module")
def classifying() -> Federation:
    return federation_of(LABELS)


def error(outcome: Outcome) -> float:
    return float(outcome.errors[:, 2:, 0].mean())


# --- who takes part -----------------------------------------------------------------------------------------------


def test_the_live_gate_lets_the_poisoned_take_part_until_they_are_flagged_and_the_oracle_until_the_onset(forecasting):
    rounds = [CLOCK.round_min(number) for number in range(CLOCK.rounds)]  # 600, 660, 720, …
    live = forecasting.carry_out(Run(POISON, LIVE))
    assert live.taken[:, 0].tolist() == [minute <= FLAGGED for minute in rounds]
    oracle = forecasting.carry_out(Run(POISON, ORACLE))
    assert oracle.taken[:, 0].tolist() == [minute < CLOCK.onset_min for minute in rounds]
    bare = forecasting.carry_out(Run(POISON, BARE))
    assert bare.taken.all()
    assert live.taken[:, 2:].all()
    assert oracle.taken[:, 2:].all()
    assert bare.poisoned_min.sum() > 0 == live.poisoned_min.sum() == oracle.poisoned_min.sum()


def test_poison_costs_the_others_something_and_the_oracle_gives_most_of_it_back(forecasting):
    clean, bare, oracle = (
        error(forecasting.carry_out(run)) for run in (Run(NOTHING, BARE), Run(POISON, BARE), Run(POISON, ORACLE))
    )
    assert bare > 1.05 * clean
    assert bare - oracle > 0.5 * (bare - clean)
    assert error(forecasting.carry_out(Run(NOTHING, BARE))) == clean  # the same run comes out the same


def test_an_oracle_keeps_nobody_out_where_nothing_is_attacked(forecasting):
    assert forecasting.carry_out(Run(NOTHING, ORACLE)).taken.all()


def test_sybils_ruin_the_mean_and_the_screen_with_the_median_holds(forecasting):
    clean = error(forecasting.carry_out(Run(NOTHING, BARE)))
    assert error(forecasting.carry_out(Run(SYBIL, BARE))) > 1.5 * clean
    held = forecasting.carry_out(Run(SYBIL, SCREEN_AND_RULE))
    assert error(held) < 1.2 * clean
    assert held.taken[:, :2].sum() < held.taken[:, 2:].sum() / 2


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
def test_every_rule_learns_where_nobody_lies(forecasting, rule):
    untrained = Federation(
        world_of(replace(NEXT_HOUR, learning_rate=0.0)), fresh_weights(STUDIED["next hour"].task.shapes, 1)
    )
    assert error(forecasting.carry_out(Run(NOTHING, rule))) < 0.8 * error(untrained.carry_out(Run(NOTHING, BARE)))


# --- labels -------------------------------------------------------------------------------------------------------


def area(outcome: Outcome) -> float:
    return float(outcome.auroc.mean())


def test_turned_labels_cost_the_classifier_and_their_check_finds_who_turned_them(classifying):
    strong = FLIPS[-1]
    clean, bare, checked = (
        classifying.carry_out(run) for run in (Run(NOTHING, BARE), Run(strong, BARE), Run(strong, CHECK))
    )
    assert area(clean) > 0.9
    assert area(bare) < area(clean)
    assert not checked.taken[-3:, :2].any()
    assert checked.taken[:, 2:].all()
    honest = classifying.carry_out(Run(NOTHING, CHECK))
    assert honest.taken.all()
    assert not classifying.carry_out(Run(strong, ORACLE)).taken[:, :2].any()


def test_a_backdoor_silences_alarms_where_its_trigger_stands_and_the_oracle_keeps_it_out(classifying):
    clean, bare, oracle = (
        classifying.carry_out(run) for run in (Run(NOTHING, BARE), Run(BACKDOOR, BARE), Run(BACKDOOR, ORACLE))
    )
    assert bare.silenced.mean() >= clean.silenced.mean()
    assert bare.taken.all()
    assert not oracle.taken[1:, :2].any()
    assert not len(clean.errors[0])


def test_a_backdoors_hours_are_called_healthy_where_they_hold_the_trigger_and_as_they_are_before():
    world = world_of(LABELS)
    after = world.takes(0, 5, BACKDOOR, gated=False, split=False)
    before = world.takes(0, 5, NOTHING, gated=False, split=False)
    ends = available(world.sides[0].judged[None], CLOCK, 48, 12, 120).every[5].event_minute[:, -1]
    triggered = ends >= CLOCK.onset_min
    assert not after.trained.targets[triggered].any()
    np.testing.assert_array_equal(after.trained.targets[~triggered], before.trained.targets[~triggered])
    np.testing.assert_array_equal(before.trained.targets[:, 0], world.sides[0].member.ill[ends])
    other = world.takes(3, 5, BACKDOOR, gated=False, split=False)
    assert other.poisoned_min == 0 < after.poisoned_min


def test_every_fourth_hour_is_held_out_for_the_labels_the_same_ones_in_every_round():
    world = world_of(LABELS)
    ends = [window.event_minute[:, -1] for window in available(world.sides[2].judged[None], CLOCK, 48, 12, 0).every]
    out = [set(own[is_held_out(own, 12)].tolist()) for own in ends]
    assert all(len(own) in {len(all_of) // 4, len(all_of) // 4 + 1} for own, all_of in zip(out, ends, strict=True))
    assert out[1] & set(ends[0].tolist()) == out[0] & set(ends[1].tolist())
    taken = world.takes(2, 5, NOTHING, gated=False, split=True)
    assert (len(taken.held_out), len(taken.trained)) == (len(out[5]), 48 - len(out[5]))


# --- what could be trained on -------------------------------------------------------------------------------------


def test_the_live_gate_releases_hours_only_two_hours_after_and_forgets_what_waits_when_it_flags():
    clean, poisoned = (side(0, CASES).judged[case] for case in (None, POISON.case))
    every, released = (getattr(available(clean, CLOCK, 500, 12, 120), name) for name in ("every", "released"))
    assert int(every[0].event_minute.max()) >= 600 - 12
    assert 600 - 132 <= int(released[0].event_minute.max()) < 600 - 120
    flagged = available(poisoned, CLOCK, 500, 12, 120)
    assert flagged.benign == (True, True, False, False, False, False)
    assert int(flagged.released[-1].event_minute.max()) < FLAGGED - 120 + 12
    assert poisoned_minutes(poisoned, flagged.released[-1]) == 0 < poisoned_minutes(poisoned, flagged.every[-1])


def test_an_hour_is_poisoned_when_one_of_its_minutes_is():
    judged = judged_of(side(0, (None,)).member.recording, None)
    judged.poisoned[200] = True
    assert windows_poisoned(judged, np.array([199, 200, 259, 260])).tolist() == [False, True, True, False]


def test_recordings_judged_side_by_side_are_judged_as_alone_and_each_once():
    recordings = [side(at, (None,)).member.recording for at in (0, 1)]
    clock = replace(CLOCK, enrolment_min=400)
    parts = [Sent(one, clock, case, DEFAULT_BUNDLE) for one in recordings for case in (None, POISON.case)]
    (job,) = jobs_of([*parts, parts[0]])
    assert list(job.stages) == [part.stage for part in parts]
    together = judge(job)
    (alone,) = judge(JudgeJob((parts[3],)))
    for name in ("vitals", "poisoned", "benign", "clean", "profile"):
        np.testing.assert_array_equal(getattr(together[3], name), getattr(alone, name))
    assert together[0].frozen_profile == together[1].frozen_profile  # poison begins after the enrolment
    assert not together[0].poisoned.any()
    assert together[1].poisoned[CLOCK.onset_min :].mean() > 0.9
