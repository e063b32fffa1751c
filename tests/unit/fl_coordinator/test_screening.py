from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from contracts.configuration.settings import Settings
from contracts.errors import InvalidMessage
from contracts.messages.federation import (
    MOST_LOSS,
    AcceptedMeasurement,
    AcceptedUpdate,
    GlobalModel,
    ModelMeasurement,
    ModelUpdate,
    RoundPhase,
    RoundRecord,
)
from fl_coordinator.errors import UpdateRefused
from fl_coordinator.gate.selection import Selection
from fl_coordinator.models.registry import model_of, model_on_record
from fl_coordinator.rounds import transitions, validation
from fl_coordinator.rounds.history import History
from fl_coordinator.updates.screening import (
    capped_samples,
    is_declined,
    screen_measurement,
    screen_message,
    screen_weights,
)
from transport.blobs.weights import decode_weights, encode_weights

MODEL = {"kernel": np.zeros((2, 3), np.float32), "bias": np.zeros(3, np.float32)}
TERMS = Settings(round_quorum=1, round_deadline_s=20.0)

TAKEN = AcceptedUpdate(update_sha256="1" * 64, samples=10, loss=0.5, key_id="k")


def open_round() -> RoundRecord:
    selection = Selection(100.0, ("a", "b", "d"), {"c": "quarantined"})
    record = transitions.propose(7, TERMS, lease_token=3, model_sha256="m", selection=selection)
    return transitions.accept(transitions.drop(transitions.open_collection(record, 1, 100.0), "d", "stale"), "b", TAKEN)


def update(**changes) -> ModelUpdate:
    good = ModelUpdate(
        device_id="a", round=7, lease_token=3, base_sha256="m", update_sha256="0" * 64, sample_count=10, loss_before=1.0,
        loss_after=0.5, train_s=0.1, sent_at=101.0,
    )  # fmt: skip
    return replace(good, **changes)


def test_an_update_that_fits_the_round_passes():
    screen_message(update(), "a", open_round())


@pytest.mark.parametrize(
    ("changes", "sender", "reason", "is_bad"),
    [
        ({}, "b", "wrong_device", True),
        ({"round": 6}, "a", "late", False),
        ({"round": 8}, "a", "wrong_round", False),
        ({"lease_token": 2}, "a", "wrong_lease", False),
        ({"lease_token": 4}, "a", "wrong_lease", False),
        ({"device_id": "c"}, "c", "not_in_cohort", False),
        ({"device_id": "b"}, "b", "duplicate", False),
        ({"device_id": "b", "update_sha256": "1" * 64}, "b", "repeated", False),
        ({"device_id": "d"}, "d", "dropped_before", False),
        ({"base_sha256": "other"}, "a", "wrong_base", True),
        ({"update_sha256": "../a"}, "a", "bad_sha256", True),
        ({"update_sha256": "0" * 1_000_000}, "a", "bad_sha256", True),
        ({"sample_count": -1}, "a", "bad_samples", True),
        ({"loss_after": float("nan")}, "a", "bad_loss", True),
        ({"loss_before": -0.1}, "a", "bad_loss", True),
    ],
)
def test_an_update_that_does_not_fit_the_round_is_refused(changes, sender, reason, is_bad):
    with pytest.raises(UpdateRefused) as refusal:
        screen_message(update(**changes), sender, open_round())
    assert (refusal.value.reason, refusal.value.is_bad) == (reason, is_bad)


def validating() -> RoundRecord:
    record = transitions.close_collection(open_round(), 1, 120.0)
    return validation.open_validation(record, TERMS, "c" * 64, 0.5, 121.0)


def measurement(**changes) -> ModelMeasurement:
    good = ModelMeasurement(
        device_id="b", round=7, lease_token=3, base_sha256="m", candidate_sha256="c" * 64, sample_count=16, loss_before=1.0,
        loss_after=0.5, sent_at=121.0,
    )  # fmt: skip
    return replace(good, **changes)


def test_a_measurement_that_fits_the_round_passes():
    for losses in ((1.0, 0.5), (0.0, MOST_LOSS)):
        screen_measurement(measurement(loss_before=losses[0], loss_after=losses[1]), "b", validating())


@pytest.mark.parametrize(
    ("changes", "sender", "reason", "is_bad"),
    [
        ({}, "a", "wrong_device", True),
        ({"round": 6}, "b", "late", False),
        ({"round": 8}, "b", "wrong_round", False),
        ({"lease_token": 2}, "b", "wrong_lease", False),
        ({"device_id": "d"}, "d", "not_asked", False),
        ({"base_sha256": "other"}, "b", "wrong_base", True),
        ({"candidate_sha256": "other"}, "b", "wrong_candidate", True),
        ({"sample_count": -1}, "b", "bad_samples", True),
        ({"loss_after": float("nan")}, "b", "bad_loss", True),
        ({"loss_after": float("inf")}, "b", "bad_loss", True),
        ({"loss_after": 2 * MOST_LOSS}, "b", "bad_loss", True),
        ({"loss_before": -0.1}, "b", "bad_loss", True),
    ],
)
def test_a_measurement_that_does_not_fit_the_round_is_refused(changes, sender, reason, is_bad):
    with pytest.raises(UpdateRefused) as refusal:
        screen_measurement(measurement(**changes), sender, validating())
    assert (refusal.value.reason, refusal.value.is_bad) == (reason, is_bad)


def test_a_measurement_counts_once_and_neither_before_nor_after_the_round_asks_for_it():
    counted = AcceptedMeasurement(loss_before=1.0, loss_after=0.5, samples=16, key_id="k")
    measured = validation.measure(validating(), "b", counted)
    for changes, record, reason in (
        ({}, measured, "repeated"),
        ({"loss_after": 0.1}, measured, "duplicate"),
        ({}, open_round(), "wrong_round"),
        ({}, None, "late"),
    ):
        with pytest.raises(UpdateRefused, match=reason):
            screen_measurement(measurement(**changes), "b", record)


def test_nothing_is_taken_in_while_no_round_collects():
    for record, reason in (
        (None, "late"),
        (validating(), "late"),
        (transitions.skip(open_round(), "no_quorum", 110.0), "wrong_round"),
    ):
        with pytest.raises(UpdateRefused, match=reason):
            screen_message(update(), "a", record)


def test_an_answer_to_a_coordinator_before_the_one_that_resumed_the_round_counts():
    resumed = transitions.resume(open_round(), 5, 130.0)
    for token in (3, 4, 5):
        screen_message(update(lease_token=token), "a", resumed)


def test_no_samples_mean_that_the_device_declines():
    assert is_declined(update(sample_count=0))
    assert not is_declined(update(sample_count=1))


@pytest.mark.parametrize(
    "weights",
    [
        {"kernel": MODEL["kernel"]},
        {**MODEL, "extra": np.zeros(1, np.float32)},
        {**MODEL, "bias": np.zeros(4, np.float32)},
        {**MODEL, "bias": np.zeros(3, np.float64)},
        {**MODEL, "bias": np.array([0, np.inf, 0], np.float32)},
        {**MODEL, "bias": np.array([0, np.nan, 0], np.float32)},
    ],
)
def test_weights_of_another_shape_type_or_without_a_value_are_refused(weights):
    screen_weights(MODEL, MODEL)
    with pytest.raises(UpdateRefused, match="bad_weights"):
        screen_weights(weights, MODEL)


def test_an_update_that_changes_what_nobody_trains_is_refused():
    model = {**MODEL, "context_mean": np.full(3, 0.1, np.float32), "context_sd": np.ones(3, np.float32)}
    screen_weights(model, model)
    for name in ("context_mean", "context_sd"):
        changed = model[name].copy()
        changed[1] = np.nextafter(changed[1], np.float32(2))
        with pytest.raises(UpdateRefused, match=f"{name} was changed"):
            screen_weights({**model, name: changed}, model)


def test_a_device_weighs_no_more_than_the_coordinator_allows():
    assert (capped_samples(10, 256), capped_samples(10**9, 256)) == (10, 256)


@pytest.mark.parametrize(
    "blob", [b"", b"garbage", b"\xff" * 64, encode_weights(MODEL)[:-1], encode_weights(MODEL) + b"x"]
)
def test_bytes_that_are_not_whole_safetensors_are_invalid(blob):
    with pytest.raises(InvalidMessage):
        decode_weights(blob)


def test_weights_survive_the_wire_and_equal_weights_give_equal_bytes():
    weights = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.float32([1.5])}
    back = decode_weights(encode_weights(weights))
    assert back.keys() == weights.keys()
    for name, array in weights.items():
        np.testing.assert_array_equal(back[name], array)
    assert encode_weights(dict(reversed(weights.items()))) == encode_weights(weights)


def committed(number: int, sha256: str) -> RoundRecord:
    selection = Selection(1.0, ("a",), {})
    record = transitions.propose(number, TERMS, lease_token=number, model_sha256="m", selection=selection)
    record = transitions.close_collection(
        transitions.accept(transitions.open_collection(record, 1, 1.0), "a", TAKEN), 1, 2.0
    )
    return transitions.commit(validation.open_validation(record, TERMS, sha256, 0.1, 2.5), 3.0)


def test_the_current_model_is_that_of_the_last_committed_round_not_the_last_published():
    first, second, published_only = (model_of({"w": np.float32([value])}, value) for value in (1, 2, 3))
    blobs = {model.sha256: model.blob for model in (first, second, published_only)}
    records = [committed(1, first.sha256), committed(2, second.sha256)]
    records.append(transitions.fail(transitions.propose(
        3, TERMS, lease_token=9, model_sha256=second.sha256, selection=Selection(4.0, (), {})), "crash", 5.0))  # fmt: skip
    found = model_on_record(records, blobs.get)
    assert found is not None
    assert (found.sha256, found.round) == (second.sha256, 2)


def test_a_model_whose_bytes_were_altered_or_lost_is_not_taken_up():
    first, second = (model_of({"w": np.float32([value])}, value) for value in (1, 2))
    records = [committed(1, first.sha256), committed(2, second.sha256)]
    found = model_on_record(records, {first.sha256: first.blob, second.sha256: first.blob}.get)
    assert found is not None
    assert found.sha256 == first.sha256
    assert model_on_record(records, {}.get) is None


def rolled_back(number: int, sha256: str) -> RoundRecord:
    return replace(committed(number, sha256), phase=RoundPhase.ROLLED_BACK)


def test_a_model_that_was_taken_back_does_not_return_when_the_one_in_its_place_is_lost():
    first, second, third = (model_of({"w": np.float32([value])}, value) for value in (1, 2, 3))
    records = [committed(1, first.sha256), committed(2, second.sha256), committed(3, third.sha256)]
    records.append(rolled_back(4, second.sha256))
    blobs = {model.sha256: model.blob for model in (first, second, third)}
    assert model_on_record(records, blobs.get).sha256 == second.sha256
    del blobs[second.sha256]
    assert model_on_record(records, blobs.get).sha256 == first.sha256
    records.append(committed(5, third.sha256))
    assert model_on_record(records, blobs.get).sha256 == third.sha256


def test_a_model_of_another_network_is_not_gone_on_from():
    """After an upgrade to another network the federation begins anew from the bundle's."""
    old, new = model_of(MODEL, 3), model_of({**MODEL, "bias": np.zeros(4, np.float32)}, 4)
    blobs = {one.sha256: one.blob for one in (old, new)}
    rounds_on_record = [committed(3, old.sha256), committed(4, new.sha256)]
    assert model_on_record(rounds_on_record, blobs.get).sha256 == new.sha256
    assert model_on_record(rounds_on_record, blobs.get, MODEL).sha256 == old.sha256
    assert model_on_record(rounds_on_record, blobs.get, {"kernel": MODEL["kernel"]}) is None


def test_history_knows_the_last_round_and_the_highest_lease():
    records = {1: committed(1, "x"), 2: replace(committed(2, "y"), lease_token=5)}
    history = History(records, dict[str, GlobalModel]())
    assert (history.last_round, history.last_lease_token) == (2, 5)
    assert records[2].phase is RoundPhase.COMMITTED
    assert (History({}, {}).last_round, History({}, {}).last_lease_token) == (0, 0)
