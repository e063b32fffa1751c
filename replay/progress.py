"""What a replay tells while it runs, and what it has done in the end."""

from __future__ import annotations

from dataclasses import dataclass

from replay.sessions import Session


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a replay stands: minutes and messages that Kafka has acknowledged, times in wall seconds.

    `complete_devices` had sent everything before, `resumed_devices` (those among them) go on where they stopped.
    `lag_s` is how far the replay is behind its own schedule, or how long Kafka has owed an acknowledgement.
    """

    devices: int
    resumed_devices: int
    complete_devices: int
    sent_min: int
    total_min: int
    messages: int
    elapsed_s: float
    lag_s: float


@dataclass(frozen=True, slots=True)
class DeviceReplay:
    """One device's part: its session as it was before this run, and how many minutes were handed over in it."""

    session: Session
    sent_min: int


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """A finished or stopped replay. `minutes` and `messages` were acknowledged, `unacked` messages were not."""

    minutes: int
    messages: int
    seconds: float
    stopped: bool
    unacked: int
    producers_replaced: int
    devices: dict[str, DeviceReplay]

    @property
    def minutes_per_s(self) -> float:
        return self.minutes / self.seconds if self.seconds > 0 else 0.0

    @property
    def nothing_left(self) -> bool:
        """True when every device had sent its whole slice before this run."""
        return all(device.session.is_complete for device in self.devices.values())
