"""Kafka, Redis and worker processes for a measurement, in a corner of their own that is removed again."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, Self

import psutil

from bench.ward import BEFORE_MIN, ENROLMENT_MIN, LIKE_ENROLMENT_MIN, Ward, device_name
from contracts.configuration.settings import Settings
from contracts.messages.verdicts import DeviceState, DeviceStatus, encode_verdict
from contracts.messages.vitals import VitalsBatch, encode_vitals
from fedsecure.local_stack import LocalStack
from fedsecure.local_stack.ports import choose_ports
from fedsecure.local_stack.status import Endpoints
from transport.kafka.vitals_topics import VitalsTopics
from transport.redis_client import connect_redis

TopicLayout = Literal["per-patient", "shared"]
PATIENCE_S: Final = 600.0
POLL_S: Final = 0.4


@contextmanager
def local_services() -> Iterator[Endpoints]:
    """Run a fresh Kafka and Redis and yield where they are."""
    with TemporaryDirectory(prefix="fedsecure-bench-") as folder, LocalStack(Path(folder), environ={}) as stack:
        yield stack.up()


def filled(
    endpoints: Endpoints, ward: Ward, pack: int = LIKE_ENROLMENT_MIN, layout: TopicLayout = "per-patient"
) -> Settings:
    """Return settings of a prefix of its own, under which all that the ward ever sends is in Kafka.

    An hour comes in a message until all is settled, and `pack` minutes from then on.
    """
    prefix = f"bench-{secrets.token_hex(3)}"
    settings = Settings(
        kafka_bootstrap_servers=endpoints.kafka,
        redis_url=endpoints.redis_url,
        prefix=prefix,
        worker_group=prefix,
        enrolment_min=ENROLMENT_MIN,
        topic_layout=layout,
    )
    packs = [(at, at + LIKE_ENROLMENT_MIN) for at in range(0, BEFORE_MIN, LIKE_ENROLMENT_MIN)]
    packs += [(at, at + pack) for at in range(BEFORE_MIN, ward.minutes, pack)]
    with Sender(settings, ward.devices) as sender:
        for start, end in packs:
            for message in ward.messages(start, end, sent_at=time.time()):
                sender.send(message)
    return settings


class Sender:
    """Sends minutes of so many devices as fast as Kafka takes them; what is missing of their topics is made."""

    def __init__(self, settings: Settings, devices: int, *, linger_ms: int = 20) -> None:
        self._topics = VitalsTopics(settings)
        self._topics.prepare([device_name(device) for device in range(devices)], settings.topics.fixed())
        self._producer = self._topics.connected(linger_ms=linger_ms)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._producer.flush()
        self._producer.close()

    def send(self, message: VitalsBatch) -> None:
        """Hand a device's message to the producer."""
        device_id = message.device_id
        self._producer.send(self._topics.of(device_id), key=device_id.encode(), value=encode_vitals(message))


@dataclass(slots=True)
class Worker:
    """A worker process that runs; `began` is when it was started (monotonic seconds)."""

    process: subprocess.Popen[bytes]
    metrics_port: int
    began: float = field(default_factory=time.monotonic)

    def minutes(self) -> int:
        """Return how many minutes it has judged, 0 before it answers."""
        try:
            url = f"http://127.0.0.1:{self.metrics_port}/metrics"
            text = urllib.request.urlopen(url, timeout=10).read().decode()
        except OSError:
            return 0
        counted = re.search(r"^fedsecure_minutes_total (\S+)", text, re.MULTILINE)
        return int(float(counted[1])) if counted else 0

    def cpu_s(self) -> float:
        """Return the processor time that it has used, all threads."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def memory_mb(self) -> float:
        """Return its resident memory."""
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def progress(self) -> Progress:
        """Return where it stands; raises RuntimeError if it ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"the worker ended with {self.process.returncode}")
        return Progress(self.minutes(), time.monotonic(), self.cpu_s())


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a worker is: minutes judged, when (monotonic seconds), and the processor time until then."""

    minutes: int
    at: float
    cpu_s: float


def wait_until(workers: Sequence[Worker], minutes: int) -> Progress:
    """Wait until workers have judged so many minutes together; raises RuntimeError if they do not."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        seen = [each.progress() for each in workers]
        together = Progress(sum(p.minutes for p in seen), seen[-1].at, sum(p.cpu_s for p in seen))
        if together.minutes >= minutes:
            return together
        time.sleep(POLL_S)
    raise RuntimeError(f"{minutes} minutes were not judged in {PATIENCE_S:.0f} s")


@contextmanager
def worker(
    settings: Settings, *, edge_devices: int = 0, name: str = "", packages: Path | None = None
) -> Iterator[Worker]:
    """Run a worker; `edge_devices` > 0: without Faust's group, on so many devices (`--devices`).

    It imports from the folder `packages` if one is given.
    """
    port = choose_ports(["metrics"], {})["metrics"]
    command = [sys.executable, "-m", "fedsecure", "worker", "--metrics-port", str(port)]
    if edge_devices:
        command += ["--devices", ",".join(device_name(device) for device in range(edge_devices))]
    if name:
        command += ["--id", name]
    environment = _environment(settings) | ({"PYTHONPATH": str(packages)} if packages else {})
    process = subprocess.Popen(
        command, cwd=packages, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield Worker(process, port)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "REDIS_URL": settings.redis_url,
        "FEDSECURE_PREFIX": settings.prefix,
        "FEDSECURE_WORKER_GROUP": settings.worker_group,
        "FEDSECURE_ENROLMENT_MIN": str(settings.enrolment_min),
        "FEDSECURE_TOPIC_LAYOUT": settings.topic_layout,
    }


def show_benign(settings: Settings, device_ids: Sequence[str]) -> None:
    """Write to Redis what a worker would show of healthy devices, fresh for hours."""
    now, keys = time.time(), settings.redis_keys
    with connect_redis(settings) as client:
        pipeline = client.pipeline(transaction=False)
        for device_id in device_ids:
            pipeline.hset(keys.device(device_id), "status", encode_verdict(_benign(device_id, now)))
            pipeline.zadd(keys.devices_last_seen, {device_id: now})
        pipeline.execute()


def _benign(device_id: str, now: float) -> DeviceStatus:
    return DeviceStatus(
        device_id=device_id, epoch=1, applied_through=1000, vitals_offset=10, session_id=1, reason="",
        state=DeviceState.BENIGN, state_since=900, enrolled=True, enrolment_share=1.0, score=0.1, threshold=4.0,
        scores={}, flagged=False, flagged_share=0.0, received_at=now, batch_interval_s=3600.0, finished=False,
        bundle_sha="bench", worker_id="bench", minutes=1000, windows=900, flagged_windows=1,
    )  # fmt: skip
