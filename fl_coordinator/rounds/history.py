"""The rounds and models on record when a coordinator starts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from contracts.configuration.parts import ServiceSettings
from contracts.errors import InvalidMessage
from contracts.messages.federation import FlEvent, GlobalModel, RoundRecord, decode_federation
from transport.kafka.topic_reader import TopicReader

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class History:
    """The latest record of every round by its number, the models by sha256, oldest first, and the last round of the audit trail."""

    rounds: dict[int, RoundRecord]
    models: dict[str, GlobalModel]
    last_in_trail: int = 0

    @property
    def last_round(self) -> int:
        """Number of the latest round on record; 0 when there is none."""
        return max(self.rounds, default=0)

    @property
    def is_lost(self) -> bool:
        """Whether the audit trail knows of later rounds than are on record: the topic of rounds was made anew."""
        return self.last_in_trail > self.last_round

    @property
    def next_round(self) -> int:
        """Number of the next round: never one that a device may have answered before, even if its record is gone."""
        return max(self.last_round, self.last_in_trail) + 1

    @property
    def last_lease_token(self) -> int:
        """Highest lease token any coordinator has used on record; 0 when there is none."""
        return max((record.lease_token for record in self.rounds.values()), default=0)


async def read_history(settings: ServiceSettings) -> History:
    """Read rounds and models from their beginning to what is last now, and the end of the audit trail. Raises Unavailable."""
    topics = settings.topics
    history, last_in_trail = History({}, {}), 0
    async with TopicReader(settings) as reader:
        await reader.add_existing([topics.fl_rounds, topics.models], start="earliest")
        await reader.add_existing([topics.fl_events], start="tail")
        for record in await reader.read_to_end():
            try:
                if record.topic == topics.models:
                    _note_model(history, record.key, record.value)
                elif record.topic == topics.fl_events:
                    last_in_trail = max(last_in_trail, decode_federation(FlEvent, record.value).round)
                else:
                    _note_round(history, decode_federation(RoundRecord, record.value))
            except InvalidMessage as error:
                log.warning("record_unreadable", topic=record.topic, offset=record.offset, reason=error.reason)
    return replace(history, last_in_trail=last_in_trail)


def _note_round(history: History, record: RoundRecord) -> None:
    known = history.rounds.get(record.round)
    # A fenced coordinator may have written after its successor: the higher lease is the truth.
    if known is None or record.lease_token >= known.lease_token:
        history.rounds[record.round] = record


def _note_model(history: History, key: bytes | None, value: bytes | None) -> None:
    if value is None:
        history.models.pop((key or b"").decode(errors="replace"), None)
        return
    model = decode_federation(GlobalModel, value)
    history.models[model.sha256] = model
