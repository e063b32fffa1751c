"""Checks a single update before it may be aggregated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.messages.federation import ModelUpdate, RoundPhase, RoundRecord
from detectors.network.layout import CONTEXT_STATISTICS
from fl_coordinator.errors import UpdateRefused
from fl_coordinator.rounds.transitions import is_awaited

Arrays = Mapping[str, NDArray[np.float32]]
SHA256: Final = re.compile("[0-9a-f]{64}")


def screen_message(update: ModelUpdate, sender_id: str, record: RoundRecord | None) -> None:
    """Check an update against the round. `sender_id` is the device whose topic it came on. Raises UpdateRefused."""
    if update.device_id != sender_id:
        raise UpdateRefused("wrong_device", f"{update.device_id} on the topic of {sender_id}", is_bad=True)
    _screen_occasion(update, record)
    if not SHA256.fullmatch(update.update_sha256):
        raise UpdateRefused("bad_sha256", "update_sha256 is not 64 hex digits", is_bad=True)
    if update.sample_count < 0:
        raise UpdateRefused("bad_samples", f"{update.sample_count} samples", is_bad=True)
    if not all(np.isfinite(loss) and loss >= 0 for loss in (update.loss_before, update.loss_after)):
        raise UpdateRefused("bad_loss", is_bad=True)


def _screen_occasion(update: ModelUpdate, record: RoundRecord | None) -> None:
    """Check that the round asked this device for this update, and still waits for it."""
    if record is None or update.round < record.round:
        raise UpdateRefused("late", f"for round {update.round}")
    if record.phase is not RoundPhase.COLLECTING or update.round != record.round:
        raise UpdateRefused("wrong_round", f"for round {update.round}")
    if not record.opened_with <= update.lease_token <= record.lease_token:
        raise UpdateRefused("wrong_lease", f"lease {update.lease_token}")
    if update.device_id not in record.cohort:
        raise UpdateRefused("not_in_cohort")
    if update.device_id in record.updates:
        # Read again after a restart, or sent again by a device that was not sure: the same update changes nothing.
        same = record.updates[update.device_id].update_sha256 == update.update_sha256
        raise UpdateRefused("repeated" if same else "duplicate")
    if not is_awaited(record, update.device_id):
        raise UpdateRefused("dropped_before")
    if update.base_sha256 != record.model_sha256:
        raise UpdateRefused("wrong_base", f"trained from {update.base_sha256[:12]}", is_bad=True)


def is_declined(update: ModelUpdate) -> bool:
    """Whether the device says that it has nothing to train on yet: no samples, the weights unchanged."""
    return update.sample_count == 0


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
    """The nonces of this round's and the last round's signed updates, a device each."""

    def __init__(self) -> None:
        self._now: set[tuple[str, str]] = set()
        self._before: set[tuple[str, str]] = set()

    def refuse_seen(self, sender_id: str, update: ModelUpdate) -> None:
        """Raise UpdateRefused for an update with a nonce that a signed update on this device's topic had."""
        mark = (sender_id, update.nonce)
        if mark in self._now or mark in self._before:
            detail = f"an update with this nonce came before (round {update.round})"
            raise UpdateRefused("replayed", detail, is_bad=True)

    def remember(self, update: ModelUpdate) -> None:
        """Note an update whose signature was good. Noting others would let a forger use up a device's nonces."""
        self._now.add((update.device_id, update.nonce))

    def next_round(self) -> None:
        """Forget all but the round that has just ended."""
        self._before, self._now = self._now, set()
