"""The bounded past of an installation for the pages: scores, changes of state, rounds, audit trail, ground truth."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from console.sources.series import Minutes
from console.sources.topic_view import TopicView, TruthKey, truth_key
from contracts.messages.federation import FlEvent, RoundRecord
from contracts.messages.truth import TruthInterval
from contracts.messages.verdicts import DeviceProfile, DeviceState, DeviceStatus, ScoreBatch
from contracts.topics import Topics
from transport.kafka.topic_reader import Start

LOOK_BACK_S: Final = 86_400.0
MOST_ROUNDS: Final = 300
MOST_EVENTS: Final = 3000
MOST_CHANGES: Final = 200
MOST_TRUTHS: Final = 500


@dataclass(frozen=True, slots=True)
class StateChange:
    """A device's state that differs from the one before it: published at `at` (epoch seconds), true since `event_minute`."""

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


class Board(TopicView):
    """Keeps what the pages show, bounded in all it keeps. The versions rise with rounds and events, and with truth."""

    def __init__(self, topics: Topics) -> None:
        super().__init__(topics)
        self.trails: defaultdict[str, DeviceTrail] = defaultdict(DeviceTrail)
        self.rounds: dict[int, RoundRecord] = {}
        self.events: deque[FlEvent] = deque(maxlen=MOST_EVENTS)
        self.truths: dict[TruthKey, TruthInterval] = {}
        self.rounds_version = 0
        self.truth_version = 0

    def starts(self, topics: Collection[str]) -> Mapping[str, Start]:
        """Rounds and statuses from the beginning, all else from a day ago."""
        day_ago = time.time() - LOOK_BACK_S
        compacted = {self._topics.fl_rounds, self._topics.device_status}
        return {topic: "earliest" if topic in compacted else day_ago for topic in self._decoders if topic in topics}

    def labels(self, devices: Iterable[str]) -> dict[str, str]:
        """Return the names of those devices that have one beside their id."""
        trails = {device_id: self.trails[device_id] for device_id in devices if device_id in self.trails}
        return {device_id: trail.label for device_id, trail in trails.items() if trail.label is not None}

    def _scores(self, batch: ScoreBatch, at: float) -> None:
        del at
        self.trails[batch.device_id].scores.take_scores(batch)

    def _status(self, status: DeviceStatus, at: float) -> None:
        trail = self.trails[status.device_id]
        trail.label = status.label
        trail.profile = status.snapshot.profile if status.snapshot else trail.profile
        if trail.changes and trail.changes[-1].state == status.state:
            return
        trail.changes.append(StateChange(at, status.state_since, status.state, status.reason))
        trail.changes_added += 1

    def _truth(self, interval: TruthInterval) -> None:
        key = truth_key(interval)
        self.truths.pop(key, None)
        self.truths[key] = interval
        while len(self.truths) > MOST_TRUTHS:
            del self.truths[next(iter(self.truths))]
        self.truth_version += 1

    def _round(self, record: RoundRecord) -> None:
        known = self.rounds.get(record.round)
        # A fenced coordinator may have written after its successor: the higher lease is the truth.
        if known is not None and record.lease_token < known.lease_token:
            return
        self.rounds[record.round] = record
        while len(self.rounds) > MOST_ROUNDS:
            del self.rounds[min(self.rounds)]
        self.rounds_version += 1

    def _event(self, event: FlEvent) -> None:
        self.events.append(event)
        self.rounds_version += 1
