"""An installation: services, two workers, a coordinator, a device host, and the replay that streams a ward."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from kafka import KafkaProducer

from chaos.site.health import Health
from chaos.site.programs import Supervised
from chaos.site.services import Services
from chaos.site.ward import ENROLMENT_MIN, HORIZON_MIN, Ward
from contracts.configuration.settings import Settings
from contracts.messages.vitals import encode_vitals
from contracts.topics import TopicSpec
from transport.kafka.admin import ensure_topics
from transport.kafka.options import kafka_python_options

TICK_S = 0.25
COMMANDS = {
    "worker-1": ("worker",),
    "worker-2": ("worker",),
    "coordinator": ("coordinator",),
    "devices": ("device", "--all"),
}
STREAMED = {
    "enrolment_min": ENROLMENT_MIN, "vote_horizon_min": HORIZON_MIN, "session_timeout_s": 6.0, "discovery_interval_s": 0.5,
    "round_interval_s": 3.0, "round_deadline_s": 8.0, "round_quorum": 2, "aggregation": "fedavg", "presence_s": 8.0,
    "coordinator_lease_s": 4.0, "register_new_devices": True, "rollback_watch_s": 0.0,
}  # fmt: skip


class NotWell(Exception):
    """Something was awaited in vain."""


class Installation:
    """All of it under one prefix, logs in one folder. A context manager: whatever happens, no program is left running."""

    def __init__(
        self,
        services: Services,
        folder: Path,
        ward: Ward,
        *,
        replay: tuple[str, ...],
        prefix: str = "chaos",
        **changes: object,
    ) -> None:
        self.folder = folder
        self.ward = ward
        self.services = services
        self.programs: dict[str, Supervised] = {}
        self.releases: list[str] = []
        self.notes: list[str] = []
        self._replay_words = replay
        self._prefix = prefix
        self._changes = STREAMED | changes
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as closing:
            key_dir = self.services.state_dir / "keys" / self._prefix
            names = {"prefix": self._prefix, "worker_group": f"{self._prefix}-workers", "device_key_dir": key_dir}
            named = Settings(**names, **self._changes)
            self.settings = self.services.direct(named)
            ensure_topics(self.settings, [_stamped_by_broker(spec) for spec in self.settings.topics.fixed()])
            closing.callback(self._end_programs)
            for name, arguments in COMMANDS.items():
                settings = self.services.through_links(named, name)
                self.programs[name] = Supervised(name, arguments, settings, self.folder)
            self.replay = Supervised(
                "replay", (*self.ward.replay_arguments, *self._replay_words), self.settings, self.folder
            )
            self.health = Health(self.settings, self.programs, self.ward, self.releases)
            closing.callback(self.health.close)
            self._closing = closing.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.__exit__(kind, error, trace)

    def note(self, what: str) -> None:
        self.notes.append(what)

    def send_what_was_before(self) -> None:
        """Send the ward's minutes up to the beginning of the stream."""
        topics = self.settings.topics
        ensure_topics(self.settings, [topics.vitals_spec(device_id) for device_id in self.ward.device_ids])
        producer = KafkaProducer(**kafka_python_options(self.settings), linger_ms=5)
        for message in self.ward.messages_before():
            producer.send(topics.vitals(message.device_id), encode_vitals(message), key=message.device_id.encode())
        producer.flush()
        producer.close()

    def tick(self) -> None:
        """Do what a supervisor does all the time."""
        for program in self.programs.values():
            program.tick()
        self.health.look()

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            self.tick()
            time.sleep(min(TICK_S, left_s))

    def wait_until(self, why_not: Callable[[], str | None], timeout_s: float) -> float:
        """Return after how many seconds nothing was in the way any more. Raises NotWell with what was at the end."""
        began = time.monotonic()
        while reason := why_not():
            if time.monotonic() - began > timeout_s:
                raise NotWell(reason)
            self.tick()
            time.sleep(TICK_S)
        return time.monotonic() - began

    def _end_programs(self) -> None:
        everything = [*self.programs.values(), self.replay]
        for program in everything:
            program.freeze(thaw=True)
        for program in everything:
            program.kill()


def _stamped_by_broker(spec: TopicSpec) -> TopicSpec:
    """Return a topic whose records carry the broker's time: programs whose clocks are stepped would date them wrong."""
    return TopicSpec(spec.name, spec.partitions, {**spec.config, "message.timestamp.type": "LogAppendTime"})
