"""What a micro-batch makes of a device's freshness: only minutes that counted keep it fresh."""

from __future__ import annotations

import msgspec
import pytest
from lives import calm
from plain_detector import level_model

from contracts.event_time import from_event_minute
from contracts.messages.verdicts import decode_scores, decode_status
from contracts.messages.vitals import VitalsBatch, encode_vitals
from detectors.decisions.votes import KINDS
from detectors.engine.engine import DetectionEngine
from detectors.engine.router import EngineRouter
from streams.scoring.batch import BatchScorer
from streams.scoring.intake import Intake
from streams.state.devices import DeviceContext
from streams.vitals_records import VitalsRecord
from transport.kafka.offsets import TopicPartition

START = 92_000_000
UNIT = TopicPartition("t.vitals.v1.p1", 0)
BEATS = calm(300)


@pytest.fixture
def device() -> DeviceContext:
    return DeviceContext.from_status("p1", 1, 0, None)


@pytest.fixture
def scorer() -> BatchScorer:
    router = EngineRouter(DetectionEngine(level_model("b"), enrolment_min=120))
    router.open("p1", None)
    return BatchScorer(router, Intake(), "worker-1")


def record(offset: int, first_minute: int, received_at: float) -> VitalsRecord:
    batch = VitalsBatch(
        device_id="p1",
        session_id=1,
        observed_at=from_event_minute(START + first_minute),
        heart_rate_bpm=BEATS[first_minute : first_minute + 2],
        resp_rate_bpm=[16.0, 17.0],
        batch_interval_s=2.0,
        sent_at=received_at,
    )
    return VitalsRecord("p1", UNIT, offset, received_at, encode_vitals(batch))


def test_new_minutes_keep_a_device_fresh(scorer: BatchScorer, device: DeviceContext) -> None:
    scorer.score([record(0, 0, 100.0), record(1, 2, 102.0)], {"p1": device})
    assert device.received_at == 102.0


def test_every_kind_of_score_reaches_the_records(scorer: BatchScorer, device: DeviceContext) -> None:
    batch_result = scorer.score([record(at, 2 * at, 100.0 + at) for at in range(105)], {"p1": device})
    result = batch_result.results[0]
    (scores,) = [decode_scores(encoded) for encoded in result.scores]
    assert set(scores.scores) == set(KINDS)
    decided = [minute for minute, score in enumerate(scores.score) if score is not None]
    assert decided == [194, 209]  # the first whose hour lies after the enrolment, and the next
    assert [minute for minute, score in enumerate(scores.scores["fast"]) if score is not None] == decided
    status = decode_status(result.record)
    assert status.scores == {kind: values[-1] for kind, values in scores.scores.items()}
    assert (status.bundle_sha, status.threshold, status.windows) == ("b", 2.0, 2)
    assert status.snapshot == result.status.snapshot is not None
    assert device.status == msgspec.structs.replace(status, snapshot=None)  # what the engine holds is not held twice


def test_a_device_that_only_repeats_old_minutes_goes_stale(scorer: BatchScorer, device: DeviceContext) -> None:
    scorer.score([record(0, 0, 100.0)], {"p1": device})
    batch_result = scorer.score([record(1, 0, 500.0)], {"p1": device})
    assert batch_result.results[0].status.received_at == 100.0
    assert batch_result.results[0].status.vitals_offset == 2


def test_what_a_new_status_topic_is_given_is_what_went_out_last(scorer: BatchScorer, device: DeviceContext) -> None:
    device.topic_id = "abc"
    (last,) = scorer.score([record(at, 2 * at, 100.0 + at) for at in range(105)], {"p1": device}).results
    (again,) = scorer.whole_results([device])
    assert again.record == last.record
    assert (decode_status(again.record).vitals_topic_id, again.held_epoch) == ("abc", 1)
