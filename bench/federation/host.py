"""A device host without vitals and TensorFlow: everything else of it is `fl_device`."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any, cast

from bench.federation.least_squares import LeastSquares
from contracts.configuration.settings import Settings
from fedsecure.programs import run_program
from fl_device.host.answering import Answering, ModelCache
from fl_device.host.earlier_answers import rounds_answered
from fl_device.host.participant import HostedDevices
from fl_device.host.presence import Attendance, Presence
from fl_device.host.rounds import RoundFollower
from fl_device.keys.folder import KeyFolder
from fl_device.keys.host_keys import HostKeys
from transport.blobs.store import blob_store
from transport.clock import Backoff
from transport.kafka.publisher import Publisher
from transport.logs import configure_logs
from transport.redis_client import connect_redis


class LightHost:
    """Answers rounds for its devices: real keys, signatures, claims, weights and messages; a NumPy `training` in TensorFlow's place."""

    def __init__(
        self, settings: Settings, device_ids: list[str], key_folder: KeyFolder, training: LeastSquares
    ) -> None:
        self._settings = settings
        self._device_ids = device_ids
        self._key_folder = key_folder
        self._training = training
        self._not_ready: str | None = "starting"

    def not_ready_because(self) -> str | None:
        """Return what it waits for, or None."""
        return self._not_ready

    async def run(self, stop: asyncio.Event) -> None:
        """Take part until the stop. The update topics must be there."""
        settings, random = self._settings, Random()
        client, hosted = connect_redis(settings), HostedDevices()
        models = ModelCache(blob_store(settings, client), settings)
        keys = HostKeys(settings, self._key_folder, clock=time.time)
        presence = Presence(client, settings.redis_keys, settings.presence_s)
        attendance = Attendance(presence, hosted, lambda: self._not_ready is None, Backoff(random))
        with ThreadPoolExecutor(1) as executor:
            async with Publisher(settings) as publisher, asyncio.TaskGroup() as tasks:
                await keys.look_after(self._device_ids, publisher)
                answered = await rounds_answered(settings, self._device_ids, self._key_folder)
                for device_id in self._device_ids:
                    hosted.add(device_id, answered.get(device_id, 0))
                answering = Answering(
                    settings, models=models, publisher=publisher, keys=keys,
                    prepared=cast("Any", self), executor=executor, backoff=Backoff(random), clock=time.time,
                )  # fmt: skip
                tasks.create_task(attendance.run(stop))
                tasks.create_task(RoundFollower(settings, hosted, models, answering, random).run(stop, self._is_ready))

    @property
    def detector(self) -> LeastSquares:
        """What gives a device's examples."""
        return self._training

    @property
    def trainer(self) -> LeastSquares:
        """What trains on them."""
        return self._training

    def _is_ready(self) -> None:
        self._not_ready = None


def host_devices(settings: Settings, device_ids: list[str], keys: Path, train_s: float, log: Path) -> None:
    """Host some devices until a signal, as a process of its own. What it says goes to a file."""
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())
    configure_logs("devices")
    run_program(lambda: LightHost(settings, device_ids, KeyFolder(keys), LeastSquares(train_s)), settings, "devices")
