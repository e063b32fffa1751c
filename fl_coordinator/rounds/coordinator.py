"""Runs a round from the selection of devices to the new global model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import structlog

from contracts.errors import Unavailable
from contracts.federation import RoundPhase, RoundRecord
from fl_coordinator.aggregation.base import aggregate, aggregation_rule
from fl_coordinator.errors import AggregationRefused, GateClosed
from fl_coordinator.gate.selection import RoundGate, Selection, ask_redis
from fl_coordinator.journal import Journal
from fl_coordinator.models.registry import GlobalModels, model_of
from fl_coordinator.rounds import transitions
from fl_coordinator.rounds.lease import Lease
from fl_coordinator.rounds.metrics import measure_round
from fl_coordinator.updates.collection import Collection

log = structlog.get_logger()
POLL_S = 0.2


class Coordinator:
    """Runs one round after another. Where the round under way stands is in `collection.record` alone."""

    def __init__(
        self,
        terms: transitions.RoundTerms,
        gate: RoundGate,
        models: GlobalModels,
        journal: Journal,
        lease: Lease,
        collection: Collection,
        clock: Callable[[], float],
        stop: asyncio.Event,
    ) -> None:
        self._terms = terms
        self._rule = aggregation_rule(terms.aggregation)
        self._gate = gate
        self._models = models
        self._journal = journal
        self._lease = lease
        self._collection = collection
        self._clock = clock
        self._stop = stop

    async def run_round(self, number: int) -> RoundRecord:
        """Run a round to its end and return its final record; raises Fenced, never Unavailable."""
        return await self._to_its_end(self._proposal(number, Selection(self._clock(), (), {})), self._carry_out)

    async def resume_round(self, record: RoundRecord) -> RoundRecord:
        """Go on with a round that another coordinator left open, from what is on record; as `run_round`."""
        record = transitions.resume(record, self._lease.token, self._clock() + self._terms.deadline_s)
        log.info("round_resumed", round=record.round, phase=record.phase, accepted=record.accepted)
        return await self._to_its_end(record, self._carry_on)

    async def wait_until(self, when: float) -> None:
        """Refuse what comes between rounds until `when` (monotonic seconds) or the stop; never raises Unavailable."""
        while (left_s := when - monotonic()) > 0 and not self._stop.is_set():
            try:
                await self._collection.read(min(left_s, POLL_S))
            except Unavailable as error:
                log.warning("waiting_for_services", error=str(error))
                await asyncio.sleep(min(left_s, 1.0))

    async def _to_its_end(self, record: RoundRecord, steps: Callable[[], Awaitable[None]]) -> RoundRecord:
        started = monotonic()
        self._collection.record = record
        try:
            await steps()
        except GateClosed as error:
            log.warning("redis_unavailable", round=record.round, error=str(error))
            await self._end(transitions.skip(self._collection.current, "redis_unavailable", self._clock()))
        except Unavailable as error:
            log.warning("kafka_unavailable", round=record.round, error=str(error))
            await self._end(transitions.fail(self._collection.current, "kafka_unavailable", self._clock()))
        finally:
            record = self._collection.close()
        measure_round(record, monotonic() - started)
        return record

    async def _carry_out(self) -> None:
        record = self._proposal(self._collection.current.round, await self._select())
        log.info("round_gated", round=record.round, cohort=record.cohort, excluded=record.excluded)
        await self._journal.round(record)
        await self._journal.event(
            "round_gated", record.round, cohort=record.cohort, excluded=record.excluded, model=record.model_sha256
        )
        record = transitions.open_collection(record, self._terms.quorum, self._clock())
        if transitions.is_final(record):
            await self._end(record)
            return
        self._collection.open(record, self._models.current)
        await self._collect_and_close()

    async def _select(self) -> Selection:
        inbox = self._collection.inbox
        await inbox.discover()
        await self._gate.refresh_keys()
        await ask_redis(self._lease.check)
        await ask_redis(self._models.show)
        return await self._gate.select(inbox.participating)

    def _proposal(self, number: int, selection: Selection) -> RoundRecord:
        sha256 = self._models.current.sha256
        return transitions.propose(
            number, self._terms, lease_token=self._lease.token, model_sha256=sha256, selection=selection
        )

    async def _carry_on(self) -> None:
        """Resume a round: a proposal begins anew, a collection gets its whole time again, an aggregation is repeated."""
        record = self._collection.current
        await self._journal.event("round_resumed", record.round, reason=str(record.phase), lease=self._lease.token)
        if record.phase is RoundPhase.PROPOSED:
            await self._carry_out()
            return
        if record.model_sha256 != self._models.current.sha256:
            await self._end(transitions.fail(record, "model_lost", self._clock()))
            return
        self._collection.open(record, self._models.current)
        await self._collection.restore()
        if record.phase is RoundPhase.COLLECTING:
            await self._collection.inbox.discover()
            await self._collect_and_close()
            return
        await self._collection.gate_and_screen_accepted()
        if len(self._collection.current.accepted) < self._terms.quorum:
            await self._end(transitions.skip(self._collection.current, "no_quorum", self._clock()))
        else:
            await self._aggregate()

    async def _collect_and_close(self) -> None:
        await self._collect()
        record = self._collection.settle()
        if self._stop.is_set() and not transitions.is_complete(record):
            await self._end(transitions.fail(record, "coordinator_stopped", self._clock()))
            return
        record = transitions.close_collection(record, self._terms.quorum, self._clock())
        if transitions.is_final(record):
            await self._end(record)
        else:
            self._collection.record = record
            await self._aggregate()

    async def _collect(self) -> None:
        """Collect until everybody has answered, the deadline or the stop, then gate the accepted once more."""
        published = self._collection.current
        await self._journal.round(published)
        while not transitions.is_complete(published) and not self._stop.is_set():
            left_s = published.deadline_at - self._clock()
            if left_s <= 0:
                break
            await self._collection.read(min(left_s, POLL_S))
            if self._collection.current is not published:
                published = self._collection.current
                await self._journal.round(published)  # what a later coordinator goes on from
        await self._collection.gate_and_screen_accepted()

    async def _aggregate(self) -> None:
        record, base = self._collection.current, self._models.current
        # A coordinator that was replaced while it collected has no say in the model, nor in what is on record.
        await ask_redis(self._lease.check)
        await self._journal.round(record)
        contributions, loss = self._collection.accepted()
        try:
            model = model_of(aggregate(self._rule, contributions, base.weights), record.round)
        except AggregationRefused as refusal:
            log.warning("aggregation_refused", round=record.round, reason=str(refusal))
            await self._end(transitions.skip(record, "aggregation_refused", self._clock()))
            return
        await self._models.publish(model, base.sha256)
        # The committed record is what makes the model the current one; Redis only shows it.
        record = transitions.commit(record, model.sha256, loss, self._clock())
        await self._journal.round(record)
        self._models.current = model
        try:
            await ask_redis(self._models.show)
        except GateClosed as error:
            log.warning("model_not_shown", sha256=model.sha256, error=str(error))
        await self._end(record, is_on_record=True)

    async def _end(self, record: RoundRecord, *, is_on_record: bool = False) -> None:
        """Put the final record and its audit line on the broker, as far as it takes them."""
        self._collection.record = record
        log.info(f"round_{record.phase}", round=record.round, reason=record.reason, accepted=record.accepted)
        try:
            if not is_on_record:
                await self._journal.round(record)
            await self._journal.event(
                f"round_{record.phase}",
                record.round,
                reason=record.reason,
                accepted=record.accepted,
                excluded=record.excluded,
                new_model=record.new_model_sha256,
                loss=record.loss,
            )
        except Unavailable as error:
            log.warning("round_not_on_record", round=record.round, error=str(error))
