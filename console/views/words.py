"""The coordinator's reasons in words for people."""

from __future__ import annotations

from typing import Final

_REASONS: Final = {
    "quarantined": "its data is not trusted (quarantined)",
    "suspect": "its data is under suspicion",
    "probation": "on probation after a quarantine",
    "enrolling": "still learning its own normal",
    "unscored": "cannot be judged: too much is missing",
    "invalid_input": "sends what cannot be read",
    "unknown": "nothing readable about it in Redis",
    "stale": "no fresh data",
    "finished": "its recording has ended",
    "from_the_future": "its clock is ahead of ours",
    "not_enrolled": "still learning its own normal",
    "not_participating": "no device host runs it",
    "not_registered": "no registered key",
    "not_drawn": "enough others were asked",
    "no_answer": "did not answer in time",
    "no_data": "has too few windows of its own to train on",
    "straggler": "too slow: enough others had answered",
    "update_lost": "its update was lost",
    "bad_signature": "a signature that does not fit",
    "unknown_key": "signed with a key that is not registered",
    "revoked_key": "signed with a key that is revoked",
    "bad_sha256": "an update that is not named as it should be",
    "repeated": "the same update came twice",
    "duplicate": "a second, other answer",
    "replayed": "an update that was sent before",
    "norm": "its update is far larger than the others'",
    "cosine": "its update points away from the others'",
    "camp": "its update and a few others' point away from all the rest",
    "late": "answered too late",
    "too_many": "answered too often",
    "bad_message": "an update that cannot be read",
    "bad_update": "an update that is not well formed",
    "bad_loss": "a loss that cannot be",
    "bad_samples": "a sample count that cannot be",
    "bad_weights": "weights that cannot be",
    "dropped_before": "was dropped from the round before",
    "not_in_cohort": "was not asked",
    "wrong_base": "trained on another model",
    "wrong_device": "signed for another device",
    "wrong_lease": "answered another coordinator",
    "wrong_round": "answered another round",
    "wrong_candidate": "measured another model",
    "not_asked": "was not asked to measure",
    "worse": "the devices find the new model worse than the one before",
    "not_finite": "the new weights are no numbers",
    "too_few_measurements": "too few devices measured the new model",
    "no_quorum": "too few devices may train",
    "redis_unavailable": "Redis did not answer or took no writes, so nobody counts as benign",
    "kafka_unavailable": "Kafka did not answer",
    "no_room": "the coordinator's disk took no more updates",
    "model_lost": "the model's weights were lost",
    "coordinator_stopped": "the coordinator was stopped",
    "coordinator_restarted": "the coordinator was restarted",
    "aggregation_refused": "too few updates for the aggregation rule",
}
_EVENTS: Final = {
    "round_gated": "devices chosen",
    "round_resumed": "round taken up again",
    "round_failed": "round failed",
    "update_accepted": "update accepted",
    "update_refused": "update refused",
    "device_dropped": "dropped from the round",
    "model_published": "model published",
    "model_measured": "model measured",
    "measurement_dropped": "measurement does not count",
    "model_rolled_back": "model taken back",
    "model_rollback_failed": "model could not be taken back",
    "round_rejected": "new model rejected",
}


def reason_in_words(reason: str) -> str:
    """Return a reason as a person says it. One that is not known stays as it is, without underscores."""
    return _REASONS.get(reason, reason.replace("_", " "))


def event_in_words(kind: str) -> str:
    """Return a kind of audit event as a person says it."""
    return _EVENTS.get(kind, kind.replace("_", " "))
