from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from msgspec.structs import replace

from contracts.configuration.settings import Settings
from contracts.content_hash import sha256_of
from contracts.messages.federation import (
    MOST_LOSS,
    AcceptedMeasurement,
    GlobalModel,
    RoundPhase,
    RoundRecord,
    decode_answer,
    encode_federation,
)
from fl_device.host.answering import CACHED_MODELS, Answering, ModelCache
from fl_device.host.participant import HostedDevices, Participant
from fl_device.training.course import LocalResult
from transport.blobs.weights import encode_weights

INVITATION = RoundRecord(
    round=5, phase=RoundPhase.COLLECTING, task="reconstruction", lease_token=3, model_sha256="m", gated_at=100.0,
    deadline_at=120.0, cohort=["a", "b"], excluded={"c": "stale"}, accepted=[],
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "waited_s", "reason"),
    [
        ({}, 1.0, None),
        ({"phase": RoundPhase.PROPOSED}, 1.0, "not_collecting"),
        ({"phase": RoundPhase.COMMITTED}, 1.0, "not_collecting"),
        ({"cohort": ["b"]}, 1.0, "not_invited"),
        ({"lease_token": 2}, 1.0, "lower_lease"),
        ({"lease_token": 4}, 1.0, None),
        ({}, 19.9, None),
        ({}, 20.0, "too_late"),
        ({"accepted": ["a"]}, 1.0, "answered"),
        ({"gated_at": 1e9, "deadline_at": 1e9 + 20}, 1.0, None),  # a coordinator far ahead of the device
        ({"gated_at": -1e9, "deadline_at": 20 - 1e9}, 1.0, None),
    ],
)
def test_a_device_answers_only_an_open_round_of_the_newest_coordinator_that_invites_it(changes, waited_s, reason):
    participant = Participant("a", highest_lease=3)
    assert participant.declines_because(replace(INVITATION, **changes), waited_s) == reason


def test_a_device_answers_a_round_once():
    participant = Participant("a")
    assert participant.declines_because(INVITATION, 1.0) is None
    participant.mark_answered(INVITATION)
    assert participant.declines_because(INVITATION, 2.0) == "answered"
    assert participant.declines_because(replace(INVITATION, round=6), 2.0) is None


def test_a_restarted_device_does_not_answer_again_what_it_answered_before():
    participant = Participant("a", answered_round=5)
    assert participant.declines_because(INVITATION, 1.0) == "answered"
    assert participant.declines_because(replace(INVITATION, round=6), 1.0) is None


def test_rounds_that_begin_anew_are_answered_again():
    hosted = HostedDevices()
    hosted.add("a", 0)
    hosted.note(replace(INVITATION, round=35, lease_token=7))
    (a,) = hosted.invited()
    a.mark_answered(hosted.newest_round)
    hosted.forget_rounds()
    hosted.note(replace(INVITATION, round=1, lease_token=1))
    assert hosted.newest_round.round == 1
    assert hosted.invited()[0].declines_because(hosted.newest_round, 1.0) is None


def test_a_restarted_host_answers_rounds_that_began_anew_meanwhile():
    """Its own topic tells of round 35, and the newest round there is has the number 1."""
    hosted = HostedDevices()
    hosted.note(replace(INVITATION, round=1, lease_token=1))
    hosted.add("a", 35)
    assert hosted.invited()[0].declines_because(hosted.newest_round, 1.0) is None


def test_an_older_coordinator_is_refused_once_a_newer_one_was_seen():
    participant = Participant("a")
    participant.note_lease(4)
    participant.note_lease(3)
    assert participant.declines_because(INVITATION, 1.0) == "lower_lease"


def test_an_answer_names_the_round_the_lease_and_the_model_it_was_trained_from():
    result = LocalResult({"w": np.zeros(1, np.float32)}, sample_count=12, loss_before=2.0, loss_after=1.0, train_s=0.3)
    update = Participant("a").update(INVITATION, "u", result, 101.5)
    assert (update.device_id, update.round, update.lease_token, update.base_sha256) == ("a", 5, 3, "m")
    assert (update.update_sha256, update.sample_count, update.loss_before, update.loss_after) == ("u", 12, 2.0, 1.0)
    nothing = Participant("a").nothing_to_train(INVITATION, 101.5)
    assert (nothing.sample_count, nothing.update_sha256) == (0, "m")


ASKED = replace(
    INVITATION,
    phase=RoundPhase.VALIDATING,
    candidate_sha256="c",
    validators=["a"],
    validating_since=200.0,
    deadline_at=210.0,
)


def test_a_candidate_is_measured_once_by_those_who_are_asked_within_the_time_there_is():
    participant = Participant("a")
    participant.mark_answered(INVITATION)
    assert participant.declines_because(ASKED, 9.9) is None
    assert participant.declines_because(ASKED, 10.0) == "too_late"
    assert Participant("b").declines_because(ASKED, 1.0) == "not_asked"
    participant.mark_answered(ASKED)
    assert participant.declines_because(ASKED, 1.0) == "answered"
    assert participant.declines_because(replace(ASKED, candidate_sha256="made anew"), 1.0) is None
    counted = AcceptedMeasurement(loss_before=1.0, loss_after=1.0, samples=1, key_id="k")
    assert Participant("a").declines_because(replace(ASKED, measurements={"a": counted}), 1.0) == "answered"
    participant.note_lease(9)
    assert participant.declines_because(replace(ASKED, round=6), 1.0) == "lower_lease"


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1e30])
def test_a_model_that_has_diverged_is_reported_with_a_number_that_can_be_sent(loss):
    measured = Participant("a").measurement(ASKED, (1.5, loss), 16, 201.0)
    assert (measured.loss_before, measured.loss_after) == (1.5, MOST_LOSS)
    assert (measured.base_sha256, measured.candidate_sha256, measured.sample_count) == ("m", "c", 16)
    assert decode_answer(encode_federation(measured)) == measured


def test_the_newest_round_asks_its_cohort_and_then_its_validators():
    hosted = HostedDevices()
    for device_id in "ab":
        hosted.add(device_id, 0)
    hosted.note(INVITATION)
    assert [one.device_id for one in hosted.invited()] == [one for one in INVITATION.cohort if one in "ab"]
    hosted.note(replace(ASKED, validators=["b", "z"]))
    assert [one.device_id for one in hosted.invited()] == ["b"]


class Blobs:
    def __init__(self, blobs: dict[str, bytes]) -> None:
        self.blobs = blobs
        self.asked: list[str] = []
        self.kept_s: dict[str, float] = {}

    def put(self, key: str, blob: bytes, keep_s: float) -> None:
        self.kept_s[key] = keep_s

    def get(self, key: str, sha256: str) -> bytes:
        self.asked.append(key)
        return self.blobs[sha256]


def published(value: float, **changes) -> GlobalModel:
    blob = encode_weights({"w": np.float32([value])})
    model = GlobalModel(sha256=sha256_of(blob), parent_sha256=None, round=1, task="t", published_at=1.0, weights=blob)
    return replace(model, **changes)


def test_a_published_model_is_used_without_asking_redis_and_a_large_or_older_one_comes_from_there():
    settings = Settings(prefix="t")
    models = [published(float(value)) for value in range(CACHED_MODELS + 1)]
    blobs = Blobs({models[0].sha256: models[0].weights})
    cache = ModelCache(blobs, settings)
    for model in models:
        cache.note(model)
    assert cache.latest_sha256 == models[-1].sha256
    assert cache.weights(models[-1].sha256)["w"] == [float(CACHED_MODELS)]
    assert blobs.asked == []
    assert cache.weights(models[0].sha256)["w"] == [0.0]
    assert blobs.asked == [settings.redis_keys.global_blob(models[0].sha256)]


def test_a_model_whose_bytes_do_not_match_its_name_is_ignored():
    forged = published(1.0, weights=encode_weights({"w": np.float32([666.0])}))
    blobs = Blobs({forged.sha256: published(1.0).weights})
    cache = ModelCache(blobs, Settings(prefix="t"))
    cache.note(forged)
    assert cache.latest_sha256 is None
    assert cache.weights(forged.sha256)["w"] == [1.0]


async def test_an_updates_weights_are_kept_for_an_hour_after_the_rounds_deadline():
    """Not for a day: fifty devices that answer every minute would fill six gigabytes of Redis."""

    async def published_nothing(update) -> None:
        assert update.update_sha256 in next(iter(sent.kept_s)), "the weights are there before the answer"

    sent = Blobs({})
    host = SimpleNamespace(
        _settings=Settings(prefix="t"), _models=SimpleNamespace(blobs=sent), _publish=published_nothing, _clock=lambda: 1.0
    )  # fmt: skip
    result = LocalResult({"w": np.zeros(1, np.float32)}, sample_count=12, loss_before=2.0, loss_after=1.0, train_s=0.3)
    await Answering._send(host, Participant("a"), INVITATION, result)
    assert list(sent.kept_s.values()) == [INVITATION.deadline_at - INVITATION.gated_at + 3600.0]
