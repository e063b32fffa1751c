"""What the worker's tests share: vitals to send, workers to start, verdicts to read, and the undisturbed run."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import redis
from kafka import KafkaProducer
from on_record import Line, Topics
from plain_engine import PlainEngine

from contracts.configuration.settings import Settings
from contracts.event_time import from_event_minute
from contracts.messages.verdicts import decode_status
from contracts.messages.vitals import VitalsBatch, encode_vitals
from detectors.engine.chunks import MinuteChunk
from transport.kafka.admin import ensure_topics
from transport.kafka.options import kafka_python_options
from transport.redis_client import connect_redis

FAKES = Path(__file__).parents[2] / "fakes"

FIRST_MINUTE = 90_000_000


@dataclass
class Stay:
    """A made-up stay: calm, with gaps, an hour or two of a racing heart, and later a pulse that contradicts it."""

    device_id: str
    heart: list[float | None]
    resp: list[float | None]
    pulse: list[float | None]
    session_id: int = 1
    first_event_minute: int = FIRST_MINUTE

    @property
    def minutes(self) -> int:
        return len(self.heart)


def stay_of(recording, *, session_id: int = 1) -> Stay:
    """A recording as a stay to send."""
    channels = [
        [None if np.isnan(v) else v for v in channel.tolist()]
        for channel in (recording.heart_rate_bpm, recording.resp_rate_bpm, recording.pulse_bpm)
    ]
    return Stay(recording.device_id, *channels, session_id, recording.first_event_minute)


def make_stay(
    device_id: str, minutes: int = 480, *, racing_from: int = 200, pulse_strays_from: int = 360, session_id: int = 1
) -> Stay:
    rng = np.random.default_rng(sum(device_id.encode()))
    heart = np.round(80 + 5 * np.sin(np.arange(minutes) / 50) + rng.normal(0, 2, minutes), 1)
    resp = np.round(17 + rng.normal(0, 1, minutes), 1)
    heart[racing_from : racing_from + 100] += 60
    heart[100:106] = heart[130:145] = np.nan
    pulse = np.round(heart - np.where(np.arange(minutes) >= pulse_strays_from, 9.0, 0.5), 1)
    channels = (heart, resp, pulse)
    values = [[None if np.isnan(v) or rng.random() < 0.03 else float(v) for v in channel] for channel in channels]
    return Stay(device_id, *values, session_id)


class Sender:
    """Sends stays as a source does: a topic a device, batches of consecutive minutes."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._producer = KafkaProducer(**kafka_python_options(settings), linger_ms=5)

    def create(self, *device_ids: str) -> None:
        topics = self.settings.topics
        if self.settings.topic_layout == "shared":
            ensure_topics(self.settings, [topics.vitals_shared_spec(self.settings.shared_partitions)])
            return
        ensure_topics(self.settings, [topics.vitals_spec(device_id) for device_id in device_ids])

    def raw(self, device_id: str, value: bytes | None) -> None:
        self._producer.send(self._topic(device_id), value, key=device_id.encode()).get(30)

    def batch(self, stay: Stay, start: int, stop: int, *, end_of_recording: bool = False) -> bytes:
        """Return a message; the first of a stay alone gives the device's name."""
        return encode_vitals(
            VitalsBatch(
                device_id=stay.device_id,
                session_id=stay.session_id,
                observed_at=from_event_minute(stay.first_event_minute + start),
                heart_rate_bpm=stay.heart[start:stop],
                resp_rate_bpm=stay.resp[start:stop],
                pulse_bpm=stay.pulse[start:stop],
                batch_interval_s=60.0,
                sent_at=time.time(),
                end_of_recording=end_of_recording,
                label=f"Bed {stay.device_id}" if start == 0 else None,
            )
        )

    def send(self, stays: list[Stay], start: int = 0, stop: int | None = None, *, pack: int = 8, pause_s=0.0) -> None:
        """Send minutes [start, stop) of each, in turns; returns when all are acknowledged."""
        stop = max(stay.minutes for stay in stays) if stop is None else stop
        futures = []
        for at in range(start, stop, pack):
            for stay in stays:
                value = self.batch(stay, at, min(at + pack, stop))
                futures.append(self._producer.send(self._topic(stay.device_id), value, key=stay.device_id.encode()))
            time.sleep(pause_s)
        for future in futures:
            future.get(60)

    def close(self) -> None:
        self._producer.close()

    def _topic(self, device_id: str) -> str:
        topics = self.settings.topics
        return topics.vitals_shared if self.settings.topic_layout == "shared" else topics.vitals(device_id)


@pytest.fixture
def worker_settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"session_timeout_s": 3.0, "discovery_interval_s": 0.3, "enrolment_min": 120, "metrics_port": 0}
    )


@pytest.fixture
def sender(worker_settings: Settings) -> Iterator[Sender]:
    sender = Sender(worker_settings)
    yield sender
    sender.close()


@pytest.fixture
def topics(worker_settings: Settings) -> Topics:
    return Topics(worker_settings)


class View:
    """The devices as Redis shows them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def status(self, device_id: str):
        """Return what is shown, None also while Redis cuts its clients off, as one that is promoted does."""
        value = None
        with suppress(redis.ConnectionError), connect_redis(self._settings) as client:
            value = client.hget(self._settings.redis_keys.device(device_id), "status")
        return decode_status(value) if isinstance(value, bytes) else None

    def minutes(self, device_id: str) -> int:
        """Return how many minutes are shown as judged."""
        status = self.status(device_id)
        return status.minutes if status else 0

    def applied_through(self, stays: list[Stay]) -> bool:
        """Return whether every stay has been applied to its last minute."""
        statuses = [self.status(stay.device_id) for stay in stays]
        return all(
            status is not None and status.applied_through >= stay.first_event_minute + stay.minutes - 1
            for status, stay in zip(statuses, stays, strict=True)
        )


@pytest.fixture
def view(worker_settings: Settings) -> View:
    return View(worker_settings)


@pytest.fixture
def view_at(worker_settings: Settings):
    """Return the devices as the Redis of a URL shows them."""
    return lambda url: View(worker_settings.model_copy(update={"redis_url": url}))


def undisturbed(stays: list[Stay], settings: Settings) -> dict[tuple[str, int, int], Line]:
    """The verdicts of a run in one process, one chunk a stay, that nothing interrupts."""
    engine = PlainEngine(settings)
    lines: dict[tuple[str, int, int], Line] = {}
    for stay in stays:
        engine.open(stay.device_id, None)
        chunk = MinuteChunk(stay.device_id, stay.session_id, stay.first_event_minute, stay.heart, stay.resp, stay.pulse)
        (verdicts,) = engine.apply([chunk])
        for at, minute in enumerate(verdicts.event_minute.tolist()):
            score = float(verdicts.score[at])
            line = (None if np.isnan(score) else score, bool(verdicts.flagged[at]), str(verdicts.state[at]))
            lines[stay.device_id, stay.session_id, minute] = line
    return lines


@pytest.fixture
def offline(worker_settings: Settings):
    return lambda stays: undisturbed(stays, worker_settings)


@pytest.fixture
def recorded():
    return stay_of


@pytest.fixture
def stay():
    return make_stay


def _probe(program, path: str) -> tuple[int, str]:
    for line in program.log.splitlines():
        if "probes_listen" in line and line.startswith("{"):
            event = json.loads(line)
            try:
                with urllib.request.urlopen(f"http://{event['host']}:{event['port']}{path}", timeout=5) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()
            except OSError as error:
                return 0, str(error)
    return 0, "no probes yet"


@pytest.fixture
def probe():
    return _probe


@pytest.fixture
def plain_worker(spawn, worker_settings: Settings, wait_until):
    """Start a worker without TensorFlow and wait until it is ready; all end before their topics are deleted."""
    started = []

    def start(*, wait: bool = True, **changes):
        settings = worker_settings.model_copy(update=changes)
        program = spawn(module="plain_worker", settings=settings, environ={"PYTHONPATH": str(FAKES)})
        started.append(program)
        if wait:
            wait_until(lambda: not program.runs() or _probe(program, "/readyz")[0] == 200, 30, "the worker is ready")
            assert program.runs(), program.log
        return program

    yield start
    for program in started:
        if program.runs():
            program.send(signal.SIGCONT)
            program.send(signal.SIGTERM)
    for program in started:
        program.stop(10)


def held_devices(program) -> int:
    total = 0.0
    for line in _probe(program, "/metrics")[1].splitlines():
        if line.startswith("fedsecure_devices{"):
            total += float(line.rsplit(" ", 1)[1])
    return int(total)


@pytest.fixture
def devices_of():
    return held_devices
