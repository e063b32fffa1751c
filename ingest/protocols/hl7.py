"""HL7 v2 over MLLP: what a hospital's monitor gateway speaks (ORU^R01)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

from contracts.configuration.settings import Settings
from ingest.hl7.catalogue import catalogue_with
from ingest.hl7.observations import DEVICE_FIELDS, ObservationReader
from ingest.hl7.receiver import Receiver
from ingest.mllp.server import Bounds, listening, tls_of
from ingest.protocol import Deliver, Protocol


@asynccontextmanager
async def listen(settings: Settings, deliver: Deliver) -> AsyncIterator[int]:
    """Listen for gateways while inside. Gives the port. Raises Misconfigured."""
    reader = ObservationReader(
        catalogue_with(settings.ingest_mapping_file),
        PROTOCOL.device_from(settings),
        ZoneInfo(settings.ingest_zone),
        settings.ingest_keep_test_data,
        time.time,
    )
    tls = tls_of(settings)
    receiver = Receiver(reader, deliver, time.time)
    async with listening(receiver, settings.ingest_host, PROTOCOL.port_of(settings), Bounds.of(settings), tls) as port:
        yield port


PROTOCOL = Protocol(name="hl7", port=2575, device_fields=DEVICE_FIELDS, listen=listen)
