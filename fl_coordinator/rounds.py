"""A round as a pure state machine: proposed -> collecting -> aggregating -> committed, or skipped, or failed.

Every step takes a record and returns the next one; nothing here reads a clock or does I/O. What the record
holds (round, model, cohort, accepted) is all a later coordinator needs to see where a round stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from contracts.federation import RoundPhase, RoundRecord
from fl_coordinator.errors import IllegalTransition
from fl_coordinator.selection import Selection

NEXT_PHASES: Final = {
    RoundPhase.PROPOSED: {RoundPhase.COLLECTING, RoundPhase.SKIPPED, RoundPhase.FAILED},
    RoundPhase.COLLECTING: {RoundPhase.AGGREGATING, RoundPhase.SKIPPED, RoundPhase.FAILED},
    RoundPhase.AGGREGATING: {RoundPhase.COMMITTED, RoundPhase.SKIPPED, RoundPhase.FAILED},
    RoundPhase.COMMITTED: set[RoundPhase](),
    RoundPhase.SKIPPED: set[RoundPhase](),
    RoundPhase.FAILED: set[RoundPhase](),
}
NO_ANSWER: Final = "no_answer"


@dataclass(frozen=True, slots=True)
class RoundTerms:
    """What every round of this coordinator has in common (deadline in wall seconds)."""

    task: str
    quorum: int
    deadline_s: float
    local_epochs: int
    batch_size: int
    learning_rate: float


def propose(
    number: int, terms: RoundTerms, *, lease_token: int, model_sha256: str, selection: Selection
) -> RoundRecord:
    """Return a proposed round over the selected devices."""
    return RoundRecord(
        round=number,
        phase=RoundPhase.PROPOSED,
        task=terms.task,
        lease_token=lease_token,
        model_sha256=model_sha256,
        gated_at=selection.gated_at,
        deadline_at=selection.gated_at + terms.deadline_s,
        cohort=list(selection.cohort),
        excluded=dict(selection.excluded),
        accepted=[],
        local_epochs=terms.local_epochs,
        batch_size=terms.batch_size,
        learning_rate=terms.learning_rate,
    )


def open_collection(record: RoundRecord, quorum: int, now: float) -> RoundRecord:
    """Ask the cohort for updates, or skip the round when it is smaller than the quorum."""
    if len(record.cohort) < quorum:
        return skip(record, "no_quorum", now)
    return _enter(record, RoundPhase.COLLECTING)


def is_awaited(record: RoundRecord, device_id: str) -> bool:
    """Whether this device was asked and has neither answered nor been dropped."""
    return device_id in record.cohort and device_id not in record.accepted and device_id not in record.excluded


def is_complete(record: RoundRecord) -> bool:
    """Whether nobody is awaited any more."""
    return not any(is_awaited(record, device_id) for device_id in record.cohort)


def accept(record: RoundRecord, device_id: str) -> RoundRecord:
    """Count a device's update in; once a round, whoever sends it again changes nothing."""
    _need(record, RoundPhase.COLLECTING)
    if device_id in record.accepted:
        return record
    if not is_awaited(record, device_id):
        raise IllegalTransition(f"round {record.round} does not await {device_id}")
    return replace(record, accepted=sorted([*record.accepted, device_id]))


def drop(record: RoundRecord, device_id: str, reason: str) -> RoundRecord:
    """Put a device of the cohort out of the round, accepted or not; it stays in `cohort` and is in `excluded`."""
    if device_id not in record.cohort:
        raise IllegalTransition(f"{device_id} is not in the cohort of round {record.round}")
    accepted = [name for name in record.accepted if name != device_id]
    return replace(record, accepted=accepted, excluded={device_id: reason} | record.excluded)


def close_collection(record: RoundRecord, quorum: int, now: float) -> RoundRecord:
    """End the collection: who did not answer is out; aggregate with a quorum, skip without."""
    _need(record, RoundPhase.COLLECTING)
    for device_id in record.cohort:
        if is_awaited(record, device_id):
            record = drop(record, device_id, NO_ANSWER)
    if len(record.accepted) < quorum:
        return skip(record, "no_quorum", now)
    return _enter(record, RoundPhase.AGGREGATING)


def commit(record: RoundRecord, new_model_sha256: str, loss: float, now: float) -> RoundRecord:
    """End the round with a new global model; `loss` is the sample-weighted local loss after training."""
    record = _enter(record, RoundPhase.COMMITTED)
    return replace(record, new_model_sha256=new_model_sha256, loss=loss, ended_at=now)


def skip(record: RoundRecord, reason: str, now: float) -> RoundRecord:
    """End the round without touching the model: too few devices, or no way to check them."""
    return replace(_enter(record, RoundPhase.SKIPPED), reason=reason, ended_at=now)


def fail(record: RoundRecord, reason: str, now: float) -> RoundRecord:
    """End the round without touching the model: the coordinator could not carry it out."""
    return replace(_enter(record, RoundPhase.FAILED), reason=reason, ended_at=now)


def is_final(record: RoundRecord) -> bool:
    """Whether the round has ended."""
    return not NEXT_PHASES[record.phase]


def _enter(record: RoundRecord, phase: RoundPhase) -> RoundRecord:
    if phase not in NEXT_PHASES[record.phase]:
        raise IllegalTransition(f"round {record.round} cannot go from {record.phase} to {phase}")
    return replace(record, phase=phase)


def _need(record: RoundRecord, phase: RoundPhase) -> None:
    if record.phase is not phase:
        raise IllegalTransition(f"round {record.round} is {record.phase}, not {phase}")
