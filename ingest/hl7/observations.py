"""Turns the observations of a message into readings by device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from contracts.messages.ingest import Reading
from ingest.hl7.catalogue import Catalogue
from ingest.hl7.message import Group, Header, Row
from ingest.hl7.values import read_time, worth_of, zone_of
from ingest.protocol import GivenReadings

BED: Final = "PV1-3"
EQUIPMENT: Final = "OBX-18"
PATIENT: Final = "PID-3"
DEVICE_FIELDS: Final = (BED, EQUIPMENT, PATIENT)


@dataclass(frozen=True, slots=True)
class MessageReadings:
    """What a message says: readings by the devices' names, and how many rows had which outcome but `used`."""

    given: list[GivenReadings]
    outcomes: Counter[str]


@dataclass(frozen=True, slots=True)
class ObservationReader:
    """Reads messages as a site has set it. `wall` is in epoch seconds."""

    catalogue: Catalogue
    device_from: str
    zone: tzinfo
    keep_test_data: bool
    wall: Callable[[], float]

    def read(self, header: Header, groups: list[Group]) -> MessageReadings:
        """Return the readings of a message.

        A row without a value still is a reading, a missing one: the device was heard. One without a time or without a
        device is none.
        """
        zone = zone_of(header.sent_at, self.zone)
        outcomes: Counter[str] = Counter()
        by_name: dict[str, list[Reading]] = {}
        for group in groups:
            equipment = next((row[18] for row in group.rows if row[18]), "")
            for row in group.rows:
                given = self._device(header, group, row[18] or equipment)
                for reading in self._readings(header, group, row, zone, outcomes):
                    if given:
                        by_name.setdefault(given, []).append(reading)
                    else:
                        outcomes["no_device"] += 1
        return MessageReadings([GivenReadings(given, readings) for given, readings in by_name.items()], outcomes)

    def _readings(
        self, header: Header, group: Group, row: Row, zone: tzinfo, outcomes: Counter[str]
    ) -> Iterator[Reading]:
        """Yield the row's reading, if it is one of ours."""
        quantity = self.catalogue.find([part.strip() for part in row[3].split(header.component)])
        if quantity is None:
            return
        said = next((text for text in (row[14], group.observed_at, header.sent_at) if text), "")
        observed_at = read_time(header.first(said), zone, self.wall())
        if observed_at is None:
            outcomes["time"] += 1
            return
        value, outcome = worth_of(row, header, keep_test_data=self.keep_test_data)
        if value is None:
            outcomes[outcome] += 1
        yield Reading(quantity.channel, quantity.source, observed_at, value)

    def _device(self, header: Header, group: Group, equipment: str) -> str:
        """Return the name of the device. A place is its unit, room, bed and facility, as far as they are given."""
        if self.device_from == EQUIPMENT:
            return header.plain(header.first(equipment) or header.first(equipment, 3))
        if self.device_from == PATIENT:
            return header.plain(header.first(group.patient))
        parts = (header.plain(header.first(group.place, number)) for number in (1, 2, 3, 4))
        return " ".join(part for part in parts if part)
