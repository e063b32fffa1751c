"""The coordinator as a program: it continues from what is on record and runs rounds until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final

import numpy as np
import redis
import structlog
from numpy.typing import NDArray

from contracts.errors import InvalidMessage, Misconfigured, Unavailable
from contracts.federation import RoundRecord
from contracts.metrics import REDIS_UP
from contracts.releases import BundleRelease
from contracts.settings import Settings
from fl_coordinator.aggregation.base import AggregationRule, aggregation_rule
from fl_coordinator.journal import Journal
from fl_coordinator.models.registry import Model, ModelPublisher, RedisModelView, model_of, model_on_record
from fl_coordinator.releases.guard import PromotionGuard, terms_of
from fl_coordinator.releases.releaser import Releaser
from fl_coordinator.rounds import transitions
from fl_coordinator.rounds.coordinator import Coordinator, Dependencies
from fl_coordinator.rounds.history import History, read_history
from fl_coordinator.rounds.lease import Lease, hold_lease
from fl_coordinator.rounds.metrics import measure_record, measure_start
from fl_coordinator.updates.collection import Collection
from fl_coordinator.updates.inbox import UpdateInbox
from fl_coordinator.updates.keys import KeyRing
from transport.blobs.store import blob_store
from transport.bundles.releases import ReleaseLog, release_table
from transport.clock import cancellable_sleep
from transport.compacted_table import CompactedTable
from transport.device_status_reader import RedisDeviceStatusReader
from transport.kafka.publisher import Publisher
from transport.kafka.topic_reader import TopicReader
from transport.redis_client import connect_redis

log = structlog.get_logger()
ASK_AGAIN_S: Final = 0.5
FETCH_WAIT_MS: Final = 50  # a round asks some five times whether all is read
Weights = Mapping[str, NDArray[np.float32]]


class CoordinatorProgram:
    """Runs until `stop` is set or `rounds_limit` rounds have ended; `not_ready_because` is the readiness check."""

    def __init__(
        self,
        settings: Settings,
        initial_weights: Callable[[], Weights],
        *,
        rounds_limit: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._rule = _rule_for(settings)
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
        client = connect_redis(self._settings)
        lease = Lease(client, self._settings.redis_keys, self._settings.coordinator_lease_s)
        history = await self._take_over(lease, stop)
        if history is None:
            return
        try:
            await hold_lease(lease, self._settings.coordinator_lease_s, self._lead(history, client, lease, stop))
        finally:
            with contextlib.suppress(Unavailable):
                await asyncio.to_thread(lease.release)

    async def _take_over(self, lease: Lease, stop: asyncio.Event) -> History | None:
        """Wait until no other coordinator is active, then return what is on record by then; None: stopped before."""
        history = await read_history(self._settings)
        while not stop.is_set():
            try:
                taken = await asyncio.to_thread(lease.take, history.last_lease_token)
            except Unavailable as error:
                REDIS_UP.set(0)
                self._wait_because("waiting_for_redis", str(error))
            else:
                REDIS_UP.set(1)
                if taken:
                    # The one before may have written until its lease ran out, with a token that a new Redis knew nothing of.
                    history = await read_history(self._settings)
                    if history.last_lease_token < lease.token:
                        return history
                    continue
                self._wait_because("waiting_for_lease", "another coordinator is active")
            await cancellable_sleep(ASK_AGAIN_S, stop)
        return None

    def _wait_because(self, event: str, reason: str) -> None:
        if reason != self._not_ready:
            log.warning(event, reason=reason)
        self._not_ready = reason

    async def _lead(self, history: History, client: redis.Redis, lease: Lease, stop: asyncio.Event) -> None:
        async with (
            Publisher(self._settings) as publisher,
            TopicReader(self._settings, fetch_wait_ms=FETCH_WAIT_MS) as reader,
            TopicReader(self._settings, fetch_wait_ms=FETCH_WAIT_MS) as key_reader,
            TopicReader(self._settings, fetch_wait_ms=FETCH_WAIT_MS) as release_reader,
        ):
            keys = CompactedTable(key_reader, self._settings.topics.fl_keys, KeyRing(), name="the registered keys")
            (await keys.refresh()).follow()
            deps = self._deps(client, lease, publisher, reader, keys)
            deps.models.remember(history.models)
            measure_record(history.rounds)
            left_open = await self._round_left_open(history, deps.journal, lease.token)
            model = await self._current_model(history, client, deps)
            coordinator = Coordinator(deps, model, history.last_round + 1, stop)
            await deps.inbox.discover(since=left_open.gated_at if left_open else None)
            self._not_ready = None
            log.info("coordinator_ready", lease=lease.token, next_round=coordinator.next_round, model=model.sha256)
            guard = self._guard(deps, publisher, release_table(self._settings, release_reader))
            await self._run_rounds(coordinator, left_open, guard, stop)

    async def _run_rounds(
        self, coordinator: Coordinator, left_open: RoundRecord | None, guard: PromotionGuard | None, stop: asyncio.Event
    ) -> None:
        ended, next_at = 0, monotonic()
        while not stop.is_set():
            await (coordinator.run_round() if left_open is None else coordinator.resume_round(left_open))
            left_open = None
            ended += 1
            if guard is not None:
                await guard.look(coordinator.next_round - 1)
            if self._limit is not None and ended >= self._limit:
                return
            next_at = max(next_at + self._settings.round_interval_s, monotonic())
            await coordinator.wait_until(next_at)

    def _deps(
        self,
        client: redis.Redis,
        lease: Lease,
        publisher: Publisher,
        reader: TopicReader,
        keys: CompactedTable[KeyRing],
    ) -> Dependencies:
        settings = self._settings
        blobs = blob_store(settings, client)
        view = RedisDeviceStatusReader(client, settings.redis_keys)
        journal = Journal(publisher, settings.topics, self._clock)
        collection = Collection(
            view=view,
            blobs=blobs,
            keys=settings.redis_keys,
            ring=keys.content,
            journal=journal,
            clock=self._clock,
            stale_cap_s=settings.stale_cap_s,
            sample_cap=settings.local_max_windows,
        )
        return Dependencies(
            terms=transitions.terms_of(settings),
            rule=self._rule,
            view=view,
            lease=lease,
            models=ModelPublisher(publisher, settings.topics.models, self._clock, settings.models_kept),
            model_view=RedisModelView(client, blobs, settings.redis_keys),
            journal=journal,
            inbox=UpdateInbox(reader, settings.topics, settings.discovery_interval_s),
            keys=keys,
            collection=collection,
            clock=self._clock,
            stale_cap_s=settings.stale_cap_s,
        )

    def _guard(
        self, deps: Dependencies, publisher: Publisher, releases: CompactedTable[ReleaseLog]
    ) -> PromotionGuard | None:
        terms = terms_of(self._settings)
        if terms is None:
            return None
        releaser = Releaser.of(self._settings, publisher, self._clock)

        async def in_force() -> BundleRelease | None:
            return (await releases.refresh()).current

        return PromotionGuard(terms, deps.view, in_force, releaser, deps.journal, self._clock)

    async def _round_left_open(self, history: History, journal: Journal, lease_token: int) -> RoundRecord | None:
        """Return the round that an earlier coordinator left open, to be resumed; one before the latest is failed."""
        for record in history.rounds.values():
            if record.round < history.last_round and not transitions.is_final(record):
                taken = transitions.resume(record, lease_token, record.deadline_at)
                ended = transitions.fail(taken, "coordinator_restarted", self._clock())
                await journal.round(ended)
                await journal.event("round_failed", record.round, reason=ended.reason, lease=lease_token)
        latest = history.rounds.get(history.last_round)
        return None if latest is None or transitions.is_final(latest) else latest

    async def _current_model(self, history: History, client: redis.Redis, deps: Dependencies) -> Model:
        """Return the model on record, else publish and return the bundle's network as the model of round 0."""
        blobs, keys = blob_store(self._settings, client), self._settings.redis_keys

        def weights_of(sha256: str) -> bytes | None:
            known = history.models.get(sha256)
            if known is not None and known.weights is not None:
                return known.weights
            try:
                return blobs.get(keys.global_blob(sha256), sha256)
            except (InvalidMessage, Unavailable):
                return None

        task = self._settings.federated_task
        rounds_of_task = [one for one in history.rounds.values() if one.task == task]
        initial = self._initial_weights()
        model = await asyncio.to_thread(model_on_record, rounds_of_task, weights_of, initial)
        if model is None:
            model = model_of(initial, 0)
            await deps.models.publish(model, None, task)
            await deps.journal.event("model_published", 0, sha256=model.sha256)
        return model


def _rule_for(settings: Settings) -> AggregationRule:
    rule = aggregation_rule(settings.aggregation)
    if settings.round_quorum < rule.at_least:
        raise Misconfigured(
            f"the rule {rule.name} deps at least {rule.at_least} updates and the quorum is {settings.round_quorum}: "
            "raise the quorum or choose another rule"
        )
    return rule
