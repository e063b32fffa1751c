"""The Faust application: the consumer group that hands vitals records to the worker's core."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection
from typing import Any, cast

import faust
import structlog
from faust.app.base import BootStrategy
from faust.tables.manager import TableManager

from contracts.configuration.parts import ServiceSettings
from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from contracts.metrics import WORKER_LAG_MESSAGES
from streams.bundles.engines import EngineFactory, live_factory
from streams.core import WorkerCore
from streams.discovery import Look
from streams.errors import ExitWatchdog
from streams.faust.assignor import SpreadingAssignor
from streams.faust.transport import SteadyConsumer, SteadyTransport
from streams.vitals_records import DeviceNames, VitalsRecord
from transport.kafka.offsets import TopicPartition
from transport.kafka.options import kafka_tls

log = structlog.get_logger()

RESUBSCRIBE_AFTER_S = 1.0
LAG_EVERY_S = 2.0
MAX_PARTITION_FETCH_BYTES = 128 * 1024
BATCHES_A_POLL = 8
"""A poll takes one partition after the other: with two in it, a batch after a pause is of few devices, and costs twice as much."""


class _NoWeb(BootStrategy):
    """`faust worker` turns the web of its settings on: a second worker on the machine would find the port taken."""

    enable_web = False


class _NoTables(TableManager):
    """Faust's own waits a second at every start for tables that may still be declared: here there are none."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class WorkerApp(faust.App):
    """Starts the core before it joins the group and settles it before it leaves."""

    BootStrategy = _NoWeb

    core: WorkerCore
    device_names: DeviceNames
    judged: Any
    """The agent's channel; its iterator, made when the agent starts, subscribes to the channel's topics."""
    awaited: set[str]
    """Vitals topics that were found, or found made anew, since the last assignment."""

    async def on_first_start(self) -> None:
        """Load the detector. Faust's own step would make a data directory that nothing uses."""
        await self.core.start()
        # What exists is in the first subscription: found later, it would cost one more rebalance.
        with contextlib.suppress(Unavailable):
            self.judged.topics = sorted({*self.judged.topics, *(await self.core.discovery.look()).vitals})

    async def on_started(self) -> None:
        await super().on_started()
        self.sensors.remove(self.monitor)  # it counts every message for a page that is not served
        self.core.spawn(self.core.discovery.run(self.heed))
        self.core.spawn(self._watch_lag())
        self.core.spawn(self._watch_crash())

    async def on_stop(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.core.stop(), self.core.settings.session_timeout_s)
        await super().on_stop()

    async def on_shutdown(self) -> None:
        await super().on_shutdown()
        await self.core.close()

    async def heed(self, look: Look) -> None:
        """Follow the topics as they are now.

        One that came back is in the subscription still: the consumer, which asks for topics every five minutes, must be told.
        """
        self.subscribe(look.vitals)
        if changed := {topic for topic in look.changed if self.device_names.is_vitals(topic)}:
            self.awaited |= changed & look.vitals
            await cast("SteadyConsumer", self.consumer).learn_topics(rejoin=bool(changed & look.anew))
        await self.core.heed(look)

    def subscribe(self, vitals_topics: Collection[str]) -> None:
        """Add topics to the subscription. It is called again until the conductor has taken them all.

        The conductor forgets a change that comes during a rebalance, so the comparison is with what it subscribed.
        """
        conductor = cast("Any", self.topics)
        for channel in conductor:
            known = set(channel.topics)
            if not known.issuperset(vitals_topics):
                channel.topics = sorted(known.union(vitals_topics))
                log.info("topics_discovered", new=len(set(vitals_topics) - known), topics=len(channel.topics))
        # Faust offers no other way to add topics while it runs (its patterns do not work).
        changed = conductor._subscription_changed  # noqa: SLF001 - see above
        if changed is not None and not set(vitals_topics).issubset(conductor._topic_name_index):  # noqa: SLF001
            changed.set()

    async def settle_revoked(self, _app: Any, revoked: Any, **_: Any) -> None:
        """Finish what is in flight before the partitions may go. The fencing covers what takes too long."""
        if revoked:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.core.loop.settle(), self.core.settings.session_timeout_s / 2)

    async def take_assigned(self, _app: Any, assigned: Any, **_: Any) -> None:
        """Hand a new assignment to the core."""
        self.awaited.clear()
        await self.core.assign({TopicPartition(tp.topic, tp.partition) for tp in assigned})

    async def _watch_lag(self) -> None:
        while True:
            ends = {
                TopicPartition(tp.topic, tp.partition): self.consumer.highwater(tp) for tp in self.consumer.assignment()
            }
            WORKER_LAG_MESSAGES.set(self.core.loop.held.behind(ends) + await self._waiting())
            await self.core.loop.catch_up(ends)
            await asyncio.sleep(LAG_EVERY_S)

    async def _waiting(self) -> int:
        """Return how many messages the topics hold that no worker has been assigned since they were found."""
        partitions = [TopicPartition(topic, 0) for topic in self.awaited]
        with contextlib.suppress(Unavailable, TimeoutError):
            bounds = await asyncio.wait_for(self.core.reader.bounds(partitions), LAG_EVERY_S)
            return sum(end - start for start, end in bounds.values())
        return 0

    async def _watch_crash(self) -> None:
        await self._crashed.wait()
        self.core.fail(self.crash_reason or RuntimeError("Faust crashed"))


def build_app(
    settings: Settings, engine_factory: EngineFactory | None = None, watchdog: ExitWatchdog | None = None
) -> WorkerApp:
    """Return an app that judges. Nothing is connected before it starts."""
    factory = engine_factory or live_factory(settings)
    app = WorkerApp(settings.worker_group, **_options(settings))
    app.core = WorkerCore(settings, factory, watchdog or ExitWatchdog())
    app.device_names = app.core.names
    app.awaited = set()
    app.transport = SteadyTransport(app.conf.broker_consumer, app)
    # Faust's own constant is 45 s.
    cast("Any", app.topics)._resubscribe_sleep_lock_seconds = RESUBSCRIBE_AFTER_S  # noqa: SLF001 - no public name
    # A consumer must subscribe to something: the assignor never assigns this one.
    channel = app.topic(
        settings.topics.device_status, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )
    app.judged = channel
    app.agent(channel, name="judge_vitals", concurrency=1)(_judge_vitals(app))
    cast("Any", app.on_partitions_revoked).connect(app.settle_revoked)
    cast("Any", app.on_partitions_assigned).connect(app.take_assigned)
    return app


def _options(settings: Settings) -> dict[str, Any]:
    session_s = settings.session_timeout_s
    brokers = ";".join(f"kafka://{broker}" for broker in settings.kafka_bootstrap_servers.split(","))
    return {
        "broker": brokers,
        "broker_credentials": _credentials(settings),
        "broker_session_timeout": session_s,
        "broker_heartbeat_interval": session_s / 5,
        "broker_request_timeout": session_s + 30.0,
        "broker_rebalance_timeout": max(30.0, session_s),
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": settings.worker_id,
        "PartitionAssignor": SpreadingAssignor,
        "TableManager": _NoTables,
        "stream_buffer_maxsize": 2 * settings.batch_max_messages,
        # After a pause there is much to fetch, and what it takes at once the process keeps.
        "broker_max_poll_records": BATCHES_A_POLL * settings.batch_max_messages,
        "consumer_max_fetch_size": MAX_PARTITION_FETCH_BYTES,
        # What is in flight is settled by us; what is only buffered is read again.
        "stream_wait_empty": False,
        "cython_optimizations": True,
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "store": "memory://",
        "web_enabled": False,
        "autodiscover": False,
    }


def _credentials(settings: ServiceSettings) -> Any:
    context = kafka_tls(settings)
    if not settings.kafka_username or settings.kafka_password is None:
        return None if context is None else faust.SSLCredentials(context)
    return faust.SASLCredentials(
        mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_username,
        password=settings.kafka_password.get_secret_value(),
        ssl_context=context,
    )


def _judge_vitals(app: WorkerApp) -> Any:
    settings = app.core.settings

    async def judge_vitals(stream: Any) -> None:
        async for events in stream.take_events(settings.batch_max_messages, within=settings.batch_wait_s):
            await app.core.process([record_of(app.device_names, event.message) for event in events])

    return judge_vitals


def record_of(names: DeviceNames, message: Any) -> VitalsRecord:
    """Return a consumer's message (Faust's) as this package hands it on."""
    return VitalsRecord(
        names.device_of(message.topic, message.key),
        TopicPartition(message.topic, message.partition),
        message.offset,
        message.timestamp,
        cast("bytes | None", message.value),
    )
