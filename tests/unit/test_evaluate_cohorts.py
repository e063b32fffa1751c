"""Nobody who was trained on is tested on, and what is left out is left out."""

from __future__ import annotations

import numpy as np
import pytest
from random_bundle import random_knowledge

from contracts.errors import Misconfigured
from detectors.features.catalogue import FEATURES
from detectors.training.distorted import DISTORTION_NAMES
from detectors.training.lessons import UNLEARNABLE
from experiments.grid_ablations import learnt_ablations, vote_ablations, without_own_enrolment
from experiments.grid_cohorts import (
    attacked_recordings,
    check_apart,
    clean_recordings,
    evaluation_ids,
    fresh_recordings,
    ill_stays,
    training_ids,
)
from experiments.grid_lofo import RESEMBLES, lofo_variants
from experiments.grid_protocol import FRESH_SEED, FULL, QUICK, Protocol, cases_of, protocol_for
from experiments.grid_variants import Lesson
from fedsecure.commands.train import attack_cases, cohorts_of
from replay.attacks import ATTACKS

TINY = Protocol(
    cohort_seeds=2, attacked_tenths=2, attacked_whole=1, attacked_days=1, clean_each=1, clean_days=1, ill_each=2, ill_days=1,
    fresh_devices=1, fresh_seed=777_000_555,
)  # fmt: skip
SIZES = {"reference": (3, 1), "calibration": (4, 1), "test": (2, 1)}


@pytest.mark.parametrize("protocol", [FULL, QUICK])
def test_no_training_seed_meets_a_patient_of_the_evaluation(protocol):
    for train_seed in range(3):
        for seed in range(3):
            ours = evaluation_ids(protocol_for(quick=protocol is QUICK, seed=seed, enrolment_min=1440))
            check_apart(training_ids(cohorts_of(train_seed, SIZES)) | ours)


def test_a_test_patient_that_was_trained_on_is_refused():
    tested = evaluation_ids(TINY)
    leaked = training_ids(cohorts_of(1, SIZES))
    leaked["training's reference"].append(tested["evaluation's attacked"][2])
    with pytest.raises(Misconfigured, match="training's reference cohort and in the evaluation's attacked cohort"):
        check_apart(leaked | tested)


def test_the_ids_that_are_checked_are_those_of_the_patients_that_are_judged():
    ids = evaluation_ids(TINY)
    judged: dict[str, list[str]] = {"evaluation's attacked": [], "evaluation's clean": [], "evaluation's ill": []}
    for cohort in range(2):
        for tenths in (True, False):
            judged["evaluation's attacked"] += [r.device_id for r in attacked_recordings(TINY, cohort, tenths=tenths)]
            judged["evaluation's clean"] += [r.device_id for r in clean_recordings(TINY, cohort, tenths=tenths)]
            judged["evaluation's ill"] += [s.recording.device_id for s in ill_stays(TINY, cohort, tenths=tenths)]
    judged["evaluation's fresh"] = [recording.device_id for recording in fresh_recordings(TINY)]
    assert judged == ids


def test_cohorts_have_the_monitors_they_are_named_for_and_clean_ones_no_pulse():
    assert {one.resolution_bpm for one in clean_recordings(TINY, 0, tenths=True)} == {0.1}
    assert {one.resolution_bpm for one in attacked_recordings(TINY, 0, tenths=False)} == {1.0}
    assert clean_recordings(TINY, 0, tenths=True)[0].pulse_bpm is None
    assert all(stay.deteriorating.any() for stay in ill_stays(TINY, 0, tenths=True))


def test_the_untouched_cohorts_seed_is_the_one_that_was_written_down():
    assert FULL.fresh_seed == FRESH_SEED == 20261127
    assert FULL.fresh_devices >= 100
    assert QUICK.fresh_devices == 0


def test_every_family_says_what_resembles_it_and_every_distortion_exists():
    assert set(RESEMBLES) == set(ATTACKS)
    assert {name for names in RESEMBLES.values() for name in names} <= set(DISTORTION_NAMES)


def test_a_left_out_family_takes_its_distortions_along_and_is_judged_alone():
    lesson = Lesson("rows", attack_cases(), 1, 5)
    variants, unseen = lofo_variants(lesson, cases_of(["all"]))
    by_name = {one.name: one for one in variants}
    motif = by_name["motif"]
    assert motif.lesson is not None
    assert motif.lesson.curriculum.without_families == {"motif"}
    assert motif.lesson.curriculum.without_distortions == set(RESEMBLES["motif"])
    assert motif.wanted == {("motif", "subtle"), ("motif", "medium"), ("motif", "strong")}
    assert unseen == ["dropout"]
    assert all(("dropout", level) in UNLEARNABLE for level in ATTACKS["dropout"].levels)


def test_ablations_leave_out_what_they_say():
    by_name = {one.name: one for one in (*vote_ablations(), *learnt_ablations(Lesson("rows", attack_cases(), 1, 5)))}
    assert set(by_name["nothing left out"].kinds) - set(by_name["without guards"].kinds) == {
        "replay",
        "copies",
        "pulse",
    }
    assert "half_day" not in by_name["without the network of the half day"].kinds
    ignored = {name: one.lesson.curriculum.ignored for name, one in by_name.items() if one.lesson is not None}
    groups = {name: {FEATURES[place].group for place in places} for name, places in ignored.items()}
    assert groups["without both autoencoders"] == {"residual"}
    assert "residual" not in groups["without signal features"]
    assert groups["without lattice features"] == {"lattice"}
    assert len(ignored["without both autoencoders"]) == 30
    distortions = by_name["without distortions"].lesson
    assert distortions is not None
    assert not distortions.curriculum.distortions


def test_without_the_own_enrolment_every_device_is_the_populations():
    expected = random_knowledge(3).expectations["1440"]
    enrolment = np.random.default_rng(1).normal(2, 3, (50, len(FEATURES))).astype(np.float32)
    flat = np.arange(len(FEATURES)) % 2 == 0
    centre, spread = without_own_enrolment(expected).of_device(enrolment, flat)
    np.testing.assert_allclose(centre, expected.mean, rtol=1e-6)
    np.testing.assert_allclose(spread, expected.population_spread, rtol=1e-5)
    assert not np.allclose(expected.of_device(enrolment, flat)[0], expected.mean)


def test_cases_are_every_level_of_the_attacks_named():
    assert cases_of(["motif"]) == (("motif", "subtle"), ("motif", "medium"), ("motif", "strong"))
    assert set(cases_of(["all"])) == {(name, level) for name, one in ATTACKS.items() for level in one.levels}
    with pytest.raises(Misconfigured, match="did you mean motif"):
        cases_of(["motiv"])
    with pytest.raises(Misconfigured, match="600 or 1440"):
        protocol_for(quick=True, seed=1, enrolment_min=900)
