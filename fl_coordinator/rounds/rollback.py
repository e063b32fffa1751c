"""Carries out requests to take the global model back, each once, between two rounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from contracts.configuration.parts import FederationSettings, ServiceSettings
from contracts.errors import InvalidMessage, Unavailable
from contracts.messages.federation import ModelRollback, RoundPhase, RoundRecord, decode_federation
from fl_coordinator.gate.selection import ask_redis
from fl_coordinator.journal import Journal
from fl_coordinator.models.registry import GlobalModels
from fl_coordinator.rounds.lease import Lease
from fl_coordinator.rounds.metrics import measure_rollback
from transport.compacted_table import CompactedTable, TableRecord
from transport.kafka.admin import ensure_topics
from transport.kafka.topic_reader import TopicReader

log = structlog.get_logger()


class RollbackRequests:
    """The requests on record, without I/O."""

    def __init__(self) -> None:
        self._requests: dict[str, ModelRollback] = {}

    def forget(self) -> None:
        """Know of no request any more."""
        self._requests.clear()

    def note(self, record: TableRecord) -> None:
        """Take the next record of the topic. What is no request is left out."""
        try:
            request = decode_federation(ModelRollback, record.value)
        except InvalidMessage as error:
            log.warning("rollback_unreadable", offset=record.offset, reason=error.reason)
            return
        self._requests[request.request] = request

    def besides(self, done: set[str]) -> list[ModelRollback]:
        """Return the requests that are not among those done, in the order in which they were made."""
        open_ones = [request for name, request in self._requests.items() if name not in done]
        return sorted(open_ones, key=lambda request: request.requested_at)


async def rollback_table(settings: ServiceSettings, reader: TopicReader) -> CompactedTable[RollbackRequests]:
    """Return the requests, to be refreshed. Creates their topic in an installation that is older than it. Raises Unavailable."""
    await reader.add([settings.topics.fl_rollbacks], start="earliest")
    if not reader.topics_read:
        await asyncio.to_thread(ensure_topics, settings, [settings.topics.fl_rollbacks_spec])
    return CompactedTable(reader, settings.topics.fl_rollbacks, RollbackRequests(), name="the requests for a rollback")


@dataclass(frozen=True, slots=True)
class Rollbacks:
    """Takes the model back where a person asked for it. A round of its own number says so, and makes the model the current one.

    `done` are the requests that rounds on record name.
    """

    settings: FederationSettings
    requests: CompactedTable[RollbackRequests]
    models: GlobalModels
    journal: Journal
    lease: Lease
    clock: Callable[[], float]
    done: set[str] = field(default_factory=set)

    async def carry_out(self, number: int) -> int:
        """Carry out what is asked for, in rounds from `number` on, and return the number of the next one.

        What cannot be done now for want of Kafka or Redis is done at the next call. Raises Fenced.
        """
        try:
            for request in (await self.requests.refresh()).besides(self.done):
                await ask_redis(self.lease.check)
                await self._carry_out(request, number)
                self.done.add(request.request)
                number += 1
        except Unavailable as error:
            log.warning("rollback_waits", error=str(error))
        return number

    async def _carry_out(self, request: ModelRollback, number: int) -> None:
        former = self.models.current
        model = await self.models.found(request.sha256, number)
        phase = RoundPhase.FAILED if model is None else RoundPhase.ROLLED_BACK
        now = self.clock()
        record = RoundRecord(
            round=number, phase=phase, task=self.settings.federated_task, lease_token=self.lease.token,
            model_sha256=former.sha256, gated_at=now, deadline_at=now, cohort=[], excluded={}, accepted=[],
            candidate_sha256=request.sha256, new_model_sha256=None if model is None else model.sha256,
            reason=request.reason, request=request.request, by=request.by, ended_at=now,
        )  # fmt: skip
        await self.journal.round(record)
        if model is not None:
            self.models.take(model)
            measure_rollback(record)
        await self.journal.event(
            f"model_{phase}" if model is not None else "model_rollback_failed", number, reason=request.reason,
            request=request.request, by=request.by, requested_at=request.requested_at, was=former.sha256,
            model=request.sha256,
        )  # fmt: skip
        log.warning(f"model_{phase}", round=number, was=former.sha256, model=request.sha256, by=request.by)
