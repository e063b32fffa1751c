"""The message a device sends: one or more consecutive minutes of its vital signs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from contracts.errors import InvalidMessage
from contracts.event_time import LAST_EVENT_MINUTE, to_event_minute
from contracts.identifiers import DeviceId, DeviceLabel

SCHEMA_VERSION = 1
MAX_MINUTES_PER_BATCH = 1440
MAX_BATCH_BYTES = 262_144

Channel = Annotated[list[float | None], msgspec.Meta(max_length=MAX_MINUTES_PER_BATCH)]


class VitalsBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Consecutive minutes of one device. `None` (and on the wire null or zero) means missing.

    `observed_at` is the event time of the first minute (UTC, whole minute). `session_id` orders the
    device's sessions by their start (milliseconds of wall time). `batch_interval_s` is the wall time
    to the next batch, from which readers derive staleness. `sent_at` is the sender's wall clock, epoch seconds.
    A batch without minutes is allowed when it announces the end of a recording, or (`re_enrol`) that the device's
    enrolment is void and begins anew: by `fedsecure device re-enrol`, after a monitor or a patient changed. `label` is the
    device's name as its hospital writes it, where that is not the id; None says nothing of it.
    """

    device_id: DeviceId
    session_id: Annotated[int, msgspec.Meta(ge=0)]
    observed_at: datetime
    heart_rate_bpm: Channel
    resp_rate_bpm: Channel
    pulse_bpm: Channel | None = None
    batch_interval_s: Annotated[float, msgspec.Meta(ge=0)]
    sent_at: float
    end_of_recording: bool = False
    re_enrol: bool = False
    label: DeviceLabel | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def first_event_minute(self) -> int:
        """Event minute of the first value."""
        return to_event_minute(self.observed_at)

    def __len__(self) -> int:
        return len(self.heart_rate_bpm)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(VitalsBatch)


def encode_vitals(batch: VitalsBatch) -> bytes:
    """Return the batch as JSON. NaN becomes null."""
    return _encoder.encode(batch)


def decode_vitals(value: bytes | None, *, expected_device_id: str) -> VitalsBatch:
    """Return the checked batch, or raise InvalidMessage with one of the dead-letter reasons."""
    if value is None:
        raise InvalidMessage("tombstone")
    if len(value) > MAX_BATCH_BYTES:
        raise InvalidMessage("too_large", f"{len(value)} bytes, at most {MAX_BATCH_BYTES}")
    try:
        batch = _decoder.decode(value)
    except msgspec.ValidationError as error:
        raise InvalidMessage("bad_schema", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidMessage("not_json") from None
    except RecursionError:
        raise InvalidMessage("bad_schema", "nested too deeply") from None
    _check(batch, expected_device_id)
    return batch


def _check(batch: VitalsBatch, expected_device_id: str) -> None:
    if batch.schema_version != SCHEMA_VERSION:
        raise InvalidMessage("unknown_version", str(batch.schema_version))
    if batch.device_id != expected_device_id:
        raise InvalidMessage("wrong_device", f"{batch.device_id} on the topic of {expected_device_id}")
    lengths = {len(batch.heart_rate_bpm), len(batch.resp_rate_bpm)}
    if batch.pulse_bpm is not None:
        lengths.add(len(batch.pulse_bpm))
    if len(lengths) != 1:
        raise InvalidMessage("bad_schema", "the channels differ in length")
    if not len(batch) and not (batch.end_of_recording or batch.re_enrol):
        raise InvalidMessage("bad_schema", "no minutes")
    if batch.observed_at.tzinfo is None:
        raise InvalidMessage("bad_schema", "observed_at has no time zone")
    if batch.observed_at.second or batch.observed_at.microsecond:
        raise InvalidMessage("bad_schema", "observed_at is not a whole minute")
    if batch.label is not None and not batch.label.isprintable():
        raise InvalidMessage("bad_schema", "the label holds characters that cannot be shown")
    if not 0 <= batch.first_event_minute <= LAST_EVENT_MINUTE - len(batch):
        raise InvalidMessage("bad_schema", "observed_at is before 1970 or after 9999")
