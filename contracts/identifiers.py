"""What a device may be called: the id is part of a topic name, a Redis key and a metric label."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from contracts.errors import Misconfigured

DEVICE_ID_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}$"
DeviceId = Annotated[str, msgspec.Meta(pattern=DEVICE_ID_PATTERN)]

_DEVICE_ID = re.compile(DEVICE_ID_PATTERN)


def check_device_id(device_id: str) -> str:
    """Return the id unchanged, or raise Misconfigured saying what an id may hold."""
    if not _DEVICE_ID.fullmatch(device_id):
        raise Misconfigured(
            f"{device_id!r} is not a device id: use 1-63 lower-case letters, digits and hyphens, "
            "starting with a letter or digit"
        )
    return device_id
