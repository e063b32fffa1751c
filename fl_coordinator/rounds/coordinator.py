"""Runs a round from the selection of devices to the new global model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

import structlog

from contracts.errors import Unavailable
from contracts.federation import RoundPhase, RoundRecord
from fl_coordinator.aggregation.base import AggregationRule, aggregate
from fl_coordinator.errors import AggregationRefused, GateClosed
from fl_coordinator.gate.selection import DeviceStatusReader, Selection, select
from fl_coordinator.journal import Journal
from fl_coordinator.models.registry import Model, ModelPublisher, ModelView, model_of
from fl_coordinator.rounds import transitions
from fl_coordinator.rounds.lease import Lease
from fl_coordinator.rounds.metrics import measure_round
from fl_coordinator.updates.collection import Collection, ask_redis
from fl_coordinator.updates.inbox import UpdateInbox
from fl_coordinator.updates.keys import KeyRing
from transport.compacted_table import CompactedTable

log = structlog.get_logger()
POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What a coordinator works with; all of it is passed in."""

    terms: transitions.RoundTerms
    rule: AggregationRule
    view: DeviceStatusReader
    lease: Lease
    models: ModelPublisher
    model_view: ModelView
    journal: Journal
    inbox: UpdateInbox
    keys: CompactedTable[KeyRing]
    collection: Collection
    clock: Callable[[], float]
    stale_cap_s: float


class Coordinator:
    """Runs rounds one after another; `model` is the current global model, `next_round` the next round's number."""

    def __init__(self, deps: Dependencies, model: Model, next_round: int, stop: asyncio.Event) -> None:
        self._deps = deps
        self._collection = deps.collection
        self._stop = stop
        self.model = model
        self.next_round = next_round

    async def run_round(self) -> RoundRecord:
        """Run one round to its end and return its final record; raises Fenced, never Unavailable."""
        return await self._to_its_end(self._proposal(Selection(self._deps.clock(), (), {})), self._carry_out)

    async def resume_round(self, record: RoundRecord) -> RoundRecord:
        """Go on with a round that another coordinator left open, from what is on record; as `run_round`."""
        deadline_at = self._deps.clock() + self._deps.terms.deadline_s
        record = transitions.resume(record, self._deps.lease.token, deadline_at)
        log.info("round_resumed", round=record.round, phase=record.phase, accepted=record.accepted)
        return await self._to_its_end(record, self._carry_on)

    async def _to_its_end(self, record: RoundRecord, steps: Callable[[], Awaitable[None]]) -> RoundRecord:
        started = monotonic()
        self.next_round = record.round + 1
        self._collection.record = record
        try:
            await steps()
        except GateClosed as error:
            log.warning("redis_unavailable", round=record.round, error=str(error))
            await self._end(transitions.skip(self._collection.current, "redis_unavailable", self._deps.clock()))
        except Unavailable as error:
            log.warning("kafka_unavailable", round=record.round, error=str(error))
            await self._end(transitions.fail(self._collection.current, "kafka_unavailable", self._deps.clock()))
        finally:
            record = self._collection.close()
        measure_round(record, monotonic() - started)
        return record

    async def wait_until(self, when: float) -> None:
        """Refuse what comes between rounds until `when` (monotonic seconds) or the stop; never raises Unavailable."""
        while (left_s := when - monotonic()) > 0 and not self._stop.is_set():
            try:
                await self._read_updates(min(left_s, POLL_S))
            except Unavailable as error:
                log.warning("waiting_for_services", error=str(error))
                await asyncio.sleep(min(left_s, 1.0))

    async def _carry_out(self) -> None:
        await self._deps.inbox.discover()
        await self._deps.keys.refresh()
        record = self._proposal(await ask_redis(self._check_and_select), self._collection.current.round)
        await self._tell_selection(record)
        record = transitions.open_collection(record, self._deps.terms.quorum, self._deps.clock())
        if transitions.is_final(record):
            await self._end(record)
            return
        self._collection.open(record, self.model)
        await self._collect_and_close()

    async def _carry_on(self) -> None:
        """Resume a round: a proposal begins anew, a collection gets its whole time again, an aggregation is repeated."""
        record = self._collection.current
        await self._deps.journal.event(
            "round_resumed", record.round, reason=str(record.phase), lease=self._deps.lease.token
        )
        if record.phase is RoundPhase.PROPOSED:
            await self._carry_out()
        elif record.model_sha256 != self.model.sha256:
            await self._end(transitions.fail(record, "model_lost", self._deps.clock()))
        else:
            self._collection.open(record, self.model)
            await self._collection.restore()
            if record.phase is RoundPhase.COLLECTING:
                await self._deps.inbox.discover()
                await self._collect_and_close()
            else:
                await self._aggregate_again()

    async def _aggregate_again(self) -> None:
        await self._look_again()
        if len(self._collection.current.accepted) < self._deps.terms.quorum:
            await self._end(transitions.skip(self._collection.current, "no_quorum", self._deps.clock()))
        else:
            await self._aggregate()

    async def _collect_and_close(self) -> None:
        await self._collect()
        record = self._collection.settle()
        if self._stop.is_set() and not transitions.is_complete(record):
            await self._end(transitions.fail(record, "coordinator_stopped", self._deps.clock()))
            return
        record = transitions.close_collection(record, self._deps.terms.quorum, self._deps.clock())
        if transitions.is_final(record):
            await self._end(record)
        else:
            self._collection.record = record
            await self._aggregate()

    def _check_and_select(self) -> Selection:
        self._deps.lease.check()
        self._deps.model_view.show(self.model)
        now = self._deps.clock()  # before the reading: whatever changes during it comes after this gate
        statuses = self._deps.view.statuses(self._deps.view.known_devices())
        present = self._deps.view.present(self._deps.inbox.participating)
        registered = self._deps.keys.content.registered
        return select(statuses, now, self._deps.stale_cap_s, present, registered=registered)

    def _proposal(self, selection: Selection, number: int | None = None) -> RoundRecord:
        return transitions.propose(
            self.next_round if number is None else number,
            self._deps.terms,
            lease_token=self._deps.lease.token,
            model_sha256=self.model.sha256,
            selection=selection,
        )

    async def _tell_selection(self, record: RoundRecord) -> None:
        log.info("round_gated", round=record.round, cohort=record.cohort, excluded=record.excluded)
        await self._deps.journal.round(record)
        await self._deps.journal.event(
            "round_gated", record.round, cohort=record.cohort, excluded=record.excluded, model=record.model_sha256
        )

    async def _collect(self) -> None:
        """Collect until everybody has answered, the deadline or the stop, then gate the accepted once more."""
        told = self._collection.current
        await self._deps.journal.round(told)
        while not transitions.is_complete(told) and not self._stop.is_set():
            left_s = told.deadline_at - self._deps.clock()
            if left_s <= 0:
                break
            await self._read_updates(min(left_s, POLL_S))
            if self._collection.current is not told:
                told = self._collection.current
                await self._deps.journal.round(told)  # what a later coordinator goes on from
        await self._look_again()

    async def _look_again(self) -> None:
        """Put out of the round, before anything is made of them, whose key, status or update does not hold any more."""
        await self._deps.keys.refresh()
        await self._collection.gate(self._collection.current.accepted)
        await self._collection.screen_cohort()

    async def _read_updates(self, timeout_s: float) -> None:
        messages = await self._deps.inbox.poll(timeout_s)
        if messages:  # a key that was revoked before they came must not count for them
            await self._deps.keys.refresh()
        for message in messages:
            await self._collection.consider(self._deps.inbox.sender_of(message.topic), message)

    async def _aggregate(self) -> None:
        record = self._collection.current
        # A coordinator that was replaced while it collected has no say in the model, nor in what is on record.
        await ask_redis(self._deps.lease.check)
        await self._deps.journal.round(record)
        contributions, loss = self._collection.accepted()
        try:
            model = model_of(aggregate(self._deps.rule, contributions, self.model.weights), record.round)
        except AggregationRefused as refusal:
            log.warning("aggregation_refused", round=record.round, reason=str(refusal))
            await self._end(transitions.skip(record, "aggregation_refused", self._deps.clock()))
            return
        await self._deps.models.publish(model, self.model.sha256, record.task)
        # The committed record is what makes the model the current one; Redis only shows it.
        record = transitions.commit(record, model.sha256, loss, self._deps.clock())
        await self._deps.journal.round(record)
        self.model = model
        try:
            await ask_redis(self._deps.model_view.show, model)
        except GateClosed as error:
            log.warning("model_not_shown", sha256=model.sha256, error=str(error))
        await self._end(record, is_on_record=True)

    async def _end(self, record: RoundRecord, *, is_on_record: bool = False) -> None:
        """Put the final record and its audit line on the broker, as far as it takes them."""
        self._collection.record = record
        log.info(f"round_{record.phase}", round=record.round, reason=record.reason, accepted=record.accepted)
        try:
            if not is_on_record:
                await self._deps.journal.round(record)
            await self._deps.journal.event(
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
