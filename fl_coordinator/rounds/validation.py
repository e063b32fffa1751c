"""A round while devices measure what was made of their updates: whom to ask, what each says, and what follows from it.

Pure, as `transitions`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from contracts.configuration.parts import FederationSettings
from contracts.messages.federation import AcceptedMeasurement, RoundPhase, RoundRecord
from fl_coordinator.errors import IllegalTransition
from fl_coordinator.rounds import transitions
from fl_coordinator.rounds.acceptance import is_accepted, median_change, relative_change

WORSE: Final = "worse"
NOT_FINITE: Final = "not_finite"
TOO_FEW: Final = "too_few_measurements"
_MAY_STILL_MEASURE: Final = frozenset({*transitions.OUTLIERS, transitions.NOT_DRAWN})


def validators_of(record: RoundRecord, most: int) -> list[str]:
    """Return who is asked: all that answered, those whose update fitted no cohort included, and those not drawn; at most so many, by lot.

    An attacked majority of a round's updates can put the others out of the model. It cannot put them out of its judgement.
    """
    odd = {device_id for device_id, reason in record.excluded.items() if reason in _MAY_STILL_MEASURE}
    able = sorted(odd | set(record.accepted))
    return sorted(random.Random(record.round).sample(able, min(most, len(able))))  # noqa: S311 - a lot, not a secret


def open_validation(
    record: RoundRecord, settings: FederationSettings, candidate_sha256: str, loss: float, now: float
) -> RoundRecord:
    """Ask the devices what the candidate is worth. `loss` is the sample-weighted local loss after training."""
    return replace(
        transitions.enter(record, RoundPhase.VALIDATING),
        candidate_sha256=candidate_sha256,
        validators=validators_of(record, settings.validators),
        validating_since=now,
        deadline_at=now + settings.validation_deadline_s,
        tolerance=settings.model_tolerance,
        loss=loss,
    )


def local_loss(record: RoundRecord) -> float:
    """Return the accepted devices' sample-weighted loss after training."""
    updates = record.updates.values()
    total = sum(update.samples for update in updates)
    return sum(update.loss * update.samples for update in updates) / max(total, 1)


def time_s(record: RoundRecord, settings: FederationSettings) -> float:
    """Return for how long devices are waited for where the round stands."""
    return settings.validation_deadline_s if record.phase is RoundPhase.VALIDATING else settings.round_deadline_s


def is_asked(record: RoundRecord, device_id: str) -> bool:
    """Whether the round waits for what this device measures."""
    return device_id in record.validators and device_id not in record.measurements


def is_measured(record: RoundRecord) -> bool:
    """Whether nobody is waited for any more."""
    return not any(is_asked(record, device_id) for device_id in record.validators)


def measure(record: RoundRecord, device_id: str, measurement: AcceptedMeasurement) -> RoundRecord:
    """Take in what a device measured, once."""
    if not is_asked(record, device_id):
        raise IllegalTransition(f"round {record.round} does not ask {device_id} for a measurement")
    return replace(record, measurements=record.measurements | {device_id: measurement})


def drop_validators(record: RoundRecord, device_ids: Sequence[str]) -> RoundRecord:
    """Wait for these devices no longer, nor count what they have measured."""
    validators = [name for name in record.validators if name not in device_ids]
    measurements = {name: one for name, one in record.measurements.items() if name not in device_ids}
    return replace(record, validators=validators, measurements=measurements)


def without_the_dropped(record: RoundRecord, quorum: int, now: float) -> RoundRecord:
    """Go back to aggregate what is still accepted, where the candidate was made of more than may count. Skipped below the quorum."""
    if len(record.accepted) < quorum:
        return transitions.skip(record, "no_quorum", now)
    return replace(
        transitions.enter(record, RoundPhase.AGGREGATING),
        candidate_sha256=None,
        validators=[],
        validating_since=None,
        measurements={},
        tolerance=None,
        loss=None,
    )


def decided(record: RoundRecord, quorum: int, now: float) -> RoundRecord:
    """End the round by what the devices measured: fewer than a quorum of them know too little, and nothing is accepted."""
    if len(record.measurements) < quorum:
        return transitions.skip(record, TOO_FEW, now)
    change = median_change([relative_change(one.loss_before, one.loss_after) for one in record.measurements.values()])
    record = replace(record, change=change)
    if is_accepted(change, record.tolerance or 0.0):
        return transitions.commit(record, now)
    return transitions.reject(record, WORSE, now)
