"""What an ingest writes down before it acknowledges a monitor's message: the readings, by device, and nothing else of it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from contracts.errors import InvalidMessage
from contracts.identifiers import DeviceId, DeviceLabel

ChannelName = Literal["heart_rate_bpm", "resp_rate_bpm", "pulse_bpm"]
CHANNEL_NAMES: Final[tuple[ChannelName, ...]] = ("heart_rate_bpm", "resp_rate_bpm", "pulse_bpm")
SCHEMA_VERSION: Final = 1


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """One value of a device, or (`value` None) that its monitor had none: a lead off, an artefact.

    `source` tells measurements of one channel apart, 0 the one to prefer (two respiratory rates, by impedance and by
    CO2, are not averaged). `observed_at` is event time, epoch seconds.
    """

    channel: ChannelName
    source: Annotated[int, msgspec.Meta(ge=0)]
    observed_at: float
    value: float | None


class DeviceReadings(msgspec.Struct, frozen=True, kw_only=True):
    """Readings of one device. `sources` is which of each channel's sources its minutes are made of by now."""

    device_id: DeviceId
    label: DeviceLabel | None = None
    readings: list[Reading]
    sources: dict[ChannelName, int] = {}


class JournalRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The readings of one message (or of a part of a large one).

    `settled_before` is an offset of this topic: of all records before it the minutes are in the vitals topics, so a
    restart reads from there. `received_at` is the ingest's wall clock, epoch seconds.
    """

    devices: list[DeviceReadings]
    received_at: float
    settled_before: Annotated[int, msgspec.Meta(ge=0)]
    schema_version: int = SCHEMA_VERSION


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(JournalRecord)


def encode_journal(record: JournalRecord) -> bytes:
    """Return the record as JSON."""
    return _encoder.encode(record)


def decode_journal(value: bytes | None) -> JournalRecord:
    """Return the checked record. Raises InvalidMessage."""
    if value is None:
        raise InvalidMessage("tombstone")
    try:
        record = _decoder.decode(value)
    except msgspec.ValidationError as error:
        raise InvalidMessage("bad_schema", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidMessage("not_json") from None
    if record.schema_version != SCHEMA_VERSION:
        raise InvalidMessage("unknown_version", str(record.schema_version))
    return record
