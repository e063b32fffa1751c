"""One device's vital signs, read from Kafka only while somebody looks at its page, and kept nowhere else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from console.sources.board import LOOK_BACK_S
from console.sources.series import Columns, Minutes, as_json
from console.sources.topic_watch import PATIENCE_S, RETRY_S
from contracts.configuration.settings import Settings
from contracts.errors import FedSecureError, InvalidMessage, Unavailable
from contracts.messages.verdicts import DeviceProfile
from contracts.messages.vitals import decode_vitals
from transport.clock import cancellable_sleep
from transport.kafka.topic_reader import Record, TopicReader

if TYPE_CHECKING:
    from detectors.network.runtime import DensityNetwork

POLL_S: Final = 0.3


class DeviceFeed:
    """Reads the device's vitals of the last day and goes on until the stop. `profile()` returns what it is measured by.

    `expected` is what the autoencoder made of the minutes: columns `minute`, `heart`, `breath`, or nothing without a profile.
    """

    def __init__(self, device_id: str, settings: Settings, profile: Callable[[], DeviceProfile | None]) -> None:
        self.minutes = Minutes.of_vitals()
        self.version = 0
        self._id = device_id
        self._settings = settings
        self._profile = profile
        self.expected: Mapping[str, Any] = {}
        self._expected_at = (-1, "")

    async def run(self, stop: asyncio.Event) -> None:
        """Read until the stop. Kafka may come and go."""
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
        columns = self.minutes.latest(len(self.minutes))
        self.expected = await asyncio.to_thread(expected_vitals, self._settings, profile, columns)
        self.version += 1


def expected_vitals(settings: Settings, profile: DeviceProfile, columns: Columns) -> Mapping[str, Any]:
    """Return the columns `minute`, `heart`, `breath`. Empty when the profile belongs to another bundle than this program's.

    A minute is shown as its neighbours on both sides explain it. Blocks for some milliseconds.
    """
    from detectors.engine.model import expected_minutes  # noqa: PLC0415 - wanted only by who looks at a device

    try:
        sha256, network = _network(settings.bundle_dir)
    except (FedSecureError, OSError):
        return {}
    if sha256 != profile.bundle_sha:
        return {}
    minute = np.asarray(columns["minute"], np.int64)
    if not len(minute):
        return {}
    span = np.full((2, int(minute[-1] - minute[0]) + 1), np.nan)
    span[:, minute - minute[0]] = columns["heart"], columns["breath"]
    shown, expected = expected_minutes(network, profile, int(minute[0]), span[0], span[1])
    return {"minute": shown.tolist(), "heart": as_json(expected[:, 0]), "breath": as_json(expected[:, 1])}


@lru_cache(maxsize=1)
def _network(folder: Path | None) -> tuple[str, DensityNetwork]:
    from detectors.bundle.bundle import DEFAULT_BUNDLE, load_bundle  # noqa: PLC0415 - see above
    from detectors.network.runtime import DensityNetwork  # noqa: PLC0415

    bundle = load_bundle(folder or DEFAULT_BUNDLE)
    return bundle.sha256, DensityNetwork(bundle.parameters.network)
