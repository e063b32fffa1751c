"""Every topic: its name, partitions and broker settings."""

from __future__ import annotations

from dataclasses import dataclass, field

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it is to be created (auto-create is off)."""

    name: str
    partitions: int
    config: dict[str, str] = field(default_factory=dict)


def _delete(days: int) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(days * DAY_MS)}


_COMPACT = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.1",
    "segment.ms": "600000",
    "segment.bytes": "16777216",
}


def _from_outside(days: int) -> dict[str, str]:
    """Return the settings of a topic that devices write: the broker stamps its records."""
    stamped = {"message.timestamp.type": "LogAppendTime"}
    return {**_delete(days), "compression.type": "uncompressed", "max.message.bytes": "1048576", **stamped}


class Topics:
    """Topic names under one prefix. Two installations with different prefixes can share a broker."""

    def __init__(self, prefix: str = "fedsecure") -> None:
        self.prefix = prefix
        self.vitals_shared = f"{prefix}.vitals.v1"
        self.vitals_prefix = f"{prefix}.vitals.v1."
        self.scores = f"{prefix}.scores.v1"
        self.device_status = f"{prefix}.device-status.v1"
        self.dead_letters = f"{prefix}.dead-letters.v1"
        self.truth = f"{prefix}.truth.v1"
        self.replay_commands = f"{prefix}.replay-commands.v1"
        self.fl_rounds = f"{prefix}.fl.rounds.v1"
        self.fl_updates_prefix = f"{prefix}.fl.updates.v1."
        self.fl_keys = f"{prefix}.fl.keys.v1"
        self.fl_events = f"{prefix}.fl.events.v1"
        self.fl_rollbacks = f"{prefix}.fl.rollbacks.v1"
        self.models = f"{prefix}.models.v1"
        self.bundles = f"{prefix}.bundles.v1"
        self.bundle_files = f"{prefix}.bundle-files.v1"

    def vitals(self, device_id: str) -> str:
        return self.vitals_prefix + device_id

    def device_of_vitals(self, topic: str) -> str | None:
        """Return the device whose vitals topic this is, or None for any other topic."""
        return topic[len(self.vitals_prefix) :] if topic.startswith(self.vitals_prefix) else None

    def fl_updates(self, device_id: str) -> str:
        return self.fl_updates_prefix + device_id

    def ingest(self, name: str) -> str:
        return f"{self.prefix}.ingest.v1.{name}"

    def fixed(self, partitions: int = 4) -> tuple[TopicSpec, ...]:
        """Return the topics that exist before any device does (`fedsecure topics` creates them)."""
        return (
            TopicSpec(self.scores, partitions, _delete(7)),
            TopicSpec(self.device_status, partitions, dict(_COMPACT)),
            TopicSpec(self.dead_letters, 1, {**_delete(30), "max.message.bytes": "2097152"}),
            TopicSpec(self.truth, 1, _delete(7)),
            TopicSpec(self.replay_commands, 1, _delete(1)),
            TopicSpec(self.fl_rounds, 1, dict(_COMPACT)),
            self.fl_keys_spec,
            TopicSpec(self.fl_events, 1, _delete(30)),
            self.fl_rollbacks_spec,
            TopicSpec(self.models, 1, dict(_COMPACT)),
            TopicSpec(self.bundles, 1, dict(_COMPACT)),
            TopicSpec(self.bundle_files, 1, dict(_COMPACT)),
        )

    def of_worker(self) -> tuple[TopicSpec, ...]:
        """Return those of the fixed topics that a worker reads or writes."""
        needed = {self.scores, self.device_status, self.dead_letters, self.bundles, self.bundle_files}
        return tuple(spec for spec in self.fixed() if spec.name in needed)

    @property
    def fl_rollbacks_spec(self) -> TopicSpec:
        """The spec of the requests to take the global model back. An installation may be older than it."""
        return TopicSpec(self.fl_rollbacks, 1, dict(_COMPACT))

    @property
    def fl_keys_spec(self) -> TopicSpec:
        """The spec of the registered keys: the record of them, of which Redis holds no copy."""
        return TopicSpec(self.fl_keys, 1, dict(_COMPACT))

    def vitals_spec(self, device_id: str) -> TopicSpec:
        """Return the spec of one device's vitals topic."""
        return TopicSpec(self.vitals(device_id), 1, _from_outside(7))

    def vitals_shared_spec(self, partitions: int) -> TopicSpec:
        """Return the spec of the shared, keyed vitals topic (`FEDSECURE_TOPIC_LAYOUT=shared`)."""
        return TopicSpec(self.vitals_shared, partitions, _from_outside(7))

    def ingest_spec(self, name: str) -> TopicSpec:
        """Return the spec of an ingest's journal: one partition, so that all of it has one order."""
        config = {**_delete(2), "max.message.bytes": "1048576", "segment.ms": "3600000", "segment.bytes": "67108864"}
        return TopicSpec(self.ingest(name), 1, config)

    def fl_updates_spec(self, device_id: str) -> TopicSpec:
        """Return the spec of one device's update topic (literal, so that an ACL can hold each to its own)."""
        return TopicSpec(self.fl_updates(device_id), 1, _from_outside(1))
