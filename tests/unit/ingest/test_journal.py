"""The journal says yes when Kafka does, replaces a producer that failed, and knows when monitors were kept waiting."""

from __future__ import annotations

import asyncio
from typing import Self

import pytest

from contracts.configuration.settings import Settings
from contracts.errors import InvalidMessage, Unavailable
from contracts.messages.ingest import DeviceReadings, JournalRecord, Reading, decode_journal, encode_journal
from ingest.journal import Journal
from transport.clock import Clock

READINGS = [DeviceReadings(device_id="a", readings=[Reading("heart_rate_bpm", 0, 60.0, 80.0)])]


class Kafka:
    """Makes producers; those made while it is away fail. Any waits while `held`."""

    def __init__(self) -> None:
        self.now = 0.0
        self.away = False
        self.held = asyncio.Event()
        self.held.set()
        self.records: list[JournalRecord] = []
        self.made = self.closed = 0

    def __call__(self, settings: Settings) -> Kafka:
        self.made += 1
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed += 1

    async def send(self, topic: str, key: str, value: bytes | None) -> None:
        await self.held.wait()
        if self.away:
            raise Unavailable("Kafka does not take records")
        self.records.append(decode_journal(value))

    def journal(self) -> Journal:
        clock = Clock(lambda: self.now, lambda: 1000.0, lambda _: None)
        return Journal(Settings(), lambda: 7, lambda _: {"resp_rate_bpm": 1}, clock, self)


async def test_a_record_carries_what_a_restart_needs() -> None:
    kafka = Kafka()
    async with kafka.journal() as journal:
        await journal.append(READINGS)
    (record,) = kafka.records
    assert (record.settled_before, record.received_at) == (7, 1000.0)
    assert record.devices[0].sources == {"resp_rate_bpm": 1}
    assert record.devices[0].readings == READINGS[0].readings
    assert (kafka.made, kafka.closed) == (1, 1)


async def test_a_producer_that_failed_is_replaced_and_the_trouble_is_dated() -> None:
    kafka = Kafka()
    async with kafka.journal() as journal:
        kafka.away, kafka.now = True, 5.0
        with pytest.raises(Unavailable):
            await journal.append(READINGS)
        kafka.away, kafka.now = False, 9.0
        await journal.append(READINGS)
        assert (len(kafka.records), kafka.made, journal.trouble_at()) == (1, 2, 5.0)


async def test_while_an_append_hangs_and_when_it_had_there_is_trouble() -> None:
    kafka = Kafka()
    async with kafka.journal() as journal:
        kafka.held.clear()
        hanging = asyncio.ensure_future(journal.append(READINGS))
        await asyncio.sleep(0)
        assert (journal.waits_s, journal.trouble_at()) == (0.0, float("-inf"))
        kafka.now = 8.0
        assert (journal.waits_s, journal.trouble_at()) == (8.0, 8.0)
        kafka.held.set()
        await hanging
        kafka.now = 20.0
        assert (journal.waits_s, journal.trouble_at()) == (0.0, 8.0)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "tombstone"), (b"{", "not_json"), (b"{}", "bad_schema"), (b"\xff", "not_json"),
        (encode_journal(JournalRecord(devices=[], received_at=0.0, settled_before=0, schema_version=2)), "unknown_version"),
    ],
)  # fmt: skip
def test_what_is_no_record_is_said(value: bytes | None, reason: str) -> None:
    with pytest.raises(InvalidMessage, match=reason):
        decode_journal(value)
