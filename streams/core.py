"""Puts the parts of a worker together, for Faust's group and for the edge mode."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version
from typing import Any

import structlog

from contracts.configuration.settings import Settings
from contracts.errors import FedSecureError, Unavailable
from contracts.metrics import BUILD_INFO
from detectors.engine.router import EngineRouter
from streams.bundles.changer import BundleChanger
from streams.bundles.engines import EngineFactory, released_engines
from streams.discovery import Discovery, Look
from streams.errors import ExitWatchdog, Fatal
from streams.identity import Identity
from streams.metrics import DeviceSeries
from streams.publisher import VerdictPublisher
from streams.scoring.batch import BatchScorer
from streams.scoring.intake import Intake
from streams.scoring.loop import Outlets, ScoringLoop
from streams.state.backfill import BackfillReader
from streams.state.restore import Restorer, RestoreSources
from streams.state.snapshots import SnapshotReader
from streams.state.status_store import StatusStore
from streams.vitals_records import DeviceNames, VitalsRecord
from transport.kafka.admin import ensure_topics
from transport.kafka.offset_range_reader import OffsetRangeReader
from transport.kafka.offsets import TopicPartition
from transport.log_throttle import LIBRARY_EVERY_S, Throttle
from transport.probes import ProbeServer, serve_probes
from transport.redis.primary import Primary
from transport.redis_client import connect_redis_async

log = structlog.get_logger()

BEAT_S = 1.0
LOOP_WEDGED_S = 10.0
BATCH_WEDGED_S = 180.0
FENCE_SESSIONS = 3.0


class WorkerCore:
    """Starts, watches and stops what a worker consists of. `failed` is set when the process must end."""

    def __init__(self, settings: Settings, engine_factory: EngineFactory, watchdog: ExitWatchdog) -> None:
        self.settings = settings
        self.names = DeviceNames(settings)
        self.worker_id = settings.worker_id or f"{socket.gethostname()}-{os.getpid()}"
        self.reader = OffsetRangeReader(settings)
        self.discovery = Discovery(self.reader, self.names, settings.discovery_interval_s)
        self.failure: BaseException | None = None
        self.failed = asyncio.Event()
        self._engine_factory = engine_factory
        self._open = AsyncExitStack()
        self._past = OffsetRangeReader(settings)
        self._watchdog = watchdog
        primary = Primary()  # of both clients: another server is said once
        self._identity = Identity(settings, self.worker_id, primary)
        self._may_say = Throttle(LIBRARY_EVERY_S)
        self._publisher = VerdictPublisher(settings)
        self._store = StatusStore(connect_redis_async(settings, primary), settings.redis_keys)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._loop: ScoringLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._restoring: asyncio.Task[None] | None = None
        self._beat_at = time.monotonic()
        self._probes: ProbeServer | None = None

    async def start(self) -> None:
        """Connect, load and warm the detector. Raises Unavailable or Misconfigured."""
        settings = self.settings
        self._probes = serve_probes(settings, "worker", healthy=self.why_not_healthy, ready=self.why_not_ready)
        self.spawn(self._beat())
        await self._identity.take()
        self.spawn(self._identity.keep())
        # First, and alone: it waits for a broker that is just starting, where the other clients give up at once.
        await asyncio.to_thread(_ensure_topics, settings)
        released, *_ = await asyncio.gather(
            self._open.enter_async_context(released_engines(settings, self._engine_factory)),
            self.reader.start(), self._past.start(), self._publisher.start(), self._store.needs_rewrite(),
        )  # fmt: skip
        engine = await released.newer(None)
        assert engine is not None  # None would say that it is the one we have
        router = EngineRouter(engine)
        history = BackfillReader(self.reader, self.names)
        self._snapshots = SnapshotReader(self.reader, settings.topics.device_status)
        sources = RestoreSources(self.reader, self._snapshots, history, released)
        restorer = Restorer(sources, self._store, self._publisher, router, self._executor, self.worker_id)
        outlets = Outlets(self._store, self._publisher, DeviceSeries(settings.max_device_series, settings.stale_cap_s))
        scorer = BatchScorer(router, Intake(), self.worker_id)
        self._loop = ScoringLoop(
            self.names, scorer, self._executor, restorer, history, outlets, FENCE_SESSIONS * settings.session_timeout_s
        )
        self._show_build(router)
        changer = BundleChanger(
            released, router, self._loop, self._past, BackfillReader(self._past, self.names), self._executor,
            partial(self._show_build, router),
        )  # fmt: skip
        self.spawn(self._or_fail(changer.run(settings.discovery_interval_s)))
        self.spawn(self._keep_view())
        log.info("worker_started", worker=self.worker_id, bundle=router.bundle_sha[:12], rule=settings.rule)

    def _show_build(self, router: EngineRouter) -> None:
        info = {"version": version("fedsecure"), "rule": self.settings.rule, "worker": self.worker_id}
        BUILD_INFO.info(info | {"bundle": router.bundle_sha})

    @property
    def loop(self) -> ScoringLoop:
        """The scoring loop of a started core."""
        if self._loop is None:
            raise Fatal("the worker is not started")
        return self._loop

    @property
    def may_commit(self) -> bool:
        """Whether the group may be told that everything handed over is done."""
        return self.failure is None and (self._loop is None or self._loop.may_commit)

    async def process(self, records: Sequence[VitalsRecord]) -> None:
        """Apply records. What cannot be applied ends the process and is never acknowledged."""
        await self._or_fail(self.loop.process(records))

    async def assign(self, partitions: Collection[TopicPartition]) -> None:
        """Take a new assignment and start to restore it."""
        await self._or_fail(self.loop.assign(partitions))
        self._restoring = self.spawn(self._or_fail(self.loop.restore_assigned()))

    def reads_on_from(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Note from where the group reads each (topic, partition) on after a change of it."""
        if self._loop is not None:
            self._loop.begin_at({TopicPartition(*at): offset for at, offset in offsets.items()})

    async def restored(self) -> None:
        """Wait until the restore that the last assignment began is done."""
        if self._restoring is not None:
            await self._restoring

    async def heed(self, look: Look) -> None:
        """Make fixed topics again that are gone, and put the devices' statuses on a status topic that was made anew."""
        if look.missing:
            specs = [spec for spec in self.settings.topics.fixed() if spec.name in look.missing]
            try:
                made = await asyncio.to_thread(ensure_topics, self.settings, specs)
            except Unavailable as error:
                if self._may_say.may_say("topics_not_made_again"):
                    log.warning("topics_not_made_again", topics=sorted(look.missing), reason=str(error))
            else:
                log.warning("topics_made_again", topics=made)
        status = self.settings.topics.device_status
        if status in look.changed - look.missing:
            self._snapshots.forget()
            await self._or_fail(self.loop.publish_again())

    def spawn(self, work: Any) -> asyncio.Task[None]:
        """Run a coroutine beside the rest until the core stops."""
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._settled)
        return task

    def _settled(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """End the process: in order if that works within seconds, by force if not."""
        if self.failure is None:
            self.failure = error
            self._watchdog.arm(1)
            unforeseen = None if isinstance(error, FedSecureError) else error
            log.error("worker_failed", error=str(error), kind=type(error).__name__, exc_info=unforeseen)
        self.failed.set()

    async def stop(self) -> None:
        """Finish the micro-batch in flight and take no more."""
        if self._loop is not None and self.failure is None:
            await self._loop.stop()

    async def close(self) -> None:
        """Disconnect from everything."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        parts = (self._publisher, self.reader, self._past, self._store, self._identity)
        await asyncio.gather(*(part.close() for part in parts), self._open.aclose(), return_exceptions=True)
        self._executor.shutdown(wait=False, cancel_futures=True)
        if self._probes is not None:
            await asyncio.to_thread(self._probes.close)

    def why_not_ready(self) -> str | None:
        """Return what is missing before this worker judges, or None."""
        if self._loop is None:
            return "the detector is loading"
        return None if self._loop.assigned_once else "no assignment yet"

    def why_not_healthy(self) -> str | None:
        """Return why this process should be restarted, or None."""
        now = time.monotonic()
        if self.failure is not None:
            return str(self.failure) or type(self.failure).__name__
        if now - self._beat_at > LOOP_WEDGED_S:
            return "the event loop does not turn"
        busy_since = self._loop.busy_since if self._loop else None
        if busy_since is not None and now - busy_since > BATCH_WEDGED_S:
            return "a micro-batch does not end"
        return None

    async def _or_fail(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - whatever it is: going on would lose what was in flight
            self.fail(error)
        if self.failure is not None:
            # Returning would acknowledge records that were not applied.
            await asyncio.Event().wait()

    async def _beat(self) -> None:
        while True:
            self._beat_at = time.monotonic()
            await asyncio.sleep(BEAT_S)

    async def _keep_view(self) -> None:
        while True:
            await self._or_fail(self.loop.keep_view())
            await asyncio.sleep(BEAT_S)


def _ensure_topics(settings: Settings) -> None:
    # On a bare Kafka all of them; where its own are there it asks for no others, which it need not be allowed to make.
    if ensure_topics(settings, settings.topics.of_worker()):
        ensure_topics(settings, settings.topics.fixed())
