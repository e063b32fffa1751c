"""What the topics have told: scores a device, changes of state, rounds, the audit trail, ground truth. Knows no client."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from console.sources.series import Minutes
from contracts.errors import InvalidMessage
from contracts.federation import FlEvent, RoundRecord, decode_federation
from contracts.topics import Topics
from contracts.truth import TruthInterval
from contracts.verdicts import DeviceProfile, DeviceState, DeviceStatus, decode_scores, decode_status

MOST_ROUNDS: Final = 300
MOST_EVENTS: Final = 3000
MOST_CHANGES: Final = 200
MOST_TRUTHS: Final = 500
TruthKey = tuple[str, int, str, int]


@dataclass(frozen=True, slots=True)
class StateChange:
    """A device's state that differs from the one before it: told at `at` (epoch seconds), true since `event_minute`."""

    at: float
    event_minute: int
    state: DeviceState
    reason: str


@dataclass(slots=True)
class DeviceTrail:
    """What is kept of a device beside its status in Redis."""

    scores: Minutes = field(default_factory=Minutes.of_scores)
    changes: deque[StateChange] = field(default_factory=lambda: deque(maxlen=MOST_CHANGES))
    changes_added: int = 0
    profile: DeviceProfile | None = None
    label: str | None = None
    highest: tuple[int, int] = (-1, -1)


class Board:
    """Takes the records of the topics one by one; bounded in all it keeps. `version` rises with rounds, events and truth."""

    def __init__(self, topics: Topics) -> None:
        self.trails: defaultdict[str, DeviceTrail] = defaultdict(DeviceTrail)
        self.rounds: dict[int, RoundRecord] = {}
        self.events: deque[FlEvent] = deque(maxlen=MOST_EVENTS)
        self.truths: dict[TruthKey, TruthInterval] = {}
        self.unreadable: Counter[str] = Counter()
        self.rounds_version = 0
        self.truth_version = 0
        self._takers: dict[str, Callable[[bytes, float], None]] = {
            topics.scores: self._scores,
            topics.device_status: self._status,
            topics.truth: self._truth,
            topics.fl_rounds: self._round,
            topics.fl_events: self._event,
        }

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that it wants to be fed from."""
        return tuple(self._takers)

    def labels(self, devices: Iterable[str]) -> dict[str, str]:
        """Return the names of those devices that have one beside their id."""
        trails = {device_id: self.trails[device_id] for device_id in devices if device_id in self.trails}
        return {device_id: trail.label for device_id, trail in trails.items() if trail.label is not None}

    def take(self, topic: str, value: bytes | None, at: float) -> None:
        """Take one record with its timestamp (epoch seconds); what cannot be read is counted, never raised."""
        if value is None:
            return
        try:
            self._takers[topic](value, at)
        except (InvalidMessage, msgspec.DecodeError):
            self.unreadable[topic] += 1

    def _scores(self, value: bytes, at: float) -> None:
        del at
        batch = decode_scores(value)
        self.trails[batch.device_id].scores.take_scores(batch)

    def _status(self, value: bytes, at: float) -> None:
        status = decode_status(value)
        trail = self.trails[status.device_id]
        pair = (status.epoch, status.applied_through)
        if pair < trail.highest:
            return
        trail.highest = pair
        trail.label = status.label
        trail.profile = status.snapshot.profile if status.snapshot else trail.profile
        self._note_change(trail, status, at)

    def _note_change(self, trail: DeviceTrail, status: DeviceStatus, at: float) -> None:
        if trail.changes and trail.changes[-1].state == status.state:
            return
        trail.changes.append(StateChange(at, status.state_since, status.state, status.reason))
        trail.changes_added += 1

    def _truth(self, value: bytes, at: float) -> None:
        del at
        told = msgspec.json.decode(value, type=TruthInterval)
        # A replay that goes on tells its truth again, one that was told to stop tells a shorter one: the last counts.
        key = (told.device_id, told.session_id, told.attack, told.first_event_minute)
        self.truths.pop(key, None)
        self.truths[key] = told
        while len(self.truths) > MOST_TRUTHS:
            del self.truths[next(iter(self.truths))]
        self.truth_version += 1

    def _round(self, value: bytes, at: float) -> None:
        del at
        record = decode_federation(RoundRecord, value)
        known = self.rounds.get(record.round)
        # A fenced coordinator may have written after its successor: the higher lease is the truth.
        if known is not None and record.lease_token < known.lease_token:
            return
        self.rounds[record.round] = record
        while len(self.rounds) > MOST_ROUNDS:
            del self.rounds[min(self.rounds)]
        self.rounds_version += 1

    def _event(self, value: bytes, at: float) -> None:
        del at
        self.events.append(decode_federation(FlEvent, value))
        self.rounds_version += 1
