"""The devices that a host runs, and the newest word on record that they all go by."""

from __future__ import annotations

from dataclasses import dataclass, field

from contracts.federation import RoundRecord
from fl_device.participant import Participant


@dataclass(slots=True)
class Hosted:
    """The devices of this process, and the newest coordinator and round that any record spoke of.

    `is_caught_up`: devices that are new here have read their vitals, so that they may be asked about a round that is open.
    """

    participants: dict[str, Participant] = field(default_factory=dict)
    highest_lease: int = 0
    newest_round: RoundRecord | None = None
    has_new: bool = False
    is_caught_up: bool = False

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

    def invited(self) -> list[Participant]:
        """Return the devices here that the newest round asks."""
        cohort = self.newest_round.cohort if self.newest_round else []
        return [self.participants[device_id] for device_id in cohort if device_id in self.participants]
