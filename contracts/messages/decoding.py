"""Decodes a message that carries the version of its schema."""

from __future__ import annotations

from typing import Protocol, TypeVar

import msgspec

from contracts.errors import InvalidMessage


class Versioned(Protocol):
    """A message with the version of its schema."""

    @property
    def schema_version(self) -> int: ...


Message = TypeVar("Message", bound=Versioned)


def decoded(decoder: msgspec.json.Decoder[Message], value: bytes | None, version: int) -> Message:
    """Return the checked message of this schema version, or raise InvalidMessage."""
    if value is None:
        raise InvalidMessage("tombstone")
    try:
        message = decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessage("bad_schema", str(error)) from None
    if message.schema_version != version:
        raise InvalidMessage("unknown_version", str(message.schema_version))
    return message
