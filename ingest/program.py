"""The ingest put together: names, journal and minutes behind whichever protocol listens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import Final

import structlog

from contracts.metrics import INGEST_MINUTES
from contracts.settings import Settings
from ingest.devices import Devices
from ingest.intake import Intake
from ingest.journal import Journal
from ingest.journal_reader import JournalReader
from ingest.minute_writer import MinuteWriter
from ingest.naming import naming_with
from ingest.protocol import Protocol
from ingest.vitals_topics import VitalsTopics
from transport.checked_publisher import CheckedPublisher
from transport.clock import SYSTEM_CLOCK, Clock
from transport.kafka_producer import connect_producer
from transport.topic_admin import ensure_topics

LINGER_MS: Final = 5
NOT_READY_AFTER_S: Final = 5.0
log = structlog.get_logger()


class IngestProgram:
    """Runs until its event is set; `not_ready_because` is the readiness check."""

    def __init__(self, settings: Settings, protocol: Protocol, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._settings = settings
        self._protocol = protocol
        self._clock = clock
        self._naming = naming_with(settings.ingest_pseudonym_key_file)
        self._topics = VitalsTopics(settings)
        self._devices = Devices(settings, self._topics, clock.wall)
        self._journal: Journal | None = None
        self._protocol.device_from(settings)

    def not_ready_because(self) -> str | None:
        """Return why monitors are not answered, or None."""
        if self._journal is None:
            return "starting"
        waits_s = self._journal.waits_s
        return f"Kafka has not acknowledged for {waits_s:.0f} s" if waits_s > NOT_READY_AFTER_S else None

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until stopped; raises Misconfigured, or Unavailable when Kafka is away at the start or stays away."""
        ended = Event()
        journal_spec = self._settings.topics.ingest_spec(self._settings.ingest_name)
        await asyncio.to_thread(ensure_topics, self._settings, [journal_spec])
        reader = await asyncio.to_thread(JournalReader, self._settings)
        with reader:
            writer = MinuteWriter(self._settings, self._devices, self._topics.of, reader, self._clock)
            with self._publishing(ended) as outlet:
                await asyncio.to_thread(writer.restore, outlet)
                await self._serve(writer, outlet, ended, stop)

    async def _serve(self, writer: MinuteWriter, outlet: CheckedPublisher, ended: Event, stop: asyncio.Event) -> None:
        async with Journal(self._settings, lambda: writer.settled_before, writer.sources_of, self._clock) as journal:
            writer.trouble_at = journal.trouble_at
            any_clock = self._settings.ingest_any_clock
            intake = Intake(self._naming, self._devices, journal, self._clock.wall, any_clock=any_clock)
            writing = asyncio.ensure_future(asyncio.to_thread(writer.run, outlet, ended))
            try:
                async with self._protocol.listen(self._settings, intake.deliver) as port:
                    self._journal = journal
                    host = self._settings.ingest_host
                    log.info("ingest_listens", protocol=self._protocol.name, host=host, port=port)
                    stopped = asyncio.ensure_future(stop.wait())
                    await asyncio.wait({writing, stopped}, return_when=asyncio.FIRST_COMPLETED)
                    stopped.cancel()
            finally:
                ended.set()
                await writing

    @contextmanager
    def _publishing(self, ended: Event) -> Iterator[CheckedPublisher]:
        connect = partial(connect_producer, self._settings, self._topics.prepared, linger_ms=LINGER_MS)
        publisher = CheckedPublisher(
            connect, clock=self._clock, stopped=ended.is_set, on_acknowledged=INGEST_MINUTES.inc
        )
        try:
            yield publisher
        finally:
            publisher.close()
