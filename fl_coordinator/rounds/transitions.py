"""A round as a pure state machine: proposed -> collecting -> aggregating -> validating -> committed, or rejected, skipped, failed.

Every step takes a record and returns the next one; nothing here reads a clock or does I/O. What the record
holds (round, model, cohort, accepted updates) is all a later coordinator needs to go on with it.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left, insort
from collections.abc import Sequence, Set
from typing import Final

from msgspec.structs import replace

from contracts.configuration.parts import FederationSettings
from contracts.messages.federation import AcceptedUpdate, RoundPhase, RoundRecord
from fl_coordinator.errors import IllegalTransition
from fl_coordinator.gate.selection import Selection

NEXT_PHASES: Final[dict[RoundPhase, Set[RoundPhase]]] = {
    RoundPhase.PROPOSED: {RoundPhase.COLLECTING, RoundPhase.SKIPPED, RoundPhase.FAILED},
    RoundPhase.COLLECTING: {RoundPhase.AGGREGATING, RoundPhase.SKIPPED, RoundPhase.FAILED},
    RoundPhase.AGGREGATING: {RoundPhase.VALIDATING, RoundPhase.REJECTED, RoundPhase.SKIPPED, RoundPhase.FAILED},
    RoundPhase.VALIDATING: {
        RoundPhase.AGGREGATING,
        RoundPhase.COMMITTED,
        RoundPhase.REJECTED,
        RoundPhase.SKIPPED,
        RoundPhase.FAILED,
    },
    **dict.fromkeys(
        (RoundPhase.COMMITTED, RoundPhase.REJECTED, RoundPhase.SKIPPED, RoundPhase.FAILED, RoundPhase.ROLLED_BACK),
        frozenset[RoundPhase](),
    ),
}
RECORDS_A_ROUND: Final = 32
RECORD_WITHIN_S: Final = 1.0
NO_ANSWER: Final = "no_answer"
STRAGGLER: Final = "straggler"
NOT_DRAWN: Final = "not_drawn"
OUTLIERS: Final = ("norm", "camp", "cosine")
"""Why an update does not fit the cohort: too long, with a few others against all others, against the median."""


def propose(
    number: int, settings: FederationSettings, *, lease_token: int, model_sha256: str, selection: Selection
) -> RoundRecord:
    """Return a proposed round over the selected devices, or over as many of them as the settings ask for, drawn by lot."""
    drawn = _drawn(number, settings, selection.cohort)
    not_drawn = dict.fromkeys(sorted(set(selection.cohort) - set(drawn)), NOT_DRAWN)
    return RoundRecord(
        round=number,
        phase=RoundPhase.PROPOSED,
        task=settings.federated_task,
        lease_token=lease_token,
        model_sha256=model_sha256,
        gated_at=selection.gated_at,
        deadline_at=selection.gated_at + settings.round_deadline_s,
        cohort=drawn,
        excluded=dict(selection.excluded) | not_drawn,
        accepted=[],
        opened_with=lease_token,
        target=settings.round_target,
        local_epochs=settings.local_epochs,
        batch_size=settings.local_batch_size,
        learning_rate=settings.local_learning_rate,
        proximal_mu=settings.proximal_mu,
        aggregation=settings.aggregation,
    )


def open_collection(record: RoundRecord, quorum: int, now: float) -> RoundRecord:
    """Ask the cohort for updates, or skip the round when it is smaller than the quorum."""
    if len(record.cohort) < quorum:
        return skip(record, "no_quorum", now)
    return enter(record, RoundPhase.COLLECTING)


def is_invited(record: RoundRecord, device_id: str) -> bool:
    """Whether this device was asked. The cohort is in order, so that a large one need not be searched from end to end."""
    at = bisect_left(record.cohort, device_id)
    return record.cohort[at : at + 1] == [device_id]


def is_awaited(record: RoundRecord, device_id: str) -> bool:
    """Whether this device was asked and has neither answered nor been dropped."""
    is_settled = device_id in record.updates or device_id in record.excluded
    return not is_settled and is_invited(record, device_id)


def is_complete(record: RoundRecord) -> bool:
    """Whether nobody is awaited any more: all have answered, or as many as were wanted."""
    if record.target is not None and len(record.accepted) >= record.target:
        return True
    return all(device_id in record.updates or device_id in record.excluded for device_id in record.cohort)


def is_worth_a_record(record: RoundRecord, published: RoundRecord, age_s: float) -> bool:
    """Whether to write the whole record again: what is on record is a second old, or as much has come since as a thirty-second of the cohort.

    The record is as long as its cohort, so written for each answer of a thousand devices it would be a thousand times as much. Answers that
    are not on record yet lie on the devices' topics, where a later coordinator reads them again.
    """
    if record is published or age_s >= RECORD_WITHIN_S:
        return record is not published
    return _settled(record) - _settled(published) >= len(record.cohort) // RECORDS_A_ROUND


def _settled(record: RoundRecord) -> int:
    """Return how many answers and measurements are no longer waited for, but for what is the same all the time."""
    return len(record.updates) + len(record.excluded) + len(record.measurements) - len(record.validators)


def accept(record: RoundRecord, device_id: str, update: AcceptedUpdate) -> RoundRecord:
    """Count a device's update in, once a round. Whoever sends it again changes nothing."""
    _need(record, RoundPhase.COLLECTING)
    if device_id in record.updates:
        return record
    if not is_awaited(record, device_id):
        raise IllegalTransition(f"round {record.round} does not await {device_id}")
    accepted = record.accepted.copy()
    insort(accepted, device_id)
    return replace(record, accepted=accepted, updates=record.updates | {device_id: update})


def drop(record: RoundRecord, device_id: str, reason: str) -> RoundRecord:
    """Put a device of the cohort out of the round, accepted or not. It stays in `cohort` and is in `excluded`."""
    if not is_invited(record, device_id):
        raise IllegalTransition(f"{device_id} is not in the cohort of round {record.round}")
    accepted = [name for name in record.accepted if name != device_id]
    updates = {name: update for name, update in record.updates.items() if name != device_id}
    return replace(record, accepted=accepted, updates=updates, excluded={device_id: reason} | record.excluded)


def close_collection(record: RoundRecord, quorum: int, now: float) -> RoundRecord:
    """End the collection: who did not answer, or not among the first, is out. A quorum is aggregated, less is skipped."""
    _need(record, RoundPhase.COLLECTING)
    silent = STRAGGLER if is_complete(record) else NO_ANSWER
    missing = [name for name in record.cohort if name not in record.updates and name not in record.excluded]
    record = replace(record, excluded=dict.fromkeys(missing, silent) | record.excluded)
    if len(record.accepted) < quorum:
        return skip(record, "no_quorum", now)
    return enter(record, RoundPhase.AGGREGATING)


def resume(record: RoundRecord, lease_token: int, deadline_at: float) -> RoundRecord:
    """Take over a round that another coordinator left open. What it accepted stays accepted."""
    if is_final(record):
        raise IllegalTransition(f"round {record.round} is {record.phase}: there is nothing to resume")
    return replace(record, lease_token=lease_token, deadline_at=deadline_at)


def commit(record: RoundRecord, now: float) -> RoundRecord:
    """End the round: its candidate is the new global model."""
    return replace(enter(record, RoundPhase.COMMITTED), new_model_sha256=record.candidate_sha256, ended_at=now)


def reject(record: RoundRecord, reason: str, now: float) -> RoundRecord:
    """End the round without touching the model: what was made of the updates is worth less than what there was."""
    return replace(enter(record, RoundPhase.REJECTED), reason=reason, ended_at=now)


def skip(record: RoundRecord, reason: str, now: float) -> RoundRecord:
    """End the round without touching the model: too few devices, or no way to check them."""
    return replace(enter(record, RoundPhase.SKIPPED), reason=reason, ended_at=now)


def fail(record: RoundRecord, reason: str, now: float) -> RoundRecord:
    """End the round without touching the model: the coordinator could not carry it out."""
    return replace(enter(record, RoundPhase.FAILED), reason=reason, ended_at=now)


def is_final(record: RoundRecord) -> bool:
    """Whether the round has ended."""
    return not NEXT_PHASES[record.phase]


def _drawn(number: int, settings: FederationSettings, eligible: Sequence[str]) -> list[str]:
    """Draw whom to ask by the round's number, so that a resumed proposal asks the same and over time all get their turn."""
    if settings.round_target is None:
        return list(eligible)
    count = min(len(eligible), math.ceil(settings.round_target * settings.round_over_selection))
    return sorted(random.Random(number).sample(sorted(eligible), count))  # noqa: S311 - a lot, not a secret


def enter(record: RoundRecord, phase: RoundPhase) -> RoundRecord:
    """Return the record in its next phase. Raises IllegalTransition where the present one does not lead there."""
    if phase not in NEXT_PHASES[record.phase]:
        raise IllegalTransition(f"round {record.round} cannot go from {record.phase} to {phase}")
    return replace(record, phase=phase)


def _need(record: RoundRecord, phase: RoundPhase) -> None:
    if record.phase is not phase:
        raise IllegalTransition(f"round {record.round} is {record.phase}, not {phase}")
