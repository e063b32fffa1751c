"""A ward written straight into Redis and Kafka, as workers, a coordinator and a replay would have left it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import redis
from kafka import KafkaProducer
from msgspec.structs import replace

from contracts.configuration.settings import Settings
from contracts.event_time import from_event_minute
from contracts.messages.federation import AcceptedUpdate, FlEvent, RoundPhase, RoundRecord, encode_federation
from contracts.messages.truth import TruthInterval, encode_truth
from contracts.messages.verdicts import (
    DeviceProfile,
    DeviceSnapshot,
    DeviceState,
    DeviceStatus,
    ScoreBatch,
    encode_verdict,
)
from contracts.messages.vitals import VitalsBatch, encode_vitals
from detectors.network.layout import CONTEXT_SIZE
from transport.kafka.admin import ensure_topics
from transport.kafka.options import kafka_python_options

FIRST_MINUTE = 112_000_000
LIMIT = 1.34
SHA = "11f21b09625e0000"
WHY = "heart rate swinging more than usual (last hour); breathing on values that this monitor does not write, as if multiplied (last hour)"
UNUSUAL = "enrolment looks unusual: heart rate partly in whole numbers, partly in tenths, as if the monitor was changed"
MARKUP = "<b>ICU</b>_03 & <img src=x onerror=alert(1)>"
ODD = "سرير ٤ قسم العناية المركزة " + "床" * 20 + "e\u0301" * 8 + "W" * 40
"""Right to left, two columns wide, with marks above, and without a place to break."""
REASONS = {
    DeviceState.BENIGN: "below the limit",
    DeviceState.QUARANTINED: f"over the limit, 0 of 120 clean minutes since: {WHY}",
    DeviceState.SUSPECT: "close to the limit, 0 of 30 calm minutes: breathing jumping more often than usual (last hour)",
    DeviceState.PROBATION: "on probation, 61 of 120 clean minutes",
    DeviceState.ENROLLING: "372 of 600 enrolment minutes",
    DeviceState.UNSCORED: "no decision for 50 minutes",
    DeviceState.INVALID_INPUT: "too many invalid messages in a row; a decision is awaited",
}
HIGH = {DeviceState.QUARANTINED: 5.0, DeviceState.SUSPECT: 1.6}


def status_of(device_id: str, state: DeviceState = DeviceState.BENIGN, **changes: Any) -> DeviceStatus:
    """A device that sent a minute just now, in a state."""
    enrolled = state is not DeviceState.ENROLLING
    score = 0.3 + HIGH.get(state, 0.0)
    status = DeviceStatus(
        device_id=device_id, epoch=1, applied_through=FIRST_MINUTE + 599, vitals_offset=10, session_id=1, state=state,
        reason=REASONS[state], state_since=FIRST_MINUTE + 500, enrolled=enrolled,
        enrolment_share=1.0 if enrolled else 0.62, score=score, threshold=LIMIT, scores={"fast": score}, flagged=score > LIMIT,
        flagged_share=3 / 4 if state is DeviceState.QUARANTINED else 0.0, received_at=time.time(), batch_interval_s=60.0,
        finished=False, bundle_sha=SHA, worker_id="worker-1", minutes=600, windows=37, flagged_windows=6,
    )  # fmt: skip
    return replace(status, **changes)


def scores_of(device_id: str, state: DeviceState, minutes: int = 600, first: int = FIRST_MINUTE) -> ScoreBatch:
    """Ten hours of scores that end where a device in that state has them: a decision every 15 minutes after the first hour."""
    rng = np.random.default_rng(sum(device_id.encode()))
    score = np.convolve(rng.normal(0.1, 0.5, minutes + 8), np.ones(9) / 9, "valid") + rng.normal(0, 0.05, minutes)
    rising = min(100, minutes)
    score[-rising:] += HIGH.get(state, 0.0) * np.linspace(0, 1.1, rising) ** 0.5
    states = [DeviceState.ENROLLING] * min(300, minutes) + [DeviceState.BENIGN] * max(0, minutes - 300)
    if state is not DeviceState.BENIGN:
        last = minutes if state is DeviceState.ENROLLING else rising
        states[-last:] = [state] * last
    decided = [at >= 59 and at % 15 == 14 for at in range(minutes)]
    return ScoreBatch(
        device_id=device_id, session_id=1, epoch=1, bundle_sha=SHA,
        event_minute=list(range(first, first + minutes)),
        reconstruction_error=[0.4 if there else None for there in decided],
        score=[round(float(score[at]), 4) if there else None for at, there in enumerate(decided)],
        threshold=[LIMIT] * minutes, flagged=[there and bool(score[at] > LIMIT) for at, there in enumerate(decided)],
        state=states, scores={},
    )  # fmt: skip


def profile_of(bundle_sha: str, median: tuple[float, float], scale: tuple[float, float]) -> DeviceProfile:
    """What an enrolment left behind, as far as the console reads it."""
    return DeviceProfile(
        median=median, scale=scale, residual_size=(1.0,) * 6, unchanged_share=(0.1, 0.1), grid_bpm=(1.0, 1.0),
        context=(0.0,) * CONTEXT_SIZE, pulse_limit_bpm=5.0, threshold=LIMIT, enrolment_min=300,
        first_event_minute=FIRST_MINUTE, last_event_minute=FIRST_MINUTE + 299, bundle_sha=bundle_sha, rule="common-scale",
    )  # fmt: skip


def with_profile(status: DeviceStatus, profile: DeviceProfile) -> DeviceStatus:
    """The status as the topic has it, with the snapshot that Redis does not hold."""
    snapshot = DeviceSnapshot(
        session_id=1, applied_through=status.applied_through, standing=status.state, state=status.state,
        state_since=status.state_since, profile=profile,
    )  # fmt: skip
    return replace(status, snapshot=snapshot, bundle_sha=profile.bundle_sha)


@dataclass
class Ward:
    """Writes what the console reads; every method returns once it is there."""

    settings: Settings
    client: redis.Redis
    pending: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._producer = KafkaProducer(**kafka_python_options(self.settings), linger_ms=5)

    def close(self) -> None:
        self._producer.close()

    def show(self, *statuses: DeviceStatus) -> None:
        """Put statuses into Redis."""
        keys = self.settings.redis_keys
        pipeline = self.client.pipeline(transaction=False)
        for status in statuses:
            pipeline.hset(keys.device(status.device_id), "status", encode_verdict(status))
            pipeline.zadd(keys.devices_last_seen, {status.device_id: status.received_at})
        pipeline.execute()

    def judge(self, *statuses: DeviceStatus, minutes: int = 600) -> None:
        """Show statuses, and publish them with the scores that led to them."""
        topics = self.settings.topics
        for status in statuses:
            scores = scores_of(status.device_id, status.state, minutes)
            self._send(topics.scores, status.device_id, encode_verdict(scores))
            earlier = replace(
                status, state=DeviceState.BENIGN, reason="", state_since=FIRST_MINUTE + 300, applied_through=1
            )
            for told in (earlier, status) if status.state is not DeviceState.ENROLLING else (status,):
                self._send(topics.device_status, status.device_id, encode_verdict(told))
        self.show(*(replace(status, snapshot=None) for status in statuses))
        self.flush()

    def stream(self, device_id: str, heart: list[float | None], breath: list[float | None]) -> None:
        """Send vitals from the first minute on."""
        topics = self.settings.topics
        ensure_topics(self.settings, [topics.vitals_spec(device_id)])
        batch = VitalsBatch(
            device_id=device_id, session_id=1, observed_at=from_event_minute(FIRST_MINUTE), heart_rate_bpm=heart,
            resp_rate_bpm=breath, batch_interval_s=60.0, sent_at=time.time(),
        )  # fmt: skip
        self._send(topics.vitals(device_id), device_id, encode_vitals(batch))
        self.flush()

    def train(self, number: int, accepted: list[str], excluded: dict[str, str], **changes: Any) -> None:
        """Publish a round that was committed, or as `changes` say, with its trail."""
        now = time.time() - 10 * (30 - number)
        record = RoundRecord(
            round=number, phase=RoundPhase.COMMITTED, task="reconstruction", lease_token=1, model_sha256=f"{number - 1:02x}" * 32,
            gated_at=now - 4, deadline_at=now + 4, cohort=accepted, excluded=excluded, accepted=accepted,
            updates={one: AcceptedUpdate(update_sha256="aa", samples=200, loss=0.4, key_id="k") for one in accepted},
            aggregation="trimmed-mean", new_model_sha256=f"{number:02x}" * 32, loss=0.3 + 0.6 / number, ended_at=now,
        )  # fmt: skip
        self._send(self.settings.topics.fl_rounds, str(number), encode_federation(replace(record, **changes)))
        events = [FlEvent(at=now - 4, kind="round_gated", round=number)]
        events += [FlEvent(at=now - 1, kind="update_accepted", round=number, device_id=one) for one in accepted]
        for event in events:
            self._send(self.settings.topics.fl_events, event.device_id or str(number), encode_federation(event))
        self.flush()

    def tell_truth(self, device_id: str, first: int, end: int, attack: str = "data-poisoning-2") -> None:
        """Publish the ground truth of an attack on event minutes [first, end)."""
        interval = TruthInterval(
            device_id=device_id, session_id=1, attack=attack, level="strong", seed=7, first_event_minute=first,
            end_event_minute=end, poisoned="1" * (end - first),
        )  # fmt: skip
        self._send(self.settings.topics.truth, device_id, encode_truth(interval))
        self.flush()

    def flush(self) -> None:
        for future in self.pending:
            future.get(30)
        self.pending.clear()

    def _send(self, topic: str, key: str, value: bytes) -> None:
        self.pending.append(self._producer.send(topic, value, key=key.encode()))
