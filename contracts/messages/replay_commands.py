"""Commands that the console sends to a running replay: begin or end an attack."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from contracts.identifiers import DeviceId
from contracts.messages.decoding import decoded

SCHEMA_VERSION = 1
ShortText = Annotated[str, msgspec.Meta(max_length=64)]


class ReplayCommand(msgspec.Struct, frozen=True, kw_only=True):
    """Begin `attack` on a device with the next minute sent, for `duration_min` minutes (None: to its end), or end all on it now.

    `sent_at` is wall time (epoch seconds): a replay carries out no command that is older than a minute.
    """

    action: Literal["start", "stop"]
    device_id: DeviceId
    sent_at: float
    attack: ShortText = ""
    level: ShortText = "strong"
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 0
    duration_min: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None
    schema_version: int = SCHEMA_VERSION


_decoder = msgspec.json.Decoder(ReplayCommand)
_encoder = msgspec.json.Encoder()


def encode_command(command: ReplayCommand) -> bytes:
    """Return a command as JSON."""
    return _encoder.encode(command)


def decode_command(value: bytes | None) -> ReplayCommand:
    """Return the checked command, or raise InvalidMessage."""
    return decoded(_decoder, value, SCHEMA_VERSION)
