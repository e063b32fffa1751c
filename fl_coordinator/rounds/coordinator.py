"""Runs a round from the selection of devices to the new global model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

import structlog

from contracts.configuration.parts import FederationSettings
from contracts.errors import Unavailable
from contracts.messages.federation import RoundPhase, RoundRecord
from fl_coordinator.aggregation.base import aggregate_stack, aggregation_rule
from fl_coordinator.errors import AggregationRefused, GateClosed
from fl_coordinator.gate.selection import RoundGate, Selection, ask_redis
from fl_coordinator.journal import Journal
from fl_coordinator.models.registry import GlobalModels, Model, is_finite, model_of
from fl_coordinator.rounds import transitions, validation
from fl_coordinator.rounds.lease import Lease
from fl_coordinator.rounds.metrics import measure_round
from fl_coordinator.updates.collection import Collection
from fl_coordinator.updates.spool import NoRoom

log = structlog.get_logger()
POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Coordinator:
    """Runs one round after another. Where the round under way stands is in `collection.record` alone."""

    settings: FederationSettings
    gate: RoundGate
    models: GlobalModels
    journal: Journal
    lease: Lease
    collection: Collection
    clock: Callable[[], float]
    stop: asyncio.Event

    async def run_round(self, number: int) -> RoundRecord:
        """Run a round to its end and return its final record. Raises Fenced, never Unavailable."""
        return await self._to_its_end(self._proposal(number, Selection(self.clock(), (), {})), self._carry_out)

    async def resume_round(self, record: RoundRecord) -> RoundRecord:
        """Go on with a round that another coordinator left open, from what is on record, as `run_round`."""
        record = transitions.resume(record, self.lease.token, self.clock() + validation.time_s(record, self.settings))
        log.info("round_resumed", round=record.round, phase=record.phase, accepted=record.accepted)
        return await self._to_its_end(record, self._carry_on)

    async def wait_until(self, when: float) -> None:
        """Refuse what comes between rounds until `when` (monotonic seconds) or the stop, without raising Unavailable."""
        while (left_s := when - monotonic()) > 0 and not self.stop.is_set():
            try:
                await self.collection.read(min(left_s, POLL_S))
            except Unavailable as error:
                log.warning("waiting_for_services", error=str(error))
                await asyncio.sleep(min(left_s, 1.0))

    async def _to_its_end(self, record: RoundRecord, steps: Callable[[], Awaitable[None]]) -> RoundRecord:
        started = monotonic()
        self.collection.record = record
        try:
            await steps()
        except GateClosed:  # said by then
            await self._end(transitions.skip(self.collection.current, "redis_unavailable", self.clock()))
        except Unavailable as error:
            reason = "no_room" if isinstance(error, NoRoom) else "kafka_unavailable"
            log.warning(reason, round=record.round, error=str(error))
            await self._end(transitions.fail(self.collection.current, reason, self.clock()))
        finally:
            record = self.collection.close()
        measure_round(record, monotonic() - started)
        return record

    async def _carry_out(self) -> None:
        record = self._proposal(self.collection.current.round, await self._select())
        log.info("round_gated", round=record.round, cohort=record.cohort, excluded=record.excluded)
        await self.journal.round(record)
        await self.journal.event(
            "round_gated", record.round, cohort=record.cohort, excluded=record.excluded, model=record.model_sha256
        )
        record = transitions.open_collection(record, self.settings.round_quorum, self.clock())
        if transitions.is_final(record):
            await self._end(record)
            return
        self.collection.open(record, self.models.current)
        await self._collect_and_close()

    async def _select(self) -> Selection:
        inbox = self.collection.inbox
        await inbox.discover()
        await self.gate.refresh_keys()
        await ask_redis(self.lease.check)
        await ask_redis(self.models.show)
        return await self.gate.select(inbox.participating)

    def _proposal(self, number: int, selection: Selection) -> RoundRecord:
        sha256 = self.models.current.sha256
        return transitions.propose(
            number, self.settings, lease_token=self.lease.token, model_sha256=sha256, selection=selection
        )

    async def _carry_on(self) -> None:
        """Resume a round: a proposal begins anew, collection and validation get their whole time again, an aggregation is repeated."""
        record = self.collection.current
        await self.journal.event("round_resumed", record.round, reason=str(record.phase), lease=self.lease.token)
        if record.phase is RoundPhase.PROPOSED:
            await self._carry_out()
            return
        if record.model_sha256 != self.models.current.sha256:
            await self._end(transitions.fail(record, "model_lost", self.clock()))
            return
        self.collection.open(record, self.models.current)
        if record.phase is RoundPhase.VALIDATING:
            await self._resume_validation(record)
            return
        await self.collection.restore()
        if record.phase is RoundPhase.COLLECTING:
            await self.collection.inbox.discover()
            await self._collect_and_close()
            return
        await self.collection.gate_and_screen_accepted()
        if len(self.collection.current.accepted) < self.settings.round_quorum:
            await self._end(transitions.skip(self.collection.current, "no_quorum", self.clock()))
        else:
            await self._aggregate()

    async def _collect_and_close(self) -> None:
        await self._collect()
        record = self.collection.settle()
        if self.stop.is_set() and not transitions.is_complete(record):
            await self._end(transitions.fail(record, "coordinator_stopped", self.clock()))
            return
        record = transitions.close_collection(record, self.settings.round_quorum, self.clock())
        if transitions.is_final(record):
            await self._end(record)
        else:
            self.collection.record = record
            await self._aggregate()

    async def _collect(self) -> None:
        """Collect until everybody has answered, the deadline or the stop, then gate the accepted once more."""
        await self._read_until(transitions.is_complete)
        # First a write: a primary that was demoted meanwhile is left here, and is not believed below.
        await ask_redis(self.lease.check)
        await self.collection.gate_and_screen_accepted()

    async def _read_until(self, is_complete: Callable[[RoundRecord], bool]) -> None:
        """Read answers until there is nobody left to wait for, the deadline or the stop."""
        published, written_at = self.collection.current, monotonic()
        await self.journal.round(published)
        while not is_complete(self.collection.current) and not self.stop.is_set():
            left_s = published.deadline_at - self.clock()
            if left_s <= 0:
                break
            await self.collection.read(min(left_s, POLL_S))
            if transitions.is_worth_a_record(self.collection.current, published, monotonic() - written_at):
                published, written_at = self.collection.current, monotonic()
                await self.journal.round(published)  # what a later coordinator goes on from

    async def _aggregate(self) -> None:
        record, base = self.collection.current, self.models.current
        # A coordinator that was replaced while it collected has no say in the model, nor in what is on record.
        await ask_redis(self.lease.check)
        await self.journal.round(record)
        rule, stack = aggregation_rule(record.aggregation), self.collection.accepted()
        try:
            model = model_of(await asyncio.to_thread(aggregate_stack, rule, stack, base.weights), record.round)
        except AggregationRefused as refusal:
            log.warning("aggregation_refused", round=record.round, reason=str(refusal))
            await self._end(transitions.skip(record, "aggregation_refused", self.clock()))
            return
        if not is_finite(model.weights):
            await self._end(transitions.reject(record, validation.NOT_FINITE, self.clock()))
            return
        await self.models.publish(model, base.sha256)
        await ask_redis(self.models.store, model)
        loss = validation.local_loss(record)
        self.collection.record = validation.open_validation(record, self.settings, model.sha256, loss, self.clock())
        await self._validate(model)

    async def _resume_validation(self, record: RoundRecord) -> None:
        candidate = await self.models.found(record.candidate_sha256 or "", record.round)
        if candidate is None:
            await self._end(transitions.fail(record, "model_lost", self.clock()))
            return
        await self.collection.inbox.discover()
        await self._validate(candidate)

    async def _validate(self, candidate: Model) -> None:
        """Let the devices measure the candidate, and make it the current model if it is worth that."""
        await self._read_until(validation.is_measured)
        record = self.collection.current
        if self.stop.is_set() and not validation.is_measured(record):
            await self._end(transitions.fail(record, "coordinator_stopped", self.clock()))
            return
        await ask_redis(self.lease.check)  # before the gate, as above
        all_hold = await self.collection.gate_measured()
        if not all_hold:  # what the candidate was made of must not count any more, so neither must it
            await self.models.withdraw(candidate)
            await self.collection.restore()  # another coordinator may have taken the updates in
            record = validation.without_the_dropped(self.collection.current, self.settings.round_quorum, self.clock())
            self.collection.record = record
            await (self._end(record) if transitions.is_final(record) else self._aggregate())
            return
        record = validation.decided(self.collection.current, self.settings.round_quorum, self.clock())
        await ask_redis(self.lease.check)
        if record.phase is RoundPhase.COMMITTED:
            await self._commit(record, candidate)
        else:
            await self._end(record)
            await self.models.withdraw(candidate)

    async def _commit(self, record: RoundRecord, model: Model) -> None:
        # The committed record is what makes the model the current one; Redis only shows it.
        await self.journal.round(record)
        self.models.take(model)
        try:
            await ask_redis(self.models.show)
        except GateClosed as error:
            log.warning("model_not_shown", sha256=model.sha256, error=str(error))
        await self._end(record, is_on_record=True)

    async def _end(self, record: RoundRecord, *, is_on_record: bool = False) -> None:
        """Put the final record and its audit line on the broker, as far as it takes them."""
        self.collection.record = record
        kind, reason = f"round_{record.phase}", record.reason
        log.info(kind, round=record.round, reason=reason, accepted=record.accepted, change=record.change)
        try:
            if not is_on_record:
                await self.journal.round(record)
            await self.journal.event(
                kind,
                record.round,
                reason=reason,
                accepted=record.accepted,
                excluded=record.excluded,
                candidate=record.candidate_sha256,
                new_model=record.new_model_sha256,
                loss=record.loss,
                change=record.change,
                tolerance=record.tolerance,
            )
        except Unavailable as error:
            log.warning("round_not_on_record", round=record.round, error=str(error))
