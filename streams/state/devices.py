"""What a worker keeps of the devices assigned to it, beside the engine's own state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec
import structlog

from contracts.messages.verdicts import DeviceStatus
from contracts.messages.vitals import VitalsBatch
from contracts.metrics import LABEL_CHANGES
from detectors.engine.chunks import Verdicts
from transport.kafka.offsets import TopicPartition

log = structlog.get_logger()


@dataclass(slots=True)
class DeviceContext:
    """The device's place in its topic and its last status. All of it can be rebuilt from the status topic.

    `next_offset` is the first offset not yet applied, of the topic with the id `topic_id`: in one that was made anew it says
    nothing. `epoch` is ours by the fencing script. `received_at` is the broker's time (epoch seconds) of the last applied
    record, `label` the device's name as its messages give it, and `label_changed` whether a change of it was logged in this
    session.
    """

    device_id: str
    epoch: int
    next_offset: int
    status: DeviceStatus | None = None
    received_at: float = 0.0
    batch_interval_s: float = 0.0
    label: str | None = None
    label_changed: bool = False
    topic_id: str = ""

    def now_shows(self, status: DeviceStatus) -> None:
        """Remember a status that went out. Its snapshot, most of it, is not kept: the engine holds what that says."""
        self.status = msgspec.structs.replace(status, snapshot=None)

    @classmethod
    def from_status(
        cls, device_id: str, epoch: int, next_offset: int, status: DeviceStatus | None, topic_id: str = ""
    ) -> DeviceContext:
        """Return the device as its last status left it, under a new epoch."""
        device = cls(device_id, epoch, next_offset, status, topic_id=topic_id)
        if status is not None:
            device.received_at, device.batch_interval_s = status.received_at, status.batch_interval_s
            device.label = status.label
        return device


@dataclass(slots=True)
class AssignedDevices:
    """Whom the worker holds now.

    `partitions` are assigned to it; `devices` are open in the engine; `verified` are those of them known to be current
    since the last assignment; `fenced` belong to another worker although the group has not said so yet (since when:
    monotonic seconds).
    """

    partitions: set[TopicPartition] = field(default_factory=set)
    devices: dict[str, DeviceContext] = field(default_factory=dict)
    partition_of: dict[str, TopicPartition] = field(default_factory=dict)
    verified: set[str] = field(default_factory=set)
    fenced: set[str] = field(default_factory=set)
    fenced_since: float | None = None

    def assign(self, partitions: Iterable[TopicPartition]) -> set[str]:
        """Take a new assignment and return the open devices that left with it."""
        self.partitions = set(partitions)
        self.verified.clear()
        self.fenced.clear()
        self.fenced_since = None
        return {device for device in self.devices if self.partition_of[device] not in self.partitions}

    def hold(self, device: DeviceContext, partition: TopicPartition) -> None:
        """Remember a device that was just restored."""
        self.devices[device.device_id] = device
        self.partition_of[device.device_id] = partition
        self.verified.add(device.device_id)

    def fence(self, devices: Iterable[str], now: float) -> None:
        """Leave devices that another worker took alone until the next assignment."""
        self.fenced.update(devices)
        self.fenced_since = self.fenced_since or now

    def behind(self, ends: Mapping[TopicPartition, int | None]) -> int:
        """Return how many messages of these partitions, each with the offset where it ends (None: unknown), wait to be applied.

        Of a partition whose devices are not open yet nothing is known to wait. In the shared layout many devices have one: the one
        that is furthest shows how far its records were applied, as they are taken in order.
        """
        at: dict[TopicPartition, int] = {}
        for device_id, device in self.devices.items():
            partition = self.partition_of[device_id]
            at[partition] = max(at.get(partition, 0), device.next_offset)
        return sum(max(0, (end or 0) - at.get(partition, end or 0)) for partition, end in ends.items())

    def forget(self, device_id: str) -> None:
        """Drop a device that left or was taken."""
        self.devices.pop(device_id, None)
        self.partition_of.pop(device_id, None)
        self.verified.discard(device_id)


def take_label(device: DeviceContext, batch: VitalsBatch, verdicts: Verdicts) -> None:
    """Note the name that an applied message gives, on which `verdicts` are.

    A session begins without a name. A message without one, or of an earlier session, says nothing of it. Within a session
    a bed may be renamed, but two names in turn are two monitors of one id: each change is counted, the first logged.
    """
    if batch.session_id != verdicts.session_id:
        return
    if verdicts.session_opened:
        device.label, device.label_changed = batch.label, False
        return
    if batch.label is None or batch.label == device.label:
        return
    if device.label is not None:
        LABEL_CHANGES.inc()
        if not device.label_changed:
            log.warning("device_label_changed", device=device.device_id, before=device.label, after=batch.label)
        device.label_changed = True
    device.label = batch.label
