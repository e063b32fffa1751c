"""One device's vital signs, read from Kafka only while somebody looks at its page, and kept nowhere else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from console.sources.board import LOOK_BACK_S
from console.sources.expected import expected_vitals
from console.sources.series import Minutes
from console.sources.topic_watch import PATIENCE_S, RETRY_S
from contracts.errors import InvalidMessage, Unavailable
from contracts.settings import Settings
from contracts.verdicts import DeviceProfile
from contracts.vitals import decode_vitals
from transport.clock import cancellable_sleep
from transport.kafka.topic_reader import Record, TopicReader

POLL_S: Final = 0.3


class DeviceFeed:
    """Reads the device's vitals of the last day and goes on until the stop; `profile()` returns what it is measured by."""

    def __init__(self, device_id: str, settings: Settings, profile: Callable[[], DeviceProfile | None]) -> None:
        self.minutes = Minutes.of_vitals()
        self.version = 0
        self._id = device_id
        self._settings = settings
        self._profile = profile
        self._expected: Mapping[str, Any] = {}
        self._expected_at = (-1, "")

    @property
    def expected(self) -> Mapping[str, Any]:
        """What the autoencoder made of the minutes: columns `minute`, `heart`, `breath`; empty without a profile."""
        return self._expected

    async def run(self, stop: asyncio.Event) -> None:
        """Read until the stop; Kafka may come and go."""
        while not stop.is_set():
            try:
                async with TopicReader(self._settings) as reader:
                    await self._read(reader, stop)
            except (Unavailable, TimeoutError):  # the page says already that Kafka does not answer
                await cancellable_sleep(RETRY_S, stop)

    async def _read(self, reader: TopicReader, stop: asyncio.Event) -> None:
        topics = self._settings.topics
        shared = self._settings.topic_layout == "shared"
        topic = topics.vitals_shared if shared else topics.vitals(self._id)
        asked_at = 0.0
        while not stop.is_set():
            if time.monotonic() - asked_at > RETRY_S and not reader.topics_read:
                await asyncio.wait_for(reader.add([topic], start=time.time() - LOOK_BACK_S), PATIENCE_S)
                asked_at = time.monotonic()
            records = await reader.poll(POLL_S)
            for record in records:
                self._take(record)
            if not records:
                await self._expect()

    def _take(self, record: Record) -> None:
        if record.key is not None and record.key != self._id.encode():
            return
        try:
            self.minutes.take_vitals(decode_vitals(record.value, expected_device_id=self._id))
        except InvalidMessage:
            return  # the worker sets it aside and counts it

    async def _expect(self) -> None:
        profile = self._profile()
        at = (self.minutes.added, profile.bundle_sha if profile else "")
        if profile is None or at == self._expected_at:
            return
        self._expected_at = at
        columns = {name: column.copy() for name, column in self.minutes.latest(len(self.minutes)).items()}
        self._expected = await asyncio.to_thread(expected_vitals, self._settings, profile, columns)
        self.version += 1
