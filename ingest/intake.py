"""From what a protocol read to what is written down: names, clocks, impossible values, and whether Kafka has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from contracts.errors import Misconfigured
from contracts.messages.ingest import ChannelName, DeviceReadings, Reading
from contracts.metrics import INGEST_READINGS
from detectors.minutes.cleaning import HIGHEST, LOWEST
from ingest.devices import Devices
from ingest.naming import Naming
from ingest.protocol import GivenReadings, NotUsed

CLOCK_OFF_BY_S: Final = 86_400.0
_LIMITS: Final[dict[ChannelName, tuple[float, float]]] = {
    "heart_rate_bpm": (LOWEST[0], HIGHEST[0]),
    "resp_rate_bpm": (LOWEST[1], HIGHEST[1]),
    "pulse_bpm": (LOWEST[0], HIGHEST[0]),
}


class ReadingsLog(Protocol):
    """Where readings are written down."""

    async def append(self, devices: Sequence[DeviceReadings]) -> None:
        """Return once Kafka has them. Raises Unavailable."""


class Intake:
    """Takes what protocols deliver. `wall` is in epoch seconds."""

    def __init__(
        self, naming: Naming, devices: Devices, journal: ReadingsLog, wall: Callable[[], float], *, any_clock: bool
    ) -> None:
        self._naming = naming
        self._devices = devices
        self._journal = journal
        self._wall = wall
        self._any_clock = any_clock

    async def deliver(self, given: Sequence[GivenReadings]) -> None:
        """Write down what can be used. Returns once Kafka has it.

        What cannot be used is counted. Raises NotUsed when that is all there was, Unavailable when Kafka does not answer.
        """
        reasons: list[str] = []
        wanted = list(self._wanted(given, reasons))
        refused = await self._not_admitted(wanted, reasons)
        used = [each for each in wanted if each.device_id not in refused]
        if not used:
            raise NotUsed(reasons[0] if reasons else "nothing to use")
        await self._journal.append(used)
        for each in used:
            missing = sum(reading.value is None for reading in each.readings)
            INGEST_READINGS.labels("used").inc(len(each.readings) - missing)

    def _wanted(self, given: Sequence[GivenReadings], reasons: list[str]) -> Iterator[DeviceReadings]:
        now_s = self._wall()
        for each in given:
            try:
                device_id, label = self._naming.name(each.given)
            except Misconfigured as error:
                INGEST_READINGS.labels("no_device").inc(len(each.readings))
                reasons.append(str(error))
                continue
            readings = [
                _checked(reading)
                for reading in each.readings
                if self._any_clock or abs(reading.observed_at - now_s) <= CLOCK_OFF_BY_S
            ]
            if len(readings) < len(each.readings):
                INGEST_READINGS.labels("clock").inc(len(each.readings) - len(readings))
                reasons.append(
                    "times more than a day from the ingest's clock: set the monitor's clock, or the zone of its times "
                    "(FEDSECURE_INGEST_ZONE)"
                )
            if readings:
                yield DeviceReadings(device_id=device_id, label=label, readings=readings)

    async def _not_admitted(self, wanted: Sequence[DeviceReadings], reasons: list[str]) -> set[str]:
        """Return the ids that are not taken, two names in this very message included."""
        labels = {each.device_id: each.label for each in wanted}
        twice = {each.device_id for each in wanted if labels[each.device_id] != each.label}
        if self._devices.knows(labels) and not twice:
            return set()
        refused = await asyncio.to_thread(self._devices.admit, labels)
        reasons += [str(error) for error in refused.values()]
        reasons += [
            f"two names in one message would be device {device_id}: rename one of the two" for device_id in twice
        ]
        count = sum(len(each.readings) for each in wanted if each.device_id in refused.keys() | twice)
        INGEST_READINGS.labels("ambiguous").inc(count)
        return refused.keys() | twice


def _checked(reading: Reading) -> Reading:
    """Return the reading, its value missing when no patient has it: zeros, a monitor's codes such as -999, artefacts."""
    lowest, highest = _LIMITS[reading.channel]
    if reading.value is None or lowest <= reading.value <= highest:
        return reading
    INGEST_READINGS.labels("missing").inc()
    return Reading(reading.channel, reading.source, reading.observed_at, None)
