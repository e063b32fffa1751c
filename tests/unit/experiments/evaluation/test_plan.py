"""Which patients and attacks an evaluation is made of, and which patients are refused."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.errors import Misconfigured
from contracts.event_time import to_event_minute
from detectors.training.cohort import UnmarkedStay
from detectors.training.patients import patient_of
from experiments.common.forecast_times import episodes_of
from experiments.common.injection import core_cases
from experiments.evaluation.judging.runs import capped
from experiments.evaluation.measurement.cohort import check_cohort, cohort_of, limited, simulated_cohort
from experiments.evaluation.measurement.families import NAMES, RESEMBLES, learnt_without, look_alikes
from experiments.evaluation.measurement.measuring import KINDS, ONSET_MIN, phase_of, slow_attacks
from experiments.evaluation.plan import plan_for
from fedsecure.simulated import simulated_stays
from replay.attacks import ATTACKS
from replay.recording import Recording
from replay.sources.synthetic import synthetic_recording

DAY = 1440


def stay(name: str, minutes: int) -> Recording:
    rng = np.random.default_rng(len(name))
    heart, breath = (np.round(rng.normal(mean, 1, minutes), 1) for mean in (80.0, 15.0))
    return Recording(name, 100, heart, breath)


def test_the_core_comes_first_and_is_all_that_is_learnt():
    full, quick, own = plan_for([]), plan_for([], quick=True), plan_for(["bias", "motif"], quick=True)
    assert full.cases[: len(core_cases())] == core_cases() == quick.cases
    assert {name for name, _ in full.cases} == set(ATTACKS)
    assert {name for name, _ in own.cases} - {name for name, _ in core_cases()} == {"bias"}
    assert full.learnt == frozenset(range(len(core_cases())))
    assert (full.all_seeds, quick.all_seeds) == ((1, 2, 3), (1,))
    with pytest.raises(Misconfigured, match="three are the least"):
        plan_for([], folds=2)


def test_a_quick_plan_takes_its_patients_from_all_of_them_and_cuts_their_stays():
    plan = plan_for([], quick=True)
    chosen = limited([stay(f"p{place}", 9 * DAY) for place in range(100)], plan)
    assert len(chosen) == plan.patients
    assert (chosen[0].device_id, chosen[-1].device_id) == ("p0", "p99")
    assert {one.minutes for one in chosen} == {plan.days * DAY}


def test_simulated_patients_are_half_in_whole_numbers_and_nobody_trained_on_them():
    plan = plan_for([], simulated=6)
    stays = simulated_cohort(plan)
    assert [one.recording.resolution_bpm for one in stays] == [0.1] * 3 + [1.0] * 3
    assert sum(one.deteriorating.any() for one in stays) == 2
    taught = {
        one.recording.device_id
        for use in ("references", "network", "canary")
        for one in simulated_stays(use, 1, quick=True)
    }
    assert not taught & {one.recording.device_id for one in stays}


def test_a_patient_that_taught_the_network_or_is_in_twice_is_refused():
    recordings = [stay(f"p{place}", DAY) for place in range(6)]
    cohort = cohort_of(recordings, [])
    check_cohort(cohort, {}, 3)
    with pytest.raises(Misconfigured, match="p3 is to be judged, and the bundle's network learnt from it"):
        check_cohort(cohort, {"data": {"network": ["p3"]}}, 3)
    with pytest.raises(Misconfigured, match="p1 is among the judged"):
        check_cohort(cohort_of([*recordings, recordings[1]], []), {}, 3)
    with pytest.raises(Misconfigured, match="5 patients last the 14 hours"):
        check_cohort(cohort_of([*recordings[:5], stay("short", 700)], []), {}, 3)


def test_episodes_are_those_of_the_groups_with_hypotension(tmp_path):
    file = tmp_path / "forecast_times.csv"
    file.write_text("device_id,group,t0\na,h1,2150-01-08T18:30:00Z\nb,c1,2150-01-08T18:30:00Z\n")
    minute = next(iter(episodes_of([file]).values()))
    assert episodes_of([file]) == {"a": minute}
    from datetime import UTC, datetime  # noqa: PLC0415 - the one place that counts it

    assert minute == to_event_minute(datetime(2150, 1, 8, 18, 30, tzinfo=UTC))


def test_slow_attacks_grow_for_days_and_are_held_for_one():
    patient = patient_of(UnmarkedStay(synthetic_recording(3, 1, 6 * DAY)), 0, DAY)
    found = list(slow_attacks(patient, seed=1))
    assert {(one.kind, one.days) for one in found} == {(kind, days) for kind in range(len(KINDS)) for days in (1, 2)}
    level = next(one for one in found if list(KINDS.values())[one.kind] == "backdoor-1" and one.days == 1)
    attacked, own = level.patient.recording, patient.recording
    onset = int(patient.minutes.event_minute[ONSET_MIN]) - own.first_event_minute
    more = attacked.heart_rate_bpm - own.heart_rate_bpm[: len(attacked.heart_rate_bpm)]
    assert np.nanmax(np.abs(more[:onset])) == 0
    assert np.nanmedian(more[onset + 680 : onset + 760]) == pytest.approx(15, abs=1.5)
    assert np.nanmedian(more[onset + DAY :]) == pytest.approx(30, abs=1)
    assert not list(slow_attacks(patient_of(UnmarkedStay(synthetic_recording(3, 1, 3 * DAY)), 0, DAY), seed=1))


def test_the_phases_of_a_slow_attack():
    minutes = np.array([99, 100, 100 + DAY - 1, 100 + DAY])
    assert phase_of(minutes, 100, 1).tolist() == [0, 1, 1, 2]


def test_a_capped_baseline_moves_by_half_a_standard_deviation_a_day():
    mean = np.concatenate([np.zeros((20, 1)), np.full((200, 1), 5.0)])
    moved = capped(mean, np.ones((220, 1)), enrolled=20)
    assert (moved[:20] == 0).all()
    assert moved[20 + 95, 0] == pytest.approx(0.5)
    assert np.diff(moved[:, 0]).max() <= 0.5 / 12 + 1e-12


def test_a_family_is_left_out_with_what_resembles_it():
    bits = np.array([0, 1 << NAMES.index("band_noise"), 1 << NAMES.index("tone"), (1 << NAMES.index("tone")) | 1])
    assert look_alikes(bits, "data-poisoning-1")[1]
    assert not look_alikes(bits, "data-poisoning-1")[[0, 2]].any()
    assert look_alikes(bits, "motif")[2:].all()
    assert set().union(*RESEMBLES.values()) <= set(NAMES)
    left = learnt_without(core_cases(), frozenset(range(len(core_cases()))), "motif")
    assert {core_cases()[place][0] for place in left} == {name for name, _ in core_cases()} - {"motif"}
