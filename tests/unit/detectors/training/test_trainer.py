"""A small training on simulated patients: whole, disjoint, calibrated out of sample, and found again after a stop."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from contracts.errors import Misconfigured
from detectors.bundle.bundle import save_bundle
from detectors.network.layout import network_shapes
from detectors.training import trainer
from detectors.training.canaries.windows import canary_windows
from detectors.training.cohort import Population
from detectors.training.trainer import STAGES, train_detector
from detectors.training.training import Training, TrainingBudget
from detectors.training.workfolder import WorkFolder
from experiments.common.injection import inject_case
from replay.sources.synthetic import synthetic_stays

SMALL = TrainingBudget(steps=2, epochs=1, distortions=2, canary_windows=20)
CASES = (("data-poisoning-1", "strong"), ("motif", "strong"))


def training(**changes) -> Training:
    given = {
        "populations": (Population("simulated", synthetic_stays(1, 11, 1300), is_real=False),),
        "network_stays": synthetic_stays(2, 2, 1000),
        "canary_stays": synthetic_stays(3, 3, 1100),
        "cases": CASES, "inject": inject_case, "seed": 3, "budget": 0.5, "effort": SMALL,
    }  # fmt: skip
    return Training(**(given | changes))


def unheard(stage, share, text):
    pass


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    work = WorkFolder(tmp_path_factory.mktemp("work"), "key")
    heard = []
    trained = train_detector(training(), work, lambda stage, share, text: heard.append((stage, share)))
    return trained, work, heard


def test_a_training_gives_a_bundle_that_can_be_saved_and_loaded(finished, tmp_path):
    trained, _, heard = finished
    bundle = save_bundle(trained, tmp_path)
    assert bundle.parameters.threshold == trained.parameters.threshold
    assert set(trained.parameters.network) == set(network_shapes())
    assert [stage for stage, share in heard if share == 1.0 and stage != "calibration"] == [
        "network", "network", "decisions", "decisions", "detector", "canary",
    ]  # fmt: skip
    assert {stage for stage, _ in heard} == set(STAGES)


def test_the_card_says_of_every_patient_what_he_was_used_for(finished):
    trained, _, _ = finished
    card = msgspec.json.decode(msgspec.json.encode(trained.metadata))
    (references,) = card["data"]["references"]
    assert set(references["enrolled_min"]) == {stay.recording.device_id for stay in training().populations[0].stays}
    assert references["use"] == ["standardisation", "tails", "classifiers", "scales and threshold"]
    assert card["data"]["canary"] == [stay.recording.device_id for stay in training().canary_stays]
    assert "no real patient took part" in card["limits"][-1]
    assert card["calibration"]["found"]["motif strong"]["within_12_h"] > 0.9


def test_the_canary_holds_clean_and_attacked_windows(finished):
    trained, _, _ = finished
    for kind in ("clean", "attacked"):
        windows = canary_windows(trained.canary, kind)
        assert windows.z.shape == (20, 60, 2)
        assert np.abs(windows.z).max() <= 8
        assert windows.context.shape == (20, 27)


def test_finished_stages_are_not_made_again(finished, monkeypatch):
    trained, work, _ = finished
    for name in ("fit_network", "built"):
        monkeypatch.setattr(trainer, name, lambda *_, **__: pytest.fail("made again"))
    again = train_detector(training(), work, unheard)
    assert again.parameters.threshold == trained.parameters.threshold
    for name, weights in trained.parameters.classifiers.items():
        for key, array in weights.items():
            np.testing.assert_array_equal(again.parameters.classifiers[name][key], array)


def test_calibration_patients_are_scored_by_models_that_have_not_seen_them(monkeypatch, tmp_path, finished):
    _, work, _ = finished
    taught = []
    real_fit = trainer.fit_scores

    def fit(table, past, patients, learnt, seed, epochs):
        taught.append(set(patients.tolist()))
        return real_fit(table, past, patients, learnt, seed, epochs)

    monkeypatch.setattr(trainer, "fit_scores", fit)
    for kept in ("network", "decisions"):
        WorkFolder(tmp_path, "key").keep(kept, work.kept(kept))
    train_detector(training(), WorkFolder(tmp_path, "key"), unheard)
    everyone = set(range(11))
    assert taught[-1] == everyone
    left_out = [everyone - one for one in taught[:-1]]
    assert len(left_out) == 5
    assert sorted(patient for one in left_out for patient in one) == sorted(everyone)


def test_a_patient_with_two_uses_is_refused(tmp_path):
    same = synthetic_stays(1, 2, 1100)
    with pytest.raises(Misconfigured, match="among the simulated patients and again among the canary's"):
        train_detector(training(canary_stays=same), WorkFolder(tmp_path, "key"), unheard)


def test_too_few_patients_are_refused(tmp_path):
    few = (Population("real", synthetic_stays(1, 3, 1300), is_real=True),)
    with pytest.raises(Misconfigured, match="3 real patients are too few"):
        train_detector(training(populations=few), WorkFolder(tmp_path, "key"), unheard)


def test_patients_that_leave_after_their_enrolment_are_refused(tmp_path):
    short = (Population("real", synthetic_stays(1, 12, 700), is_real=True),)
    with pytest.raises(Misconfigured, match="only 0 patients last long enough"):
        train_detector(training(populations=short), WorkFolder(tmp_path, "key"), unheard)


def test_a_given_network_takes_the_place_of_a_fitted_one(finished, tmp_path, monkeypatch):
    trained, _, _ = finished
    monkeypatch.setattr(trainer, "fit_network", lambda *_, **__: pytest.fail("fitted"))
    given = {name: np.asarray(array) for name, array in trained.parameters.network.items()}
    monkeypatch.setattr(trainer, "_table", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        train_detector(training(network=given), WorkFolder(tmp_path, "key"), unheard)
