"""Statuses and a whole run, made by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import numpy as np
import pytest

from contracts.messages.federation import RoundPhase, RoundRecord
from contracts.messages.truth import TruthInterval
from contracts.messages.verdicts import DeviceState, DeviceStatus
from fedsecure.demo.observing.observation import AppliedStatus, DeviceTrace, Observation, Sent, StateSeen

ONSET = 760
END = 1200
DEVICES = ("p000020", "s00001", "synthetic-7-0000")
ATTACKED = "p000020"


class MakeStatus(Protocol):
    def __call__(self, **changes: Any) -> DeviceStatus: ...


@pytest.fixture(scope="session")
def device_status() -> MakeStatus:
    def make(**changes: Any) -> DeviceStatus:
        fields: dict[str, Any] = {
            "device_id": "p1",
            "epoch": 1,
            "applied_through": 100,
            "vitals_offset": 7,
            "session_id": 1,
            "state": DeviceState.BENIGN,
            "reason": "",
            "state_since": 50,
            "enrolled": True,
            "enrolment_share": 1.0,
            "score": 0.1,
            "threshold": 3.0,
            "scores": {"hour": 0.1},
            "flagged": False,
            "flagged_share": 0.0,
            "received_at": 1000.0,
            "batch_interval_s": 1.0,
            "finished": False,
            "bundle_sha": "ab",
            "worker_id": "w1",
            "minutes": 100,
            "windows": 41,
            "flagged_windows": 0,
        }
        return DeviceStatus(**(fields | changes))

    return make


@pytest.fixture(scope="session")
def make_run(device_status: MakeStatus) -> Callable[[], Observation]:
    return partial(_run, device_status)


@pytest.fixture
def run(make_run: Callable[[], Observation]) -> Observation:
    return make_run()


def _run(device_status: MakeStatus) -> Observation:
    """A run of three devices over 1200 minutes at eight a second, one of them attacked and found after 70 minutes."""
    observation = Observation(started_at=1000.0, streaming_at=1010.0, ended_at=1170.0, speed=480.0)
    observation.planned_devices = list(DEVICES)
    observation.planned_minutes = END
    observation.services = {
        "broker": {"product": "Apache Kafka", "version": "4.1"},
        "redis": {"product": "Redis", "version": "6.2"},
    }
    observation.peak_rss_bytes = {"worker-1": 700 * 2**20}
    random = np.random.default_rng(0)
    for device_id in DEVICES:
        _stream(observation, device_id, random, device_status)
    poisoned = "1" * (END - ONSET)
    observation.truth = [
        TruthInterval(
            device_id=ATTACKED,
            session_id=1,
            attack="data-poisoning-2",
            level="strong",
            seed=7,
            first_event_minute=ONSET,
            end_event_minute=END,
            poisoned=poisoned,
        )
    ]
    observation.rounds = {number: _round(number, 1010.0 + 10 * number) for number in range(1, 16)}
    return observation


def _stream(observation: Observation, device_id: str, random: np.random.Generator, status: MakeStatus) -> None:
    trace = DeviceTrace(device_id=device_id)
    for minute in range(END):
        missing = minute % 97 == 0
        trace.vitals[minute] = (None, None) if missing else (80.0 + random.normal(), 18.0 + random.normal())
        bad = device_id == ATTACKED and minute >= ONSET + 5
        score = None if minute < 60 or missing else float(random.normal()) + (6.0 if bad else 0.0)
        trace.verdicts[minute] = (score, 3.0, score is not None and score > 3.0, _state(device_id, minute))
    for last in range(7, END, 8):
        at = 1010.0 + last / 8.0
        observation.sent.append(Sent(device_id, last, at))
        observation.applied_statuses.append(AppliedStatus(device_id, last, at + 0.02 + 0.01 * float(random.random())))
        observation.applied.append((at + 0.03, 8))
    trace.status = status(
        device_id=device_id,
        applied_through=END - 1,
        minutes=END,
        state=_state(device_id, END - 1),
        finished=True,
        received_at=1160.0,
    )
    observation.devices[device_id] = trace
    states = (DeviceState.ENROLLING, DeviceState.BENIGN, DeviceState.QUARANTINED)
    for state, minute in zip(states, (0, 600, ONSET + 70), strict=True):
        if state is not DeviceState.QUARANTINED or device_id == ATTACKED:
            at = 1010.0 + minute / 8.0
            observation.states.append(
                StateSeen(device_id=device_id, state=state, at=at, event_minute=minute, reason="")
            )


def _state(device_id: str, minute: int) -> DeviceState:
    if minute < 600:
        return DeviceState.ENROLLING
    return DeviceState.QUARANTINED if device_id == ATTACKED and minute >= ONSET + 70 else DeviceState.BENIGN


def _round(number: int, at: float) -> RoundRecord:
    minute = int((at - 1010.0) * 8)
    excluded = {d: str(_state(d, minute)) for d in DEVICES if _state(d, minute) is not DeviceState.BENIGN}
    cohort = [d for d in DEVICES if d not in excluded]
    return RoundRecord(
        round=number,
        phase=RoundPhase.COMMITTED if cohort else RoundPhase.SKIPPED,
        task="reconstruction",
        lease_token=1,
        model_sha256="ab",
        gated_at=at,
        deadline_at=at + 8,
        cohort=cohort,
        excluded=excluded,
        accepted=cohort,
        reason="" if cohort else "no_quorum",
        loss=0.5 if cohort else None,
        ended_at=at + 1.5,
    )
