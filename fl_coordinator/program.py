"""The coordinator as a program: it continues from what is on record and runs rounds until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from time import monotonic
from typing import Final

import redis
import structlog

from contracts.configuration.parts import FederationSettings
from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured, Unavailable
from contracts.messages.federation import RoundRecord
from contracts.messages.releases import BundleRelease
from fl_coordinator.aggregation.base import aggregation_rule
from fl_coordinator.gate.keys import KeyRing
from fl_coordinator.gate.selection import DeviceStatusReader, RoundGate
from fl_coordinator.journal import Journal
from fl_coordinator.models.registry import GlobalModels, Weights
from fl_coordinator.models.shown import shown_weights
from fl_coordinator.releases.guard import PromotionGuard, terms_of
from fl_coordinator.releases.releaser import Releaser
from fl_coordinator.releases.rollback_rule import PromotionWatch
from fl_coordinator.rounds import transitions
from fl_coordinator.rounds.coordinator import Coordinator
from fl_coordinator.rounds.history import History, read_history
from fl_coordinator.rounds.lease import Lease, hold_lease
from fl_coordinator.rounds.metrics import measure_record, measure_start
from fl_coordinator.rounds.rollback import Rollbacks, rollback_table
from fl_coordinator.updates.collection import Collection
from fl_coordinator.updates.inbox import UpdateInbox
from transport.blobs.store import BlobStore, blob_store
from transport.bundles.releases import ReleaseLog, release_table
from transport.clock import cancellable_sleep
from transport.compacted_table import CompactedTable
from transport.device_status_reader import RedisDeviceStatusReader
from transport.kafka.admin import ensure_topics
from transport.kafka.publisher import Publisher
from transport.kafka.topic_reader import TopicReader
from transport.redis.primary import Primary
from transport.redis_client import connect_redis

log = structlog.get_logger()
ASK_AGAIN_S: Final = 0.5
ASK_FOR_REQUESTS_S: Final = 2.0
FETCH_WAIT_MS: Final = 50  # a round asks some five times whether all is read


class CoordinatorProgram:
    """Runs until `stop` is set or `rounds_limit` rounds have ended. `not_ready_because` is the readiness check."""

    def __init__(
        self,
        settings: Settings,
        initial_weights: Callable[[], Weights],
        *,
        rounds_limit: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        _check_quorum(settings)
        self._initial_weights = initial_weights
        self._limit = rounds_limit
        self._clock = clock
        self._not_ready: str | None = "starting"

    def not_ready_because(self) -> str | None:
        """Return why rounds do not run yet, or None."""
        return self._not_ready

    async def run(self, stop: asyncio.Event) -> None:
        """Wait for the lease, then run rounds, first of all one that was left open.

        Raises Unavailable when Kafka does not answer at the start, Fenced when replaced.
        """
        measure_start(self._clock(), self._settings.round_interval_s)
        primary = Primary()
        client = connect_redis(self._settings, primary)
        lease = Lease(client, self._settings.redis_keys, self._settings.coordinator_lease_s)
        history = await self._take_over(lease, stop)
        if history is None:
            return
        try:
            await hold_lease(
                lease, self._settings.coordinator_lease_s, self._lead(history, client, primary, lease, stop)
            )
        finally:
            with contextlib.suppress(Unavailable):
                await asyncio.to_thread(lease.release)

    async def _take_over(self, lease: Lease, stop: asyncio.Event) -> History | None:
        """Wait until no other coordinator is active, then return what is on record by then (None: stopped before)."""
        history = await read_history(self._settings)
        while not stop.is_set():
            try:
                taken = await asyncio.to_thread(lease.take, history.last_lease_token)
            except Unavailable as error:
                self._not_ready = str(error)
            else:
                if taken:
                    # The one before may have written until its lease ran out, with a token that a new Redis knew nothing of.
                    history = await read_history(self._settings)
                    if history.last_lease_token < lease.token:
                        return history
                    continue
                self._wait_for_lease()
            await cancellable_sleep(ASK_AGAIN_S, stop)
        return None

    def _wait_for_lease(self) -> None:
        reason = "another coordinator is active"
        if reason != self._not_ready:
            log.warning("waiting_for_lease", reason=reason)
        self._not_ready = reason

    async def _lead(
        self, history: History, client: redis.Redis, primary: Primary, lease: Lease, stop: asyncio.Event
    ) -> None:
        settings, clock = self._settings, self._clock
        async with (
            Publisher(settings) as publisher,
            TopicReader(settings, fetch_wait_ms=FETCH_WAIT_MS, is_patient=True) as reader,
            TopicReader(settings, fetch_wait_ms=FETCH_WAIT_MS) as key_reader,
            TopicReader(settings, fetch_wait_ms=FETCH_WAIT_MS) as release_reader,
            TopicReader(settings, fetch_wait_ms=FETCH_WAIT_MS) as request_reader,
        ):
            keys = CompactedTable(key_reader, settings.topics.fl_keys, KeyRing(), name="the registered keys")
            (await keys.refresh()).follow()
            view, blobs = RedisDeviceStatusReader(client, settings.redis_keys), blob_store(settings, client)
            journal = Journal(publisher, settings.topics, clock)
            gate = RoundGate(view, keys, clock, settings.stale_cap_s, primary)
            models = GlobalModels(settings, publisher, client, blobs, clock)
            inbox = UpdateInbox(reader, settings.topics, settings.discovery_interval_s)
            collection = Collection(inbox, gate, blobs, settings.redis_keys, journal, settings.local_max_windows)
            coordinator = Coordinator(settings, gate, models, journal, lease, collection, clock, stop)
            measure_record(history.rounds)
            left_open = await self._round_left_open(history, journal, lease.token)
            first = await self._first_weights(history, client, blobs)
            if await models.take_up(history.rounds.values(), history.models, first):
                await journal.event("model_published", 0, sha256=models.current.sha256)
            await inbox.discover(since=left_open.gated_at if left_open else None)
            self._not_ready = None
            next_round = history.next_round
            log.info("coordinator_ready", lease=lease.token, next_round=next_round, model=models.current.sha256)
            guard = self._guard(view, journal, publisher, release_table(settings, release_reader))
            requests = await rollback_table(settings, request_reader)
            done = {record.request for record in history.rounds.values()}
            if history.is_lost:  # with the rounds that carried them out: better not once than twice
                done |= {request.request for request in (await requests.refresh()).besides(done)}
            rollbacks = Rollbacks(settings, requests, models, journal, lease, clock, done)
            await self._run_rounds(coordinator, left_open, next_round, guard, rollbacks, stop)

    async def _first_weights(self, history: History, client: redis.Redis, blobs: BlobStore) -> Weights:
        """Return what to begin with where no model is on record: after a loss of that record, what Redis still shows."""
        initial = self._initial_weights()
        if not history.is_lost:
            return initial
        log.warning("rounds_lost", on_record=history.last_round, in_audit_trail=history.last_in_trail)
        shown = await asyncio.to_thread(shown_weights, client, self._settings.redis_keys, blobs, initial)
        return initial if shown is None else shown

    async def _make_lost_topics(self) -> None:
        try:
            made = await asyncio.to_thread(ensure_topics, self._settings, self._settings.topics.fixed())
        except Unavailable as error:
            log.warning("topics_not_made_again", reason=str(error))
        else:
            if made:
                log.warning("topics_made_again", topics=made)

    async def _run_rounds(
        self,
        coordinator: Coordinator,
        left_open: RoundRecord | None,
        number: int,
        guard: PromotionGuard | None,
        rollbacks: Rollbacks,
        stop: asyncio.Event,
    ) -> None:
        ended, next_at = 0, monotonic()
        while not stop.is_set():
            if left_open is None:
                number = await rollbacks.carry_out(number)
            record = await (coordinator.resume_round(left_open) if left_open else coordinator.run_round(number))
            left_open, number = None, record.round + 1
            ended += 1
            if record.reason == "kafka_unavailable":
                await self._make_lost_topics()
            if guard is not None:
                await guard.look(record.round)
            if self._limit is not None and ended >= self._limit:
                return
            next_at = max(next_at + self._settings.round_interval_s, monotonic())
            while monotonic() < next_at and not stop.is_set():
                number = await rollbacks.carry_out(number)
                await coordinator.wait_until(min(next_at, monotonic() + ASK_FOR_REQUESTS_S))

    def _guard(
        self, view: DeviceStatusReader, journal: Journal, publisher: Publisher, releases: CompactedTable[ReleaseLog]
    ) -> PromotionGuard | None:
        terms = terms_of(self._settings)
        if terms is None:
            return None
        releaser = Releaser.of(self._settings, publisher, self._clock)

        async def in_force() -> BundleRelease | None:
            return (await releases.refresh()).current

        return PromotionGuard(PromotionWatch(terms), view, in_force, releaser, journal, self._clock)

    async def _round_left_open(self, history: History, journal: Journal, lease_token: int) -> RoundRecord | None:
        """Return the round that an earlier coordinator left open, to be resumed. One before the latest is failed."""
        for record in history.rounds.values():
            if record.round < history.last_round and not transitions.is_final(record):
                taken = transitions.resume(record, lease_token, record.deadline_at)
                ended = transitions.fail(taken, "coordinator_restarted", self._clock())
                await journal.round(ended)
                await journal.event("round_failed", record.round, reason=ended.reason, lease=lease_token)
        latest = history.rounds.get(history.last_round)
        return None if latest is None or transitions.is_final(latest) else latest


def _check_quorum(settings: FederationSettings) -> None:
    if settings.validators < settings.round_quorum:
        raise Misconfigured(
            f"{settings.validators} devices measure a new model and the quorum is {settings.round_quorum}: no model could ever be "
            "accepted; raise FEDSECURE_VALIDATORS or lower the quorum"
        )
    rule = aggregation_rule(settings.aggregation)
    if settings.round_quorum < rule.at_least:
        raise Misconfigured(
            f"the rule {rule.name} needs at least {rule.at_least} updates and the quorum is {settings.round_quorum}: "
            "raise the quorum or choose another rule"
        )
