"""The ingest put together: names, journal and minutes behind whichever protocol listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from functools import partial
from threading import Event
from typing import Final

import structlog

from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from contracts.metrics import INGEST_MINUTES
from ingest.devices import Devices
from ingest.intake import Intake
from ingest.journal import Journal
from ingest.journal_reader import JournalReader
from ingest.minute_writer import MinuteWriter
from ingest.naming import naming_with
from ingest.protocol import GivenReadings, Protocol
from transport.clock import SYSTEM_CLOCK, Clock
from transport.kafka.admin import ensure_topics
from transport.kafka.checked_publisher import CheckedPublisher
from transport.kafka.vitals_topics import VitalsTopics

LINGER_MS: Final = 5
NOT_READY_AFTER_S: Final = 5.0
log = structlog.get_logger()


class IngestProgram:
    """Runs until its event is set. `not_ready_because` is the readiness check."""

    def __init__(self, settings: Settings, protocol: Protocol, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._settings = settings
        self._protocol = protocol
        self._clock = clock
        self._naming = naming_with(settings.ingest_pseudonym_key_file)
        self._topics = VitalsTopics(settings, once_for_all=True)
        self._devices = Devices(settings, self._topics, clock.wall)
        self._intake: Intake | None = None
        self._waits_s: Callable[[], float] = lambda: 0.0
        self._protocol.device_from(settings)

    def not_ready_because(self) -> str | None:
        """Return why monitors are not answered, or None."""
        if self._intake is None:
            return "starting"
        waits_s = self._waits_s()
        return f"Kafka has not acknowledged for {waits_s:.0f} s" if waits_s > NOT_READY_AFTER_S else None

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until stopped. Raises Misconfigured, or Unavailable when Kafka is away at the start or stays away."""
        async with self._protocol.listen(self._settings, self._deliver) as port:
            ended = Event()
            journal = self._settings.topics.ingest_spec(self._settings.ingest_name)
            await asyncio.to_thread(ensure_topics, self._settings, [journal])
            with await asyncio.to_thread(JournalReader, self._settings) as reader, self._publishing(ended) as outlet:
                writer = MinuteWriter(self._settings, self._devices, self._topics.of, reader, self._clock)
                await asyncio.to_thread(writer.restore, outlet)
                async with self._taking_in(writer):
                    log.info("ingest_listens", protocol=self._protocol.name, host=self._settings.ingest_host, port=port)
                    await _write_until(stop, ended, partial(writer.run, outlet, ended))

    async def _deliver(self, given: Sequence[GivenReadings]) -> None:
        """Refuse what comes before all that was written down is read back: who listens early finds a wrong setting early."""
        if self._intake is None:
            raise Unavailable("the ingest is starting")
        await self._intake.deliver(given)

    @asynccontextmanager
    async def _taking_in(self, writer: MinuteWriter) -> AsyncIterator[None]:
        async with Journal(self._settings, lambda: writer.settled_before, writer.sources_of, self._clock) as journal:
            writer.trouble_at = journal.trouble_at
            any_clock = self._settings.ingest_any_clock
            self._intake = Intake(self._naming, self._devices, journal, self._clock.wall, any_clock=any_clock)
            self._waits_s = lambda: journal.waits_s
            try:
                yield
            finally:
                self._intake = None

    def _publishing(self, ended: Event) -> closing[CheckedPublisher]:
        connect = partial(self._topics.connected, linger_ms=LINGER_MS)
        return closing(
            CheckedPublisher(connect, clock=self._clock, stopped=ended.is_set, on_acknowledged=INGEST_MINUTES.inc)
        )


async def _write_until(stop: asyncio.Event, ended: Event, write: Callable[[], None]) -> None:
    """Run a blocking writer in a thread until it fails, or is stopped."""
    writing = asyncio.ensure_future(asyncio.to_thread(write))
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({writing, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended.set()
        stopped.cancel()
        await writing
