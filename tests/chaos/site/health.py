"""Is everything well, as the programs' probes, the topics and Redis say it?"""

from __future__ import annotations

import time
from collections.abc import Iterable

import redis
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from chaos.site.programs import Supervised
from chaos.site.ward import Ward
from contracts.configuration.settings import Settings
from contracts.errors import InvalidMessage
from contracts.messages.federation import RoundPhase, RoundRecord, decode_federation
from contracts.messages.verdicts import DeviceStatus, decode_status
from transport.kafka.options import kafka_python_options
from transport.redis_client import connect_redis

FINAL = (RoundPhase.COMMITTED, RoundPhase.REJECTED, RoundPhase.SKIPPED, RoundPhase.FAILED)
LAG_MESSAGES = 40
PROBED = ("/healthz", "/readyz")


class Tail:
    """The new records of a topic, over whatever becomes of the broker."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._settings, self._topic = settings, topic
        self._consumer: KafkaConsumer | None = None
        self._next: dict[TopicPartition, int] = {}

    def records(self) -> list:
        """Return what came since the last call; nothing while the broker is away."""
        try:
            if self._consumer is None:
                self._connect()
            assert self._consumer is not None
            found = [record for part in self._consumer.poll(0).values() for record in part]
        except (KafkaError, OSError, ValueError):
            self.close()
            return []
        for record in found:
            self._next[TopicPartition(record.topic, record.partition)] = record.offset + 1
        return found

    def _connect(self) -> None:
        options = kafka_python_options(self._settings) | {"bootstrap_timeout_ms": 2000}
        self._consumer = KafkaConsumer(**options, enable_auto_commit=False)
        partitions = [TopicPartition(self._topic, p) for p in self._consumer.partitions_for_topic(self._topic) or ()]
        if not partitions:
            self.close()
            raise ValueError(self._topic)
        self._consumer.assign(partitions)
        for partition in partitions:
            self._consumer.seek(partition, self._next.get(partition, 0))

    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None


class Health:
    """Looks at everything without a link in between. `rounds_ended` counts rounds as this process heard of their end."""

    def __init__(self, settings: Settings, programs: dict[str, Supervised], ward: Ward, releases: list[str]) -> None:
        self._settings, self._programs, self._ward, self._releases = settings, programs, ward, releases
        self._rounds = Tail(settings, settings.topics.fl_rounds)
        self._statuses = Tail(settings, settings.topics.device_status)
        self._ended: dict[int, tuple[float, RoundPhase]] = {}
        self.latest: dict[str, DeviceStatus] = {}

    def close(self) -> None:
        self._rounds.close()
        self._statuses.close()

    def look(self) -> None:
        """Take in what was published since the last look."""
        for record in self._rounds.records():
            ended = decode_federation(RoundRecord, record.value)
            if ended.phase in FINAL:
                self._ended.setdefault(ended.round, (time.monotonic(), ended.phase))
        for record in self._statuses.records():
            if record.value is None:
                continue
            status = decode_status(record.value)
            known = self.latest.get(status.device_id)
            if known is None or (status.epoch, status.applied_through) >= (known.epoch, known.applied_through):
                self.latest[status.device_id] = status

    def round_ended_at(self, after: float, *phases: RoundPhase) -> float | None:
        """Return when (monotonic) the first round ended (in one of these phases) after a moment, None if none did yet."""
        ends = [at for at, phase in self._ended.values() if at > after and (not phases or phase in phases)]
        return min(ends, default=None)

    def minute(self) -> int:
        """Return the minute of the recordings that all devices have been applied to."""
        firsts = {patient.device_id: patient.recording.first_event_minute for patient in self._ward.patients()}
        applied = [
            self.latest[device].applied_through - first + 1 for device, first in firsts.items() if device in self.latest
        ]
        return min(applied) if len(applied) == len(firsts) else 0

    def why_not_ready(self, names: Iterable[str] | None = None) -> str | None:
        """Return which program does not run or does not say that it is well, and why."""
        for name in names or self._programs:
            program = self._programs[name]
            if program.program is None or not program.program.runs():
                return f"{name} does not run"
            for path in PROBED:
                status, text = program.probe(path)
                if status != 200:
                    return f"{name} {path}: {text[:200]}"
        return None

    def why_not_well(self) -> str | None:
        """Return what is not as it should be, or None: programs, their view of the services, lag, shares, Redis."""
        if reason := self.why_not_ready():
            return reason
        metrics = {name: program.probe("/metrics")[1] for name, program in self._programs.items()}
        for name, text in metrics.items():
            for service in ("kafka", "redis"):
                if self._programs[name].metric(f"fedsecure_{service}_up", text) == 0:  # NaN: not asked yet
                    return f"{name} says that {service} is down"
        workers = {name: text for name, text in metrics.items() if name.startswith("worker")}
        held = sum(self._programs[name].metric("fedsecure_devices", text) for name, text in workers.items())
        if held != self._ward.devices:
            return f"the workers hold {held:g} of {self._ward.devices} devices"
        lag = sum(self._programs[name].metric("fedsecure_worker_lag_messages", text) for name, text in workers.items())
        if not lag <= LAG_MESSAGES:
            return f"the workers are {lag:g} messages behind"
        return self.why_view_differs() or self._why_not_changed_over()

    def why_view_differs(self) -> str | None:
        """Return which device stands in Redis otherwise than on record, or None."""
        self.look()
        keys = self._settings.redis_keys
        try:
            with connect_redis(self._settings) as client:
                shown = {device: client.hget(keys.device(device), "status") for device in self.latest}
        except redis.RedisError as error:
            return f"Redis does not answer ({type(error).__name__})"
        for device, value in shown.items():
            try:
                status = decode_status(value) if isinstance(value, bytes) else None
            except InvalidMessage as error:
                return f"{device} is unreadable in Redis: {error}"
            known = self.latest[device]
            if status is None or (status.epoch, status.applied_through) < (known.epoch, known.applied_through):
                return f"{device} stands in Redis {'not at all' if status is None else 'as it was before'}"
        return None

    def _why_not_changed_over(self) -> str | None:
        if not self._releases:
            return None
        old = [
            d for d, status in self.latest.items() if status.bundle_sha != self._releases[-1] and not status.finished
        ]
        return f"{', '.join(old)} not under the bundle that was released" if old else None
