"""What a promotion refuses before any work, and that its canary's patients are strangers to the new bundle."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from plain_detector import plain_bundle

from contracts.errors import Misconfigured
from detectors.bundle.bundle import save_bundle
from detectors.training.attacked import span_of
from detectors.training.canaries.verdict import CanaryResult
from detectors.training.cohort import AttackCase, Population, check_disjoint
from detectors.training.held_out import HeldOut
from detectors.training.patients import onsets_of, patient_of
from detectors.training.training import QUICK, Training, TrainingBudget
from experiments.common.injection import inject_case
from fedsecure.promotion.attempt import Promotion, candidate_bundle, check_promotable, write_report
from fedsecure.promotion.patients import check_recordings, divided, held_out_of, training_of
from fedsecure.simulated import SIMULATED, simulated_stays
from replay.sources.synthetic import synthetic_cohort, synthetic_stays

CASES = (("data-poisoning-1", "strong"), ("motif", "strong"))
REFERENCES = {"references": [{"real": True, "enrolled_min": {"synthetic-9-0003": 1440, "synthetic-9-0004": 600}}]}


def fitted_on_real(bundle):
    return replace(bundle, metadata={"data": REFERENCES, "budget": 0.05})


@pytest.fixture
def promotion(tmp_path):
    weights = plain_bundle(2).parameters.network
    stays = [synthetic_stays(place, 3, 900) for place in range(3)]
    training = Training(
        (Population("simulated", stays[0], is_real=False),), (), stays[1], CASES, inject_case, 1, network=weights
    )
    held_out = HeldOut(stays[2], [], CASES, inject_case, 1)
    return Promotion(weights, "m" * 64, replace(plain_bundle(1), sha256="p" * 64), training, held_out, tmp_path / "out")


def test_a_model_of_the_right_shape_is_accepted(promotion):
    check_promotable(promotion)


def test_other_shapes_and_numbers_that_are_none_are_refused(promotion):
    with pytest.raises(Misconfigured, match="not the detector's Bi-LSTM"):
        check_promotable(replace(promotion, weights={"w": np.zeros(3, np.float32)}))
    first, *_ = promotion.weights
    broken = dict(promotion.weights) | {first: np.full_like(promotion.weights[first], np.nan)}
    with pytest.raises(Misconfigured, match="not finite"):
        check_promotable(replace(promotion, weights=broken))


def test_the_model_that_runs_already_is_refused(promotion):
    with pytest.raises(Misconfigured, match="nothing to promote"):
        check_promotable(replace(promotion, weights=promotion.current.parameters.network))


def test_what_the_first_look_refuses_is_reported_though_nothing_lies_in_the_folder_yet(promotion):
    refused = CanaryResult(candidate_sha256="", current_sha256="c" * 64, passed=False, reason="real loss")
    write_report(promotion, refused)
    written = msgspec.json.decode((promotion.out / "canary.json").read_bytes())
    assert (written["model"], written["passed"], written["reason"]) == ("m" * 64, False, "real loss")
    assert written["held_out"] == [f"synthetic-2-000{place}" for place in range(3)]


def test_another_promotions_bundle_is_not_taken_for_this_one(promotion):
    promotion.folder.mkdir(parents=True)
    save_bundle(replace(plain_bundle(3), metadata={"promotion": promotion.card}), promotion.folder)
    heard = []
    found = candidate_bundle(promotion, lambda *said: heard.append(said))
    assert found.metadata["promotion"]["model"] == "m" * 64
    assert ("calibration", 1.0, "found finished") in heard
    training, held_out = promotion.training, promotion.held_out
    for other in (
        replace(promotion, model_sha256="n" * 64),
        replace(promotion, training=replace(training, seed=2)),
        replace(promotion, training=replace(training, effort=TrainingBudget(epochs=99))),
        replace(promotion, training=replace(training, populations=(Population("r", training.canary_stays, True),))),
        replace(promotion, held_out=replace(held_out, real=training.canary_stays)),
        replace(promotion, current=replace(promotion.current, sha256="q" * 64)),
    ):
        with pytest.raises(Misconfigured, match="another promotion"):
            candidate_bundle(other, lambda *said: None)


# --- who teaches and who judges ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 5])
def test_the_simulated_patients_who_judge_are_in_no_training(seed):
    held_out = held_out_of([], seed, quick=True)
    trained = [(f"{use} of {other}", simulated_stays(use, other, True)) for use in SIMULATED for other in (seed, 6)]
    check_disjoint([("canary's", held_out.simulated), *trained])
    assert {level for _, level in held_out.cases} == {"strong"}
    assert len(held_out.cases) >= 15


def test_every_attack_of_the_canary_can_begin_on_a_device_that_enrolled_for_ten_hours():
    (stay,) = synthetic_stays(77, 1, 2000)
    patient = patient_of(stay, 0)
    assert patient.profile.enrolment_min == 600
    held_out = held_out_of([], 1, quick=False)
    assert {level for _, level in held_out.cases} == {"medium", "strong"}
    assert ("replay", "strong") in held_out.cases
    assert ("replay", "medium") not in held_out.cases, "it sends what was 12 h before"
    for seed in range(40):
        for onset in onsets_of(patient, np.random.default_rng(seed))[0]:
            begin, end = span_of(patient, onset, 180)
            for name, level in held_out.cases if seed == 0 else [("replay", "strong"), ("jittered-replay", "strong")]:
                held_out.inject(patient.recording, AttackCase(name, level, begin, end - begin, seed))


def test_the_new_bundle_has_the_budget_of_the_one_that_runs(promotion):
    running = fitted_on_real(promotion.current)
    training = training_of(promotion.weights, running, [], 1, quick=True)
    assert (training.budget, training.effort, training.network) == (0.05, QUICK, promotion.weights)


def test_a_bundle_that_knows_real_patients_gives_way_to_such_a_one_only(promotion):
    check_recordings(promotion.current, [])
    check_recordings(fitted_on_real(promotion.current), synthetic_cohort(9, 1, 60))
    with pytest.raises(Misconfigured, match="--recordings"):
        check_recordings(fitted_on_real(promotion.current), [])


def test_a_third_of_the_recordings_judge_and_those_who_taught_the_running_bundle_last(promotion):
    recordings = synthetic_cohort(9, 30, 1100)
    teaching, judging = divided([*recordings, *synthetic_cohort(8, 3, 300)], fitted_on_real(promotion.current), 1)
    names = [{stay.recording.device_id for stay in part} for part in (teaching, judging)]
    assert [len(part) for part in names] == [20, 10]
    assert names[0] | names[1] == {recording.device_id for recording in recordings}, "the short ones are left out"
    assert {"synthetic-9-0003", "synthetic-9-0004"} <= names[0]


def test_no_recordings_divide_into_none_and_too_few_are_refused(promotion):
    assert divided([], promotion.current, 1) == ([], [])
    with pytest.raises(Misconfigured, match="17 recordings last long enough"):
        divided(synthetic_cohort(9, 17, 1100), promotion.current, 1)
