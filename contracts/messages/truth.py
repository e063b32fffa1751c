"""The ground truth of an injected attack, on its own topic."""

from __future__ import annotations

import msgspec

from contracts.identifiers import DeviceId


class TruthInterval(msgspec.Struct, frozen=True, kw_only=True):
    """One attack on one device: event minutes [first_event_minute, end_event_minute) are attacked.

    `poisoned` holds one bit a minute (1 = the value sent differs from the recorded one), as text of 0 and 1.
    """

    device_id: DeviceId
    session_id: int
    attack: str
    level: str
    seed: int
    first_event_minute: int
    end_event_minute: int
    poisoned: str
    schema_version: int = 1


def encode_truth(interval: TruthInterval) -> bytes:
    """Return the interval as JSON."""
    return msgspec.json.encode(interval)
