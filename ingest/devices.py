"""The devices that an ingest knows: each has its topic, its session, and one name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final, Protocol

from contracts.configuration.settings import Settings
from contracts.errors import FedSecureError
from contracts.metrics import INGEST_DEVICES
from transport.kafka.last_sent import LastSent

DAY_MIN: Final = 1440


class NotAdmitted(FedSecureError):
    """A device that is not taken, and why."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device as it was found: its minutes go on after `sent_through` in the session."""

    device_id: str
    label: str | None
    session_id: int
    sent_through: int | None


class Topics(Protocol):
    """Where devices' minutes are. All calls block and raise Unavailable."""

    def prepare(self, device_ids: Sequence[str]) -> dict[str, LastSent]:
        """Make the devices' topics and return how far those got that had minutes."""


class Devices:
    """Admits devices. Any thread may call. `wall` is in epoch seconds."""

    def __init__(self, settings: Settings, topics: Topics, wall: Callable[[], float]) -> None:
        self._most = settings.ingest_max_devices
        self._any_clock = settings.ingest_any_clock
        self._topics = topics
        self._wall = wall
        self._lock = Lock()
        self._known: dict[str, Device] = {}

    def __getitem__(self, device_id: str) -> Device:
        return self._known[device_id]

    def __len__(self) -> int:
        return len(self._known)

    def knows(self, wanted: Mapping[str, str | None]) -> bool:
        """Return whether all of these were admitted, under these labels."""
        return all(
            device_id in self._known and self._known[device_id].label == label for device_id, label in wanted.items()
        )

    def admit(self, wanted: Mapping[str, str | None]) -> dict[str, NotAdmitted]:
        """Admit devices (label by id) and return those that are not. Blocks while topics are made. Raises Unavailable.

        A name whose id is another name's already is not admitted: two monitors would be mixed into one device.
        """
        with self._lock:
            new = [device_id for device_id in wanted if device_id not in self._known]
            room = max(0, self._most - len(self._known))
            taken = new[:room]
            last_sent = self._topics.prepare(taken) if taken else {}
            refused: dict[str, NotAdmitted] = {
                device_id: NotAdmitted(f"more than {self._most} devices (FEDSECURE_INGEST_MAX_DEVICES)")
                for device_id in new[room:]
            }
            for device_id in taken:
                self._known[device_id] = self._device(device_id, wanted[device_id], last_sent.get(device_id))
            for device_id, label in wanted.items():
                if device_id in self._known and self._known[device_id].label != label:
                    refused[device_id] = NotAdmitted(
                        f"device {device_id} has another name already that gives the same id: rename one of the two"
                    )
            INGEST_DEVICES.set(len(self._known))
            return refused

    def _device(self, device_id: str, label: str | None, last: LastSent | None) -> Device:
        now_s = self._wall()
        if last is None:
            return Device(device_id, label, int(now_s * 1000), None)
        if last.event_minute > now_s / 60 + DAY_MIN and not self._any_clock:
            # A replay of shifted dates used this name: its minutes are no past of a live monitor.
            return Device(device_id, label, max(int(now_s * 1000), last.session_id + 1), None)
        return Device(device_id, last.label if last.label is not None else label, last.session_id, last.event_minute)
