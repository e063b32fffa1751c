"""Rounds of a federation, watched from outside: what each cost the coordinator, and what came of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psutil

from bench.federation.site import Hosts, Usage, coordinator, prepare, usage
from contracts.configuration.settings import Settings
from contracts.messages.federation import RoundPhase, RoundRecord, decode_federation
from fedsecure.local_stack.status import Endpoints
from transport.kafka.topic_reader import TopicReader

WARMING_ROUNDS: Final = 1
"""The first round opens connections and reads code: it is run, and not counted."""
ROUND_PATIENCE_S: Final = 120.0
FINAL: Final = {RoundPhase.COMMITTED, RoundPhase.REJECTED, RoundPhase.SKIPPED, RoundPhase.FAILED}


@dataclass(frozen=True, slots=True)
class Trial:
    """How many devices take part in how many rounds; `slow_hosts` train for longer than a round takes, and one host `dies` in each."""

    devices: int
    rounds: int
    slow_hosts: int = 0
    dies: bool = False
    target: int | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """One round: its last record, seconds from the gate to the end, and the coordinator's processor time and peak of memory by then.

    `record_bytes` are those of all the round's records on `fl.rounds`, `loopback_bytes` all that anybody sent anybody.
    """

    record: RoundRecord
    took_s: float
    cpu_s: float
    peak_mb: float
    record_bytes: int
    loopback_bytes: int


def run_trial(endpoints: Endpoints, trial: Trial, tell: Callable[[str], object]) -> list[Measured]:
    """Return what each counted round cost. `tell` hears how far it is."""
    prefix = f"bench-{secrets.token_hex(3)}"
    settings = _settings(endpoints, trial, prefix)
    with TemporaryDirectory(prefix="fedsecure-bench-") as name:
        folder = Path(name)
        tell(f"{trial.devices} devices: topics and hosts")
        prepare(settings, trial.devices)
        hosts = Hosts(settings, trial.devices, folder, trial.slow_hosts)
        try:
            hosts.start()
            rounds = trial.rounds + WARMING_ROUNDS
            log = folder / "coordinator.log"
            with coordinator(settings, rounds + 1, log) as process:  # the last is not waited for
                watch = Watch(settings, trial, hosts, lambda: usage(process, log), tell)
                return asyncio.run(watch.rounds(rounds))[WARMING_ROUNDS:]
        finally:
            hosts.stop()


def _settings(endpoints: Endpoints, trial: Trial, prefix: str) -> Settings:
    given: dict[str, Any] = {} if trial.target is None else {"round_target": trial.target}
    return Settings(
        kafka_bootstrap_servers=endpoints.kafka, redis_url=endpoints.redis_url, prefix=prefix,
        round_interval_s=0.1, round_quorum=max(3, min(50, (trial.target or trial.devices) // 2)), round_deadline_s=30.0,
        validation_deadline_s=3.0, register_new_devices=True, presence_s=9.0, **given,
    )  # fmt: skip


class Watch:
    """Reads the rounds as they are written, kills and restarts hosts meanwhile, and looks at the coordinator at the end of each."""

    def __init__(
        self,
        settings: Settings,
        trial: Trial,
        hosts: Hosts,
        used: Callable[[], Usage],
        tell: Callable[[str], object],
    ) -> None:
        self._settings = settings
        self._trial = trial
        self._hosts = hosts
        self._used = used
        self._tell = tell
        self._before = Usage(0.0, 0.0)
        self._bytes_before = 0
        self._record_bytes = 0
        self._dead: int | None = None

    async def rounds(self, count: int) -> list[Measured]:
        """Return so many rounds; raises RuntimeError when one does not end."""
        measured: list[Measured] = []
        async with TopicReader(self._settings, fetch_wait_ms=50) as reader:
            await reader.add_existing([self._settings.topics.fl_rounds], start="earliest")
            deadline = time.monotonic() + ROUND_PATIENCE_S
            while len(measured) < count:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"round {len(measured) + 1} did not end in {ROUND_PATIENCE_S:.0f} s")
                for raw in await reader.poll(0.2):
                    self._record_bytes += len(raw.value or b"")
                    record = decode_federation(RoundRecord, raw.value)
                    if record.phase in FINAL:
                        measured.append(self._ended(record))
                        deadline = time.monotonic() + ROUND_PATIENCE_S
                    elif record.phase is RoundPhase.COLLECTING and record.round > WARMING_ROUNDS and self._dead is None:
                        self._kill_one(record.round)
                self._used()
        return measured[:count]

    def _kill_one(self, number: int) -> None:
        if self._trial.dies:
            self._dead = (number + 1) % (self._hosts.count - self._trial.slow_hosts)
            self._hosts.kill(self._dead)

    def _ended(self, record: RoundRecord) -> Measured:
        now, sent = self._used(), psutil.net_io_counters(pernic=True)["lo"].bytes_recv
        measured = Measured(
            record, (record.ended_at or record.gated_at) - record.gated_at, now.cpu_s - self._before.cpu_s, now.peak_mb,
            self._record_bytes, sent - self._bytes_before,
        )  # fmt: skip
        self._before, self._bytes_before, self._record_bytes = now, sent, 0
        if self._dead is not None:
            self._hosts.restart(self._dead)
            self._dead = None
        self._tell(
            f"{self._trial.devices} devices: round {record.round} {record.phase}, {len(record.accepted)} answers"
        )
        return measured
