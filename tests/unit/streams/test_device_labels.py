"""A device's name as its hospital writes it: kept while it is told, shown with every status, never mixed unnoticed."""

from __future__ import annotations

import json
from itertools import count

import pytest
from lives import calm
from plain_detector import level_model
from structlog.testing import capture_logs

from contracts.event_time import from_event_minute
from contracts.messages.verdicts import decode_status, encode_verdict
from contracts.messages.vitals import VitalsBatch, encode_vitals
from contracts.metrics import LABEL_CHANGES
from detectors.engine.engine import DetectionEngine
from detectors.engine.router import EngineRouter
from streams.scoring.batch import BatchScorer
from streams.scoring.intake import Intake
from streams.state.devices import DeviceContext
from streams.state.restore import taken_over
from streams.vitals_records import VitalsRecord
from transport.kafka.offsets import TopicPartition

START = 92_000_000
UNIT = TopicPartition("t.vitals.v1.icu-03", 0)
BEATS = calm(300)


class Bed:
    """A device under a worker; `send` is a message of two minutes, `status` what the worker last said."""

    def __init__(self) -> None:
        self.router = EngineRouter(DetectionEngine(level_model("b"), enrolment_min=120))
        self.router.open("icu-03", None)
        self.scorer = BatchScorer(self.router, Intake(), "worker-1")
        self.device = DeviceContext.from_status("icu-03", 1, 0, None)
        self._offset = count()
        self._minute = count(0, 2)

    def send(self, label: str | None, session: int = 1) -> None:
        first = next(self._minute)
        batch = VitalsBatch(
            device_id="icu-03", session_id=session, observed_at=from_event_minute(START + first),
            heart_rate_bpm=BEATS[first : first + 2], resp_rate_bpm=[16.0, 17.0], batch_interval_s=2.0, sent_at=1.0,
            label=label,
        )  # fmt: skip
        self._send(encode_vitals(batch))

    def re_enrol(self) -> None:
        at = from_event_minute(START + 200)
        order = VitalsBatch(
            device_id="icu-03", session_id=1, observed_at=at, heart_rate_bpm=[], resp_rate_bpm=[], batch_interval_s=2.0,
            sent_at=1.0, re_enrol=True,
        )  # fmt: skip
        self._send(encode_vitals(order))

    def _send(self, value: bytes) -> None:
        record = VitalsRecord("icu-03", UNIT, next(self._offset), 100.0, value)
        batch_result = self.scorer.score([record], {"icu-03": self.device})
        self.status = decode_status(batch_result.results[0].record)


@pytest.fixture
def bed() -> Bed:
    return Bed()


@pytest.fixture
def changes() -> float:
    return LABEL_CHANGES._value.get()


def test_a_status_carries_the_last_name_that_the_messages_gave(bed: Bed) -> None:
    bed.send("ICU_03")
    assert bed.status.label == "ICU_03"
    bed.send(None)
    bed.re_enrol()
    assert bed.status.label == "ICU_03"


def test_a_device_whose_messages_give_no_name_has_none(bed: Bed) -> None:
    bed.send(None)
    assert bed.status.label is None


def test_a_new_session_begins_with_its_own_name_and_nothing_is_said_of_it(bed: Bed, changes: float) -> None:
    bed.send("ICU_03")
    with capture_logs() as said:
        bed.send("ICU 03", session=2)
        assert bed.status.label == "ICU 03"
        bed.send("ICU_03", session=1)
        assert bed.status.label == "ICU 03", "an earlier session's messages are not heard"
        bed.send(None, session=3)
        assert bed.status.label is None
    assert said == []
    assert LABEL_CHANGES._value.get() == changes


def test_names_in_turn_are_counted_each_time_and_logged_once_a_session(bed: Bed, changes: float) -> None:
    with capture_logs() as said:
        for label in ("ICU_03", "ICU-03", "ICU_03", "ICU-03"):
            bed.send(label)
    assert LABEL_CHANGES._value.get() == changes + 3
    assert [(one["event"], one["device"], one["before"], one["after"]) for one in said] == [
        ("device_label_changed", "icu-03", "ICU_03", "ICU-03")
    ]
    assert bed.status.label == "ICU-03"


def test_another_worker_goes_on_with_the_name(bed: Bed) -> None:
    bed.send("ICU_03")
    held = DeviceContext.from_status("icu-03", 2, 1, bed.status)
    assert held.label == "ICU_03"
    assert taken_over(bed.status, 2, "worker-2", bed.router.snapshot("icu-03")).label == "ICU_03"


def test_a_status_of_before_there_were_names_is_read(bed: Bed) -> None:
    bed.send("ICU_03")
    fields = json.loads(encode_verdict(bed.status))
    del fields["label"]
    assert decode_status(json.dumps(fields).encode()).label is None
