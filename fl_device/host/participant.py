"""One device's decision whether to answer a round, and the devices of a host."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import structlog

from contracts.messages.federation import MOST_LOSS, ModelMeasurement, ModelUpdate, RoundPhase, RoundRecord
from fl_device.training.course import LocalResult

log = structlog.get_logger()


class Participant:
    """One device's side of the rounds: answers an invitation once, and only the newest coordinator's."""

    def __init__(self, device_id: str, highest_lease: int = 0, answered_round: int = 0) -> None:
        self.device_id = device_id
        self._highest_lease = highest_lease
        self._answered_round = answered_round
        self._measured: tuple[int, str | None] = (0, None)

    def note_lease(self, lease_token: int) -> None:
        """Remember the highest lease seen, so that an older coordinator is refused from now on."""
        self._highest_lease = max(self._highest_lease, lease_token)

    def forget_rounds(self) -> None:
        """Know of no round and no coordinator any more: the rounds begin anew."""
        self._highest_lease = self._answered_round = 0
        self._measured = (0, None)

    def has_answered_after(self, record: RoundRecord) -> bool:
        """Whether this device answered a later round than this one."""
        return record.round < self._answered_round

    def declines_because(self, record: RoundRecord, waited_s: float) -> str | None:
        """Return why this device does not answer the record, or None. `waited_s` is the time since its host received it.

        Wall clocks do not count: the round's length is a difference of two times of the coordinator's clock, and it is the
        coordinator that decides what came in time.
        """
        if record.lease_token < self._highest_lease:
            return "lower_lease"
        if record.phase is RoundPhase.VALIDATING:
            return self._does_not_measure_because(record, waited_s)
        if record.phase is not RoundPhase.COLLECTING:
            return "not_collecting"
        if self.device_id not in record.cohort:
            return "not_invited"
        if record.round <= self._answered_round or self.device_id in record.accepted:
            return "answered"
        if waited_s >= length_s(record):
            return "too_late"
        return None

    def _does_not_measure_because(self, record: RoundRecord, waited_s: float) -> str | None:
        if self.device_id not in record.validators:
            return "not_asked"
        if self._measured == (record.round, record.candidate_sha256) or self.device_id in record.measurements:
            return "answered"
        return "too_late" if waited_s >= length_s(record) else None

    def mark_answered(self, record: RoundRecord) -> None:
        """Never answer what this round asks now again, whatever becomes of the answer."""
        if record.phase is RoundPhase.VALIDATING:
            self._measured = (record.round, record.candidate_sha256)
        else:
            self._answered_round = max(self._answered_round, record.round)

    def update(self, record: RoundRecord, update_sha256: str, result: LocalResult, now: float) -> ModelUpdate:
        """Return the answer to a round. The weights lie in the blob store under `update_sha256`."""
        return ModelUpdate(
            device_id=self.device_id,
            round=record.round,
            lease_token=record.lease_token,
            base_sha256=record.model_sha256,
            update_sha256=update_sha256,
            sample_count=result.sample_count,
            loss_before=result.loss_before,
            loss_after=result.loss_after,
            train_s=result.train_s,
            sent_at=now,
        )

    def nothing_to_train(self, record: RoundRecord, now: float) -> ModelUpdate:
        """Return the answer of a device that has no released window yet: no samples, the model unchanged."""
        nothing = LocalResult(weights={}, sample_count=0, loss_before=0.0, loss_after=0.0, train_s=0.0)
        return self.update(record, record.model_sha256, nothing, now)

    def measurement(
        self, record: RoundRecord, losses: tuple[float, float], windows: int, now: float
    ) -> ModelMeasurement:
        """Return what the device found: the former model's loss and the candidate's on so many held-out windows (0: it has none)."""
        before, after = (bounded_loss(loss) for loss in losses)
        return ModelMeasurement(
            device_id=self.device_id,
            round=record.round,
            lease_token=record.lease_token,
            base_sha256=record.model_sha256,
            candidate_sha256=record.candidate_sha256 or "",
            sample_count=windows,
            loss_before=before,
            loss_after=after,
            sent_at=now,
        )


def bounded_loss(loss: float) -> float:
    """Return a loss that can be reported: no number at all is as bad as the worst one.

    >>> bounded_loss(1.5), bounded_loss(float("nan")), bounded_loss(float("inf"))
    (1.5, 1000000.0, 1000000.0)
    """
    return MOST_LOSS if math.isnan(loss) else min(max(loss, 0.0), MOST_LOSS)


def length_s(record: RoundRecord) -> float:
    """Return how long the round takes answers to what it asks now, in seconds, on any clock."""
    return record.deadline_at - (record.validating_since or record.gated_at)


@dataclass(slots=True)
class HostedDevices:
    """The devices of this process, and the newest coordinator and round that any record spoke of.

    `is_caught_up`: devices that are new here have read their vitals, so that they may be asked about a round that is open.
    `elsewhere`: devices that another host runs, for which this one says nothing.
    """

    participants: dict[str, Participant] = field(default_factory=dict)
    highest_lease: int = 0
    newest_round: RoundRecord | None = None
    has_new: bool = False
    is_caught_up: bool = False
    elsewhere: set[str] = field(default_factory=set)

    def add(self, device_id: str, answered_round: int) -> None:
        """Take in a device that has answered no round after `answered_round`."""
        self.participants[device_id] = Participant(device_id, self.highest_lease, answered_round)
        self.has_new = True

    def note(self, record: RoundRecord) -> None:
        """Remember the newest round, and the highest lease for all devices."""
        self.highest_lease = max(self.highest_lease, record.lease_token)
        for participant in self.participants.values():
            participant.note_lease(record.lease_token)
        if self.newest_round is None or record.round >= self.newest_round.round:
            self.newest_round = record

    def forget_rounds(self) -> None:
        """Know of no round and no coordinator any more: their topic was made anew, and numbers and leases may begin at 1."""
        self.highest_lease, self.newest_round = 0, None
        for participant in self.participants.values():
            participant.forget_rounds()

    def invited(self) -> list[Participant]:
        """Return the devices here that the newest round asks now."""
        record = self.newest_round
        if record is None:
            return []
        asked = record.validators if record.phase is RoundPhase.VALIDATING else record.cohort
        invited = [
            self.participants[name] for name in asked if name in self.participants and name not in self.elsewhere
        ]
        for participant in invited:
            if participant.has_answered_after(record):
                # Answers are on the devices' own topics: after a restart they tell of rounds that their topic lost.
                log.warning("rounds_begin_anew", device_id=participant.device_id, round=record.round)
                participant.forget_rounds()
        return invited
