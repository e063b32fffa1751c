"""Who takes part, who is attacked, and which hours have which label."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import Misconfigured
from detectors.bundle.bundle import DEFAULT_BUNDLE, load_bundle
from experiments.common.forecast_times import Due, episodes_of, forecasts_of
from experiments.harm import gates
from experiments.harm.cohorts import SIMULATED_TESTED, Sources, drawn
from experiments.harm.gates import FOLDS, folds_of
from experiments.harm.plan import BEFORE_FORECAST, FIVE, FULL, QUICK, TWO_DAYS, plan_for, runs_of
from replay.recording import Recording

GATE = Path("gate")
BY_NAME = {group.name: group for group in FULL.groups}


def recording(name: str, minutes: int, *, missing: float = 0.0) -> Recording:
    rng = np.random.default_rng(len(name))
    heart, breath = rng.normal(80, 5, minutes).round(1), rng.normal(16, 2, minutes).round(1)
    heart[: int(missing * minutes)] = np.nan
    return Recording(name, 1_000_000, heart, breath)


def sources(recordings: list[Recording], due: dict[str, Due] | None = None, five: tuple[str, ...] = ()) -> Sources:
    return Sources(recordings, dict.fromkeys((one.device_id for one in recordings), GATE), five, due or {}, GATE)


def test_only_recordings_that_last_and_were_measured_take_part_and_are_cut_to_the_clock():
    given = sources([recording("long", 3000), recording("short", 2000), recording("gap", 3000, missing=0.3)])
    (member,) = given.pool(BY_NAME["next hour, 2 of 5"], 1)
    assert (member.recording.device_id, member.recording.minutes) == ("long", TWO_DAYS.minutes)


def test_a_seed_draws_the_same_devices_for_every_share_and_another_seed_others():
    pool = sources([recording(f"p{at}", 2900) for at in range(22)]).pool(BY_NAME["next hour, 2 of 5"], 1)
    one, two, twenty = (drawn(BY_NAME[f"next hour, {share}"], pool, 1) for share in ("1 of 5", "2 of 5", "4 of 20"))
    assert one.devices == two.devices == twenty.devices[:5]
    assert one.root not in one.devices
    assert len(set(twenty.devices)) == 20
    assert drawn(BY_NAME["next hour, 1 of 5"], pool, 2).devices != one.devices
    with pytest.raises(Misconfigured, match="21 are needed"):
        drawn(BY_NAME["next hour, 4 of 20"], pool[:20], 1)


def test_the_five_take_turns_at_being_attacked():
    names = ("a", "b", "c", "d", "e")
    pool = sources([recording(name, 1400) for name in ("x", *names)], five=names).pool(FIVE[0], 1)
    first = [drawn(FIVE[0], pool, seed).devices[0].recording.device_id for seed in (1, 2, 6)]
    assert first == ["a", "b", "a"]


def test_hours_before_an_episode_are_labelled_and_those_of_which_nobody_knows_are_not():
    ill, well = recording("ill", 2000), recording("well", 2000)
    at = ill.first_event_minute + 1500
    given = sources([ill, well, recording("early", 2000)], {
        "ill": Due(at, True), "well": Due(at, False), "early": Due(ill.first_event_minute + 900, True),
    })  # fmt: skip
    members = {one.recording.device_id: one for one in given.pool(BY_NAME["hypotension, 4 of 10"], 1)}
    assert set(members) == {"ill", "well"}
    assert members["ill"].recording.first_event_minute == at - BEFORE_FORECAST
    assert np.flatnonzero(members["ill"].ill).tolist() == list(range(BEFORE_FORECAST - 59, BEFORE_FORECAST + 1))
    unknown = np.flatnonzero(~members["ill"].known)
    assert unknown.tolist() == [*range(BEFORE_FORECAST - 119, BEFORE_FORECAST - 59), *range(BEFORE_FORECAST + 1, 1200)]
    assert not members["well"].ill.any()
    assert members["well"].known.sum() == BEFORE_FORECAST + 1


def test_episodes_are_dealt_in_turn_and_a_classifier_is_measured_on_others():
    recordings = [recording(f"p{at}", 1400) for at in range(14)]
    due = {
        one.device_id: Due(one.first_event_minute + 1200, at % 2 == 0) for at, one in enumerate(recordings)
    }  # half had one
    group = BY_NAME["hypotension, 4 of 10"]
    draw = drawn(group, sources(recordings, due).pool(group, 1), 1)
    assert [member.ill.any() for member in draw.devices] == [True, False] * 5
    assert draw.root.ill.any()
    assert len(draw.tested) == 3
    assert not set(draw.tested) & {*draw.devices, draw.root}


def test_simulated_patients_know_when_they_deteriorate_and_the_tested_are_the_same_for_every_share():
    few = BY_NAME["deterioration, 2 of 5"]
    many = replace(few, devices=20, poisoned=4)
    one, other = (drawn(group, sources([]).pool(group, 1), 1) for group in (few, many))
    names = [[member.recording.device_id for member in draw.tested] for draw in (one, other)]
    assert names[0] == names[1]
    assert len(names[0]) == SIMULATED_TESTED
    assert [member.recording.device_id for member in other.devices[:5]] == [
        member.recording.device_id for member in one.devices
    ]
    everybody = [*other.devices, other.root, *other.tested]
    assert all(member.known.all() for member in everybody)
    assert 0 < sum(member.ill.any() for member in everybody) < len(everybody)
    assert len({member.recording.device_id for member in everybody}) == len(everybody)


def test_gates_are_fitted_in_two_halves_or_not_at_all():
    folds = folds_of([recording(f"p{at}", 700 + at) for at in range(21)])
    assert folds is not None
    assert sorted(folds.count(fold) for fold in range(FOLDS)) == [10, 11]
    assert folds_of([recording(f"p{at}", 700) for at in range(19)]) is None


def test_a_gate_has_not_met_whom_it_gates_and_is_fitted_once(tmp_path, monkeypatch):
    bundle, met = load_bundle(DEFAULT_BUNDLE), []

    def train(training, work, progress, carry_out):
        met.append({stay.recording.device_id for stay in training.populations[0].stays})
        assert training.network is bundle.parameters.network
        progress("calibration", 0.5, "two of four")
        return bundle

    monkeypatch.setattr(gates, "train_detector", train)
    recordings = [recording(f"p{at}", 700 + at) for at in range(20)]
    folds = folds_of(recordings)
    told = []

    def progress(name, share, text, *, kept=False):
        told.append((name, share, kept))

    def fitted():
        return gates.fitted_gates(recordings, folds, bundle, tmp_path, map, progress, quick=True)

    made = fitted()
    for fold in range(FOLDS):
        gated = {one.device_id for one, own in zip(recordings, folds, strict=True) if own == fold}
        assert not gated & met[fold]
        assert len(gated | met[fold]) == 20
        assert load_bundle(made[fold]).sha256 == bundle.sha256
    assert told[0] == (gates.GATES[0], 0.5, False)
    assert fitted() == made
    assert len(met) == FOLDS
    assert told[-1] == (gates.GATES[1], 1.0, True)


def test_forecast_times_tell_who_had_an_episode(tmp_path):
    file = tmp_path / "forecast_times.csv"
    file.write_text("device_id,group,t0\na,h1,1970-01-01T01:00:00Z\nb,c2,1970-01-01T02:00:00Z\n")
    assert forecasts_of([file]) == {"a": (60, True), "b": (120, False)}
    assert episodes_of([file]) == {"a": 60}


# --- the plan -----------------------------------------------------------------------------------------------------


def test_every_group_has_runs_that_differ_and_what_they_are_measured_against():
    for plan in (FULL, QUICK):
        for group in plan.groups:
            runs = runs_of(group, quick=plan.quick)
            names = [run.name for run in runs]
            assert len(names) == len(set(names))
            assert names[0] == "no attack / no defence"
            for run in runs:
                assert f"{run.threat.name} / no defence" in names


def test_what_the_recordings_do_not_hold_is_left_out_and_five_are_five():
    assert plan_for(2, five=(), has_forecasts=False, quick=False).seeds == (1, 2)
    cohorts = {group.cohort for group in plan_for(None, five=(), has_forecasts=False, quick=False).groups}
    assert cohorts == {"recordings", "simulated"}
    full = plan_for(None, five=tuple("abcde"), has_forecasts=True, quick=False)
    assert full == FULL
    with pytest.raises(Misconfigured, match="names 2 devices"):
        plan_for(None, five=("a", "b"), has_forecasts=True, quick=False)
    one = plan_for(None, ["deterioration"], five=(), has_forecasts=False, quick=False)
    assert {group.task for group in one.groups} == {"deterioration"}
    with pytest.raises(Misconfigured, match="no task 'sleep'; the tasks are deterioration, "):
        plan_for(None, ["sleep"], five=(), has_forecasts=False, quick=False)
    with pytest.raises(Misconfigured, match="nothing is left"):
        plan_for(None, ["hypotension"], five=(), has_forecasts=False, quick=False)
