"""One device's decision whether to answer a round, and the devices of a host."""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog

from contracts.messages.federation import ModelUpdate, RoundPhase, RoundRecord
from fl_device.training.local import LocalResult

log = structlog.get_logger()


class Participant:
    """One device's side of the rounds: answers an invitation once, and only the newest coordinator's."""

    def __init__(self, device_id: str, highest_lease: int = 0, answered_round: int = 0) -> None:
        self.device_id = device_id
        self._highest_lease = highest_lease
        self._answered_round = answered_round

    def note_lease(self, lease_token: int) -> None:
        """Remember the highest lease seen, so that an older coordinator is refused from now on."""
        self._highest_lease = max(self._highest_lease, lease_token)

    def forget_rounds(self) -> None:
        """Know of no round and no coordinator any more: the rounds begin anew."""
        self._highest_lease = self._answered_round = 0

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
        if record.phase is not RoundPhase.COLLECTING:
            return "not_collecting"
        if self.device_id not in record.cohort:
            return "not_invited"
        if record.round <= self._answered_round or self.device_id in record.accepted:
            return "answered"
        if waited_s >= length_s(record):
            return "too_late"
        return None

    def mark_answered(self, record: RoundRecord) -> None:
        """Never answer this round again, whatever becomes of the answer."""
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


def length_s(record: RoundRecord) -> float:
    """Return how long the round takes answers, in seconds, on any clock."""
    return record.deadline_at - record.gated_at


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
        """Return the devices here that the newest round asks."""
        newest = self.newest_round
        cohort = [device for device in newest.cohort if device not in self.elsewhere] if newest else []
        invited = [self.participants[device_id] for device_id in cohort if device_id in self.participants]
        for participant in invited:
            if newest is not None and participant.has_answered_after(newest):
                # Answers are on the devices' own topics: after a restart they tell of rounds that their topic lost.
                log.warning("rounds_begin_anew", device_id=participant.device_id, round=newest.round)
                participant.forget_rounds()
        return invited
