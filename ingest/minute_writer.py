"""Makes minutes of the journal and writes them to the devices' topics: one thread, blocking, restartable at any point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import Final, Protocol

import structlog

from contracts.configuration.settings import Settings
from contracts.event_time import from_event_minute
from contracts.messages.ingest import ChannelName, DeviceReadings
from contracts.messages.vitals import VitalsBatch, encode_vitals
from contracts.metrics import INGEST_LATE_READINGS
from ingest.devices import Devices
from ingest.journal_reader import Entry
from ingest.minutes import DeviceMinutes, Minute, stretches
from transport.clock import Clock
from transport.kafka.checked_publisher import Stopped

POLL_S: Final = 0.1
ACKNOWLEDGED_WITHIN_S: Final = 1.0
STOP_GRACE_S: Final = 5.0
INTERVAL_S: Final = 60.0
log = structlog.get_logger()


class Outlet(Protocol):
    """Where minutes go. `transport.kafka.checked_publisher.CheckedPublisher` is the real one."""

    def send(self, topic: str, key: bytes, value: bytes, minutes: int = 0) -> None: ...

    def drain(self, within_s: float) -> int: ...


class Reader(Protocol):
    """Where readings come from. `ingest.journal_reader.JournalReader` is the real one."""

    @property
    def position(self) -> int: ...

    def rewind(self) -> int: ...

    def poll(self, timeout_s: float) -> list[Entry]: ...


class MinuteWriter:
    """Applies the journal. `topic_of` tells a device's topic, `trouble_at` when monitors last went unanswered."""

    def __init__(
        self, settings: Settings, devices: Devices, topic_of: Callable[[str], str], reader: Reader, clock: Clock
    ) -> None:
        self._settings = settings
        self._devices = devices
        self._topic_of = topic_of
        self._reader = reader
        self._clock = clock
        self._minutes: dict[str, DeviceMinutes] = {}
        self._restoring = True
        self.settled_before = 0
        self.trouble_at: Callable[[], float] = lambda: float("-inf")

    def sources_of(self, device_id: str) -> dict[ChannelName, int]:
        """Return which sources a device's minutes are made of. Any thread may ask."""
        known = self._minutes.get(device_id)
        return known.sources if known else {}

    def restore(self, outlet: Outlet) -> None:
        """Read back what an earlier run had not settled. Raises Unavailable."""
        end = self._reader.rewind()
        first = self.settled_before = self._reader.position
        while self._reader.position < end:
            self._apply(self._reader.poll(POLL_S), outlet)
        self._restoring = False
        log.info("journal_read_back", records=end - first, devices=len(self._minutes))

    def run(self, outlet: Outlet, stop: Event) -> None:
        """Make minutes until stopped. Raises Unavailable when Kafka stays away."""
        try:
            while not stop.is_set():
                self._apply(self._reader.poll(POLL_S), outlet)
                self._send_silent(outlet)
                if outlet.drain(ACKNOWLEDGED_WITHIN_S) == 0:
                    self._settle()
        except Stopped:
            log.warning("minutes_left_to_the_journal")
        outlet.drain(STOP_GRACE_S)

    def _settle(self) -> None:
        open_ones = [at for each in self._minutes.values() if (at := each.first_offset) is not None]
        self.settled_before = min([self._reader.position, *open_ones])

    def _apply(self, entries: Sequence[Entry], outlet: Outlet) -> None:
        self._admit(entries)
        for offset, record in entries:
            for each in record.devices:
                self._take(each, offset, outlet)

    def _admit(self, entries: Sequence[Entry]) -> None:
        """Find the devices that another run wrote down. A name that is refused by now was taken under its id before."""
        wanted = {each.device_id: each.label for _, record in entries for each in record.devices}
        unknown = {device_id: label for device_id, label in wanted.items() if device_id not in self._minutes}
        if unknown and not self._devices.knows(unknown):
            for error in self._devices.admit(unknown).values():
                log.warning("device_of_the_journal_not_admitted", reason=str(error))

    def _take(self, given: DeviceReadings, offset: int, outlet: Outlet) -> None:
        minutes = self._minutes.get(given.device_id) or self._begin(given)
        if minutes is None:
            return
        now_s = self._clock.monotonic()
        taken = [minutes.take(reading, offset, now_s) for reading in given.readings]
        if not self._restoring:  # what comes again after a restart had been used before
            INGEST_LATE_READINGS.inc(taken.count("late"))
        self._send(given.device_id, minutes, minutes.close_passed(), outlet)

    def _begin(self, given: DeviceReadings) -> DeviceMinutes | None:
        if not self._devices.knows({given.device_id: given.label}):
            return None
        minutes = DeviceMinutes(
            grace_s=self._settings.ingest_grace_s,
            silence_s=self._settings.ingest_silence_s,
            sent_through=self._devices[given.device_id].sent_through,
        )
        minutes.keep_to(given.sources)
        self._minutes[given.device_id] = minutes
        return minutes

    def _send_silent(self, outlet: Outlet) -> None:
        """Send what silent devices leave open. Nobody is silent while Kafka keeps monitors waiting."""
        now_s = self._clock.monotonic()
        if now_s - self.trouble_at() < self._settings.ingest_silence_s:
            return
        for device_id, minutes in self._minutes.items():
            self._send(device_id, minutes, minutes.close_silent(now_s), outlet)

    def _send(self, device_id: str, minutes: DeviceMinutes, closed: Sequence[Minute], outlet: Outlet) -> None:
        for run in stretches(closed, minutes.sent_through):
            value = encode_vitals(self._batch(device_id, run))
            outlet.send(self._topic_of(device_id), device_id.encode(), value, minutes=len(run))
            minutes.sent_through = run[-1].event_minute

    def _batch(self, device_id: str, run: Sequence[Minute]) -> VitalsBatch:
        device = self._devices[device_id]
        pulse = [minute.pulse_bpm for minute in run]
        return VitalsBatch(
            device_id=device_id,
            label=device.label,
            session_id=device.session_id,
            observed_at=from_event_minute(run[0].event_minute),
            heart_rate_bpm=[minute.heart_rate_bpm for minute in run],
            resp_rate_bpm=[minute.resp_rate_bpm for minute in run],
            pulse_bpm=pulse if any(value is not None for value in pulse) else None,
            batch_interval_s=INTERVAL_S,
            sent_at=self._clock.wall(),
        )
