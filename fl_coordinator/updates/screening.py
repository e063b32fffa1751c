"""Checks a single update before it may be aggregated, and a single measurement before it may count."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.messages.federation import MOST_LOSS, ModelMeasurement, ModelUpdate, RoundPhase, RoundRecord
from detectors.network.layout import CONTEXT_STATISTICS
from fl_coordinator.errors import UpdateRefused
from fl_coordinator.rounds.transitions import is_awaited, is_invited
from fl_coordinator.rounds.validation import is_asked

Arrays = Mapping[str, NDArray[np.float32]]
SHA256: Final = re.compile("[0-9a-f]{64}")


def screen_message(update: ModelUpdate, sender_id: str, record: RoundRecord | None) -> None:
    """Check an update against the round. `sender_id` is the device whose topic it came on. Raises UpdateRefused."""
    record = _screen_occasion(update, sender_id, record, RoundPhase.COLLECTING)
    if not is_invited(record, update.device_id):
        raise UpdateRefused("not_in_cohort")
    if update.device_id in record.updates:
        # Read again after a restart, or sent again by a device that was not sure: the same update changes nothing.
        same = record.updates[update.device_id].update_sha256 == update.update_sha256
        raise UpdateRefused("repeated" if same else "duplicate")
    if not is_awaited(record, update.device_id):
        raise UpdateRefused("dropped_before")
    _screen_figures(update, record)
    if not SHA256.fullmatch(update.update_sha256):
        raise UpdateRefused("bad_sha256", "update_sha256 is not 64 hex digits", is_bad=True)


def screen_measurement(answer: ModelMeasurement, sender_id: str, record: RoundRecord | None) -> None:
    """Check a measurement against the round, as `screen_message`. Raises UpdateRefused."""
    record = _screen_occasion(answer, sender_id, record, RoundPhase.VALIDATING)
    if answer.device_id in record.measurements:
        known = record.measurements[answer.device_id]
        same = (known.loss_before, known.loss_after) == (answer.loss_before, answer.loss_after)
        raise UpdateRefused("repeated" if same else "duplicate")
    if not is_asked(record, answer.device_id):
        raise UpdateRefused("not_asked")
    _screen_figures(answer, record)
    if max(answer.loss_before, answer.loss_after) > MOST_LOSS:
        raise UpdateRefused("bad_loss", is_bad=True)
    if answer.candidate_sha256 != record.candidate_sha256:
        raise UpdateRefused("wrong_candidate", f"measured {answer.candidate_sha256[:12]}", is_bad=True)


def _screen_occasion(
    answer: ModelUpdate | ModelMeasurement, sender_id: str, record: RoundRecord | None, phase: RoundPhase
) -> RoundRecord:
    """Return the round if it asks for such an answer now."""
    if answer.device_id != sender_id:
        raise UpdateRefused("wrong_device", f"{answer.device_id} on the topic of {sender_id}", is_bad=True)
    if record is None or answer.round < record.round:
        raise UpdateRefused("late", f"for round {answer.round}")
    if record.phase is not phase or answer.round != record.round:
        is_late = answer.round == record.round and record.phase is RoundPhase.VALIDATING
        raise UpdateRefused("late" if is_late else "wrong_round", f"for round {answer.round}")
    if not record.opened_with <= answer.lease_token <= record.lease_token:
        raise UpdateRefused("wrong_lease", f"lease {answer.lease_token}")
    return record


def _screen_figures(answer: ModelUpdate | ModelMeasurement, record: RoundRecord) -> None:
    """Check what the answer counts from: its model, and numbers that are some."""
    if answer.base_sha256 != record.model_sha256:
        raise UpdateRefused("wrong_base", f"made from {answer.base_sha256[:12]}", is_bad=True)
    if answer.sample_count < 0:
        raise UpdateRefused("bad_samples", f"{answer.sample_count} samples", is_bad=True)
    if not all(np.isfinite(loss) and loss >= 0 for loss in (answer.loss_before, answer.loss_after)):
        raise UpdateRefused("bad_loss", is_bad=True)


def is_declined(answer: ModelUpdate | ModelMeasurement) -> bool:
    """Whether the device says that it has no window for this yet: no samples, the weights unchanged."""
    return answer.sample_count == 0


def screen_weights(weights: Arrays, reference: Arrays) -> None:
    """Check that the weights have the global model's names and shapes, are float32 and finite, and leave alone what nobody trains.

    The context's statistics travel with the detector's network and stay as they are. Raises UpdateRefused.
    """
    if weights.keys() != reference.keys():
        raise UpdateRefused("bad_weights", "the tensors' names differ from the model's", is_bad=True)
    for name, expected in reference.items():
        array = weights[name]
        if array.dtype != np.float32 or array.shape != expected.shape:
            raise UpdateRefused("bad_weights", f"{name} is {array.dtype}{list(array.shape)}", is_bad=True)
        if not np.isfinite(array).all():
            raise UpdateRefused("bad_weights", f"{name} is not finite", is_bad=True)
        if name in CONTEXT_STATISTICS and not np.array_equal(array, expected):
            raise UpdateRefused("bad_weights", f"{name} was changed", is_bad=True)


def capped_samples(sample_count: int, cap: int) -> int:
    """Return the weight an update gets: what it claims, but never more than the coordinator allows (`cap` windows)."""
    return min(sample_count, cap)


class SeenNonces:
    """The nonces of this round's and the last round's signed answers, a device each."""

    def __init__(self) -> None:
        self._now: set[tuple[str, str]] = set()
        self._before: set[tuple[str, str]] = set()

    def refuse_seen(self, sender_id: str, answer: ModelUpdate | ModelMeasurement) -> None:
        """Raise UpdateRefused for an answer with a nonce that a signed one on this device's topic had."""
        mark = (sender_id, answer.nonce)
        if mark in self._now or mark in self._before:
            detail = f"an answer with this nonce came before (round {answer.round})"
            raise UpdateRefused("replayed", detail, is_bad=True)

    def remember(self, answer: ModelUpdate | ModelMeasurement) -> None:
        """Note an answer whose signature was good. Noting others would let a forger use up a device's nonces."""
        self._now.add((answer.device_id, answer.nonce))

    def next_round(self) -> None:
        """Forget all but the round that has just ended."""
        self._before, self._now = self._now, set()
