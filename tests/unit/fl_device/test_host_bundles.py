"""A device host changes bundle as a worker does; what was released for training before stays released."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from lives import assert_same_snapshot, calm
from plain_detector import level_model

from contracts.event_time import from_event_minute
from contracts.messages.vitals import VitalsBatch, encode_vitals
from detectors.engine.engine import DetectionEngine
from fl_device.host.detector import HostDetector
from fl_device.tasks.task import Examples

START = 90_000_000
BEATS = calm(600)


class PlainTask:
    name = "plain"

    def examples(self, hours):
        return Examples(hours.z, hours.event_minute.astype(np.float32))


def engine_of(name: str, threshold: float) -> DetectionEngine:
    return DetectionEngine(level_model(name, threshold=threshold), enrolment_min=120)


def values(first: int, end: int) -> list[bytes]:
    return [
        encode_vitals(
            VitalsBatch(
                device_id="p1", session_id=1, observed_at=from_event_minute(START) + timedelta(minutes=at),
                heart_rate_bpm=BEATS[at : at + 20], resp_rate_bpm=[15.0] * 20, batch_interval_s=1.0, sent_at=0.0,
            )
        )
        for at in range(first, end, 20)
    ]  # fmt: skip


def judge_of(engine: DetectionEngine, end: int) -> HostDetector:
    detector = HostDetector(engine, PlainTask(), max_windows=256, horizon_min=30)
    detector.open(["p1"])
    detector.take([("p1", value) for value in values(0, end)])
    return detector


@pytest.fixture
def detector() -> HostDetector:
    return judge_of(engine_of("old", 2.5), 400)


def released(detector: HostDetector) -> list[float]:
    examples = detector.examples("p1")
    assert examples is not None
    return examples.targets[:, -1].tolist()


def test_a_device_goes_on_under_the_new_bundle_and_keeps_its_training_windows(detector: HostDetector) -> None:
    new = engine_of("new", 1.5)
    before = released(detector)
    detector.use(new)
    assert (detector.bundle_sha, detector.behind()) == ("new", ["p1"])
    assert detector.take_over("p1", [b"rubbish", None, *values(0, 400)], is_all=True)
    assert (detector.behind(), released(detector)) == ([], before)
    undisturbed = engine_of("new", 1.5)
    always = judge_of(undisturbed, 400)
    assert_same_snapshot(new.snapshot("p1"), undisturbed.snapshot("p1"))
    for one in (detector, always):
        one.take([("p1", value) for value in values(400, 600)])
    assert_same_snapshot(new.snapshot("p1"), undisturbed.snapshot("p1"))
    assert released(detector)[: len(before)] == before
    assert len(released(detector)) > len(before)


@pytest.mark.parametrize("first", [20, 200])
def test_a_device_whose_enrolment_is_gone_stays_with_its_bundle(detector: HostDetector, first: int) -> None:
    detector.use(engine_of("new", 1.5))
    before = released(detector)
    assert not detector.take_over("p1", values(first, 400), is_all=False)
    assert detector.behind() == []
    detector.take([("p1", value) for value in values(400, 600)])
    assert released(detector)[: len(before)] == before


def test_a_device_that_enrols_changes_with_what_there_is() -> None:
    detector, new = judge_of(engine_of("old", 2.5), 100), engine_of("new", 1.5)
    detector.use(new)
    assert detector.take_over("p1", values(0, 100), is_all=True)
    assert new.snapshot("p1").valid_minutes == 100
