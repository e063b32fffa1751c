"""Edge mode: a worker with a list of devices that reads their topics itself, without a group."""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import KafkaError

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured, Unavailable
from contracts.identifiers import device_ids_of
from contracts.metrics import WORKER_LAG_MESSAGES
from streams.core import WorkerCore
from streams.errors import Fatal
from transport.kafka.offsets import TopicPartition
from transport.kafka.options import aiokafka_options
from transport.kafka.watch import start_client

log = structlog.get_logger()

RETRY_S = 1.0


def partitions_of(settings: Settings) -> set[TopicPartition]:
    """Return what the devices of the settings send to, named by id or as their hospital does. Raises Misconfigured."""
    return {TopicPartition(settings.topics.vitals(device_id), 0) for device_id in device_ids_of(settings.devices)}


class EdgeWorker:
    """Drives the same core as Faust's group does. Its partitions are those of the devices' topics that exist."""

    def __init__(self, core: WorkerCore) -> None:
        self.core = core
        settings = core.settings
        if core.names.shared:
            raise Misconfigured("edge mode needs a topic for each patient: unset FEDSECURE_TOPIC_LAYOUT or the devices")
        self._partitions = partitions_of(settings)
        self._consumer = AIOKafkaConsumer(
            **aiokafka_options(settings), group_id=None, enable_auto_commit=False, auto_offset_reset="earliest"
        )

    async def start(self) -> None:
        """Load the detector, connect and begin. Raises Unavailable or Misconfigured."""
        try:
            await self.core.start()
            await start_client(self._consumer, self.core.settings)
        except BaseException:
            await self._consumer.stop()  # else it complains, between the lines of whatever went wrong
            raise
        self.core.spawn(self._run())

    async def stop(self) -> None:
        """Finish what is in flight and disconnect."""
        await self.core.stop()
        await self._consumer.stop()
        await self.core.close()

    async def _run(self) -> None:
        ready: set[TopicPartition] = set()
        looked_at = float("-inf")
        while True:
            if monotonic() - looked_at >= self.core.settings.discovery_interval_s:
                with contextlib.suppress(Unavailable):
                    ready = await self._take_existing(ready)
                looked_at = monotonic()
            if not ready:
                await asyncio.sleep(self.core.settings.discovery_interval_s)
                continue
            await self._poll()

    async def _take_existing(self, ready: set[TopicPartition]) -> set[TopicPartition]:
        """Assign the topics that exist now. All start where their device's snapshot stands, one made anew at its start."""
        look = await self.core.discovery.look()
        await self.core.heed(look)
        partitions = {partition for partition in self._partitions if partition.topic in look.vitals}
        is_anew = any(partition.topic in look.anew for partition in partitions)
        if partitions == ready and not is_anew and self.core.loop.assigned_once:
            return ready
        await self.core.assign(partitions)
        await self.core.restored()
        held = self.core.loop.held
        self._consumer.assign([KafkaPartition(*partition) for partition in partitions])
        for device_id, device in held.devices.items():
            self._consumer.seek(KafkaPartition(*held.partition_of[device_id]), device.next_offset)
        log.info("edge_devices", devices=len(partitions), waiting_for=len(self._partitions) - len(partitions))
        return partitions

    async def _poll(self) -> None:
        settings = self.core.settings
        timeout_ms = int(min(1.0, settings.discovery_interval_s) * 1000)
        try:
            fetched = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=settings.batch_max_messages)
        except (KafkaError, OSError) as error:
            log.warning("edge_read_retried", error=type(error).__name__)
            await asyncio.sleep(RETRY_S)
            return
        records = [self.core.names.record(message) for messages in fetched.values() for message in messages]
        if records:
            await self.core.process(records)
        ends = {TopicPartition(*tp): self._consumer.highwater(tp) for tp in self._consumer.assignment()}
        WORKER_LAG_MESSAGES.set(self.core.loop.held.behind(ends))
        if len(self.core.loop.held.fenced) == len(self._partitions):
            self.core.fail(Fatal("another worker judges all of these devices"))
