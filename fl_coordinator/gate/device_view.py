"""The devices' status in Redis, with the words that a reader adds: stale, finished, unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis
from msgspec.structs import replace

from contracts.errors import Unavailable
from contracts.freshness import not_eligible_because
from contracts.identifiers import shown_as
from contracts.messages.verdicts import DeviceState, DeviceStatus
from contracts.redis_keys import RedisKeys
from transport.device_status_reader import RedisDeviceStatusReader
from transport.redis.failures import UNREACHABLE, RedisFailed

FRESH = "fresh"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One device at one moment of wall time. `status` None means that Redis holds nothing readable for it.

    `freshness` is `fresh`, `stale`, `finished`, `from_the_future` or `unknown`; `why_not` says why it may not train.
    """

    device_id: str
    status: DeviceStatus | None
    freshness: str
    why_not: str | None
    age_s: float | None

    @property
    def may_train(self) -> bool:
        return self.why_not is None

    @property
    def label(self) -> str | None:
        """The device's name as its hospital writes it, None where that is the id or unknown."""
        return None if self.status is None else self.status.label

    @property
    def name(self) -> str:
        """The device as people are told of it: its name with the id in brackets, or the id."""
        return shown_as(self.device_id, self.label)

    @property
    def state(self) -> str:
        """The worker's state, or `unknown`."""
        return UNKNOWN if self.status is None else str(self.status.state)

    def as_dict(self) -> dict[str, Any]:
        """Return what `fedsecure status --json` prints of a device."""
        view: dict[str, Any] = {
            "device_id": self.device_id,
            "label": self.label,
            "state": self.state,
            "freshness": self.freshness,
            "may_train": self.may_train,
            "why_not": self.why_not,
            "last_received_age_s": None if self.age_s is None else round(self.age_s, 3),
        }
        fields = (
            "reason", "score", "threshold", "flagged", "flagged_share", "enrolled", "enrolment_share", "minutes",
            "windows", "flagged_windows", "applied_through", "session_id", "epoch", "bundle_sha", "worker_id",
        )  # fmt: skip
        return view | {name: getattr(self.status, name, None) for name in fields}


def view_of(device_id: str, status: DeviceStatus | None, now: float, cap_s: float) -> DeviceView:
    """Return a device as a reader sees it at wall time `now` (epoch seconds). `cap_s` bounds the silence allowed."""
    why_not = not_eligible_because(status, now, cap_s)
    if status is None:
        return DeviceView(device_id, None, UNKNOWN, why_not, None)
    # Asked of a device that is otherwise eligible, the gate rule answers with the word for its age alone.
    as_if_benign = replace(status, state=DeviceState.BENIGN, enrolled=True)
    freshness = not_eligible_because(as_if_benign, now, cap_s) or FRESH
    return DeviceView(device_id, status, freshness, why_not, max(0.0, now - status.received_at))


def read_devices(client: redis.Redis, keys: RedisKeys, *, now: float, cap_s: float) -> list[DeviceView]:
    """Return every known device in order of its id, as the coordinator would read it now. Raises Unavailable.

    Blocks for two round trips.
    """
    view = RedisDeviceStatusReader(client, keys)
    try:
        statuses = view.statuses(view.known_devices())
    except RedisFailed as error:
        if error.failure is not UNREACHABLE:
            raise
        raise Unavailable(f"{error}: is the stack up? See `fedsecure stack status`, or set REDIS_URL") from None
    return [view_of(device_id, status, now, cap_s) for device_id, status in statuses.items()]
