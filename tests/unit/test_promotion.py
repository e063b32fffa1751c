"""What a promotion refuses before any work, and that its canary's patients are strangers to every training."""

from __future__ import annotations

from dataclasses import asdict, replace

import msgspec
import numpy as np
import pytest
from random_bundle import random_bundle

from contracts.errors import Misconfigured
from detectors.bundle import save_bundle
from detectors.training.canary_verdict import CanaryResult
from detectors.training.trainer import Effort
from experiments.grid_cohorts import check_apart, evaluation_ids, training_ids
from experiments.grid_protocol import Protocol
from fedsecure.commands.train import cohorts_of
from fedsecure.promotion import Promotion, candidate_bundle, check_promotable, held_out_of, write_report

SIZES = {"reference": (3, 1), "calibration": (3, 1), "test": (3, 1)}
CASES = (("bias", "strong"), ("bias", "subtle"))


@pytest.fixture
def promotion(tmp_path):
    model = random_bundle(2).autoencoder
    canary = {"clean": (9, 1), "attacked": (8, 1)}
    return Promotion(
        model, "m" * 64, random_bundle(1), tmp_path / "out", 1, Effort(), SIZES, canary, ("strong",), CASES
    )


def test_a_model_of_the_right_shape_is_accepted(promotion):
    check_promotable(promotion)


def test_other_shapes_and_numbers_that_are_none_are_refused(promotion):
    with pytest.raises(Misconfigured, match="not the detector's bottleneck"):
        check_promotable(replace(promotion, weights={"w": np.zeros(3, np.float32)}))
    first, *_ = promotion.weights
    broken = dict(promotion.weights) | {first: np.full_like(promotion.weights[first], np.nan)}
    with pytest.raises(Misconfigured, match="not finite"):
        check_promotable(replace(promotion, weights=broken))


def test_the_model_that_runs_already_is_refused(promotion):
    with pytest.raises(Misconfigured, match="nothing to promote"):
        check_promotable(replace(promotion, weights=promotion.current.autoencoder))


def test_what_the_first_look_refuses_is_reported_though_nothing_lies_in_the_folder_yet(promotion):
    refused = CanaryResult(candidate_sha256="", current_sha256="c" * 64, passed=False, reason="clean loss")
    write_report(promotion, refused)
    written = msgspec.json.decode((promotion.out / "canary.json").read_bytes())
    assert (written["model_sha256"], written["passed"], written["reason"]) == ("m" * 64, False, "clean loss")


@pytest.mark.parametrize("seed", [0, 1, 5])
def test_the_canarys_patients_are_in_no_training_and_no_evaluation(promotion, seed):
    held_out = held_out_of(replace(promotion, seed=seed))
    ids = {name: [stay.recording.device_id for stay in getattr(held_out, name)] for name in ("clean", "attacked")}
    trained = {
        f"{name} of seed {other}": members
        for other in range(7)
        for name, members in training_ids(cohorts_of(other, SIZES)).items()
    }
    check_apart(ids | trained | evaluation_ids(Protocol(seed=seed)))
    assert held_out.cases == (("bias", "strong"),)
    assert not any(stay.deteriorating.any() for stay in held_out.attacked)


def test_another_promotions_bundle_is_not_taken_for_this_one(promotion):
    promotion.folder.mkdir(parents=True)
    card = {"seed": 1, "effort": asdict(Effort(processes=5)), "data": promotion.data}
    save_bundle(replace(random_bundle(3), metadata=card), promotion.folder)
    heard = []
    found = candidate_bundle(promotion, lambda *said: heard.append(said))
    assert found.metadata["data"]["model"] == "m" * 64, "the number of processes changes nothing"
    assert ("networks", 1.0, "found finished") in heard
    for other in (
        replace(promotion, model_sha256="n" * 64),
        replace(promotion, seed=2),
        replace(promotion, effort=Effort(network_epochs=5)),
        replace(promotion, current=replace(promotion.current, sha256="p" * 64)),
    ):
        with pytest.raises(Misconfigured, match="another promotion"):
            candidate_bundle(other, lambda *said: None)
