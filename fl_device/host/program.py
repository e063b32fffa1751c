"""The device host as a program: it follows vitals and rounds until told to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from random import Random
from time import monotonic
from typing import Any, Final, TypeVar

import structlog

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured, Unavailable
from contracts.metrics import DEVICES_HOSTED
from fl_device.host.answering import Answering, ModelCache
from fl_device.host.bundle_changes import BundleChanges
from fl_device.host.detector import HostDetector
from fl_device.host.earlier_answers import rounds_answered
from fl_device.host.participant import HostedDevices
from fl_device.host.preparation import Prepared, prepare
from fl_device.host.presence import Attendance, Presence
from fl_device.host.rounds import RoundFollower, wait_for_kafka
from fl_device.keys.folder import KeyFolder
from fl_device.keys.host_keys import HostKeys
from transport.blobs.store import blob_store
from transport.clock import Backoff
from transport.kafka.admin import ensure_topics
from transport.kafka.publisher import Publisher
from transport.kafka.topic_reader import Record, TopicReader
from transport.redis_client import connect_redis

log = structlog.get_logger()
Result = TypeVar("Result")
POLL_S: Final = 0.2
VITALS_PER_TURN: Final = 64
"""Messages judged before the executor is free for a training again."""


class DeviceProgram:
    """Hosts the given devices, or every device that has a vitals topic (`device_ids` None).

    A device takes part from the moment its own vitals topic exists and the network is compiled.
    """

    def __init__(
        self,
        settings: Settings,
        device_ids: tuple[str, ...] | None,
        key_folder: KeyFolder,
        *,
        clock: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        if settings.topic_layout == "shared":
            raise Misconfigured("a device reads its own vitals topic: FEDSECURE_TOPIC_LAYOUT must be per-patient")
        self._settings = settings
        self._wanted = device_ids
        self._clock = clock
        self._random = random or Random()  # noqa: S311 - spreads waits, hides nothing
        self._key_folder = key_folder
        self._keys = HostKeys(settings, key_folder, clock=clock)
        self._hosted = HostedDevices()
        self._waiting_for = {"the network to compile", "the rounds on record", "the first look for vitals topics"}
        # One thread owns TensorFlow, the engine and the windows.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="tensorflow")

    def not_ready_because(self) -> str | None:
        """Return what the program still waits for before its devices can answer a round, or None."""
        return f"waiting for {', '.join(sorted(self._waiting_for))}" if self._waiting_for else None

    async def run(self, stop: asyncio.Event) -> None:
        """Host the devices until `stop` is set. Raises Unavailable when Kafka does not answer at the start."""
        try:
            async with (
                BundleChanges(self._settings, self._in_executor) as changes,
                Publisher(self._settings) as publisher,
            ):
                prepared = await self._in_executor(prepare, self._settings, await changes.first())
                self._waiting_for.discard("the network to compile")
                client = connect_redis(self._settings)
                models = ModelCache(blob_store(self._settings, client), self._settings)
                answering = self._answering(models, publisher, prepared)
                presence = Presence(client, self._settings.redis_keys, self._settings.presence_s)
                backoff = Backoff(self._random, longest_s=self._settings.presence_s / 2)
                attendance = Attendance(presence, self._hosted, lambda: not self._waiting_for, backoff)
                await _together(
                    self._follow_vitals(prepared.detector, changes, publisher, stop),
                    RoundFollower(self._settings, self._hosted, models, answering, self._random).run(
                        stop, lambda: self._waiting_for.discard("the rounds on record")
                    ),
                    attendance.run(stop),
                )
        finally:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def _answering(self, models: ModelCache, publisher: Publisher, prepared: Prepared) -> Answering:
        return Answering(
            self._settings,
            models=models,
            publisher=publisher,
            keys=self._keys,
            prepared=prepared,
            executor=self._executor,
            backoff=Backoff(self._random),
            clock=self._clock,
        )

    async def _follow_vitals(
        self, detector: HostDetector, changes: BundleChanges, publisher: Publisher, stop: asyncio.Event
    ) -> None:
        looked_at, backoff = float("-inf"), Backoff(self._random)
        async with TopicReader(self._settings) as reader:
            while not stop.is_set():
                try:
                    if monotonic() - looked_at >= self._settings.discovery_interval_s:
                        await changes.step(detector, reader)
                        await self._discover(reader, detector, publisher)
                        looked_at = monotonic()
                        self._waiting_for.discard("the first look for vitals topics")
                    records = await reader.poll(POLL_S, VITALS_PER_TURN)
                except Unavailable as error:
                    await wait_for_kafka(error, backoff, stop)
                    continue
                backoff.reset()
                if not records and self._hosted.has_new:
                    self._hosted.has_new, self._hosted.is_caught_up = False, True
                if records:
                    await self._in_executor(
                        detector.take, [(self._device_of(record), record.value) for record in records]
                    )

    async def _discover(self, reader: TopicReader, detector: HostDetector, publisher: Publisher) -> None:
        """Host the wanted devices whose vitals topics exist by now."""
        topics = self._settings.topics
        listed = await reader.list_topics()
        present = {topics.device_of_vitals(topic) for topic in listed} - {None}
        specs = [topics.fl_updates_spec(device) for device in self._hosted.participants]
        if lost := [spec for spec in specs if spec.name not in listed]:
            made = await asyncio.to_thread(ensure_topics, self._settings, lost)
            log.warning("topics_made_again", topics=made)
        new = sorted(device for device in present if device and self._is_new(device))
        if not new:
            return
        await reader.add([topics.vitals(device) for device in new], start="earliest")
        new = [device for device in new if topics.vitals(device) in reader.topics_read]
        await asyncio.to_thread(ensure_topics, self._settings, [topics.fl_updates_spec(device) for device in new])
        await self._keys.look_after(new, publisher)
        answered = await rounds_answered(self._settings, new, self._key_folder)
        await self._in_executor(detector.open, new)
        for device in new:
            self._hosted.add(device, answered.get(device, 0))
        DEVICES_HOSTED.set(len(self._hosted.participants))
        log.info("devices_hosted", new=new, hosted=len(self._hosted.participants))

    def _is_new(self, device_id: str) -> bool:
        is_wanted = self._wanted is None or device_id in self._wanted
        return is_wanted and device_id not in self._hosted.participants

    def _device_of(self, record: Record) -> str:
        return self._settings.topics.device_of_vitals(record.topic) or ""

    async def _in_executor(self, call: Callable[..., Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call, *arguments)


async def _together(*following: Coroutine[Any, Any, None]) -> None:
    """Run until all have ended. When one fails the others are cancelled and its own error is raised."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for each in following:
                tasks.create_task(each)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
