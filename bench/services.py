"""Kafka, Redis and worker processes for a measurement, in a corner of their own that is removed again."""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil
from kafka import KafkaProducer

from bench.ward import ENROLMENT_MIN, device_name
from contracts.configuration.settings import Settings
from contracts.messages.vitals import VitalsBatch, encode_vitals
from fedsecure.local_stack import LocalStack
from fedsecure.local_stack.status import Endpoints
from transport.kafka.admin import ensure_topics
from transport.kafka.options import kafka_python_options

PATIENCE_S: Final = 600.0
POLL_S: Final = 0.4


@contextmanager
def local_services() -> Iterator[Endpoints]:
    """Run a fresh Kafka and Redis and yield where they are."""
    with TemporaryDirectory(prefix="fedsecure-bench-") as folder, LocalStack(Path(folder), environ={}) as stack:
        yield stack.up()


def corner(endpoints: Endpoints, *, shared: bool = False, enrolment_min: int = ENROLMENT_MIN) -> Settings:
    """Return settings with topics and keys of their own; `shared`: one keyed vitals topic instead of one a device."""
    prefix = f"bench-{secrets.token_hex(3)}"
    settings = Settings(
        kafka_bootstrap_servers=endpoints.kafka,
        redis_url=endpoints.redis_url,
        prefix=prefix,
        worker_group=prefix,
        topic_layout="shared" if shared else "per-patient",
        enrolment_min=enrolment_min,
    )
    ensure_topics(settings, settings.topics.fixed())
    return settings


def send(settings: Settings, messages: Iterable[VitalsBatch]) -> int:
    """Send messages as fast as Kafka takes them and return their number; the topics exist."""
    producer = KafkaProducer(**kafka_python_options(settings), linger_ms=20)
    topics, is_shared, count = settings.topics, settings.topic_layout == "shared", 0
    for message in messages:
        topic = topics.vitals_shared if is_shared else topics.vitals(message.device_id)
        producer.send(topic, key=message.device_id.encode(), value=encode_vitals(message))
        count += 1
    producer.flush()
    producer.close()
    return count


def make_topics(settings: Settings, devices: int) -> None:
    """Make the topics that the devices send to."""
    topics = settings.topics
    if settings.topic_layout == "shared":
        ensure_topics(settings, [topics.vitals_shared_spec(settings.shared_partitions)])
    else:
        ensure_topics(settings, [topics.vitals_spec(device_name(device)) for device in range(devices)])


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
def worker(settings: Settings, *, edge_devices: int = 0, name: str = "") -> Iterator[Worker]:
    """Run a worker; `edge_devices` > 0: without Faust's group, on so many devices (`--devices`)."""
    port = _free_port()
    command = [sys.executable, "-m", "fedsecure", "worker", "--metrics-port", str(port)]
    if edge_devices:
        command += ["--devices", ",".join(device_name(device) for device in range(edge_devices))]
    if name:
        command += ["--id", name]
    process = subprocess.Popen(
        command, env=_environment(settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
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


def _environment(settings: Settings) -> Mapping[str, str]:
    return {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "REDIS_URL": settings.redis_url,
        "FEDSECURE_PREFIX": settings.prefix,
        "FEDSECURE_WORKER_GROUP": settings.worker_group,
        "FEDSECURE_TOPIC_LAYOUT": settings.topic_layout,
        "FEDSECURE_ENROLMENT_MIN": str(settings.enrolment_min),
        "FEDSECURE_SHARED_PARTITIONS": str(settings.shared_partitions),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
