"""Every program exports what it knows and nothing that it does not."""

from __future__ import annotations

import math

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

import contracts.metrics
from contracts.messages.dead_letters import REASONS
from contracts.messages.federation import RoundPhase, RoundRecord
from contracts.messages.verdicts import DeviceState, DeviceStatus
from contracts.metrics import KAFKA_UP, OF_PROGRAM, ROUNDS, registry_of
from fl_coordinator.rounds.metrics import measure_record, measure_round, measure_start
from streams.metrics import DeviceSeries
from streams.state.devices import AssignedDevices, DeviceContext
from transport.kafka.offsets import TopicPartition

KINDS = (Counter, Gauge, Histogram, Info)
WORKER = registry_of("worker")
COORDINATOR = registry_of("coordinator")

RECORD = RoundRecord(
    round=7, phase=RoundPhase.COMMITTED, task="reconstruction", lease_token=1, model_sha256="m", gated_at=100.0,
    deadline_at=120.0, cohort=["a", "b"], excluded={"c": "stale", "d": "stale", "e": "quarantined"}, accepted=["a"],
    opened_with=1, loss=0.25, ended_at=130.0,
)  # fmt: skip
STATUS = DeviceStatus(
    device_id="p1", epoch=1, applied_through=1000, vitals_offset=10, session_id=1, reason="", state=DeviceState.BENIGN,
    state_since=900, enrolled=True, enrolment_share=1.0, score=0.1, threshold=4.0, scores={}, flagged=False,
    flagged_share=0.25, received_at=500.0, batch_interval_s=60.0, finished=False, bundle_sha="b", worker_id="w",
    minutes=1000, windows=900, flagged_windows=1,
)  # fmt: skip


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


@pytest.fixture
def series():
    made = DeviceSeries(limit=2, stale_cap_s=200.0)
    yield made
    for device_id in ("p1", "p2", "p3"):
        made.forget(device_id)


def test_every_metric_belongs_to_a_program():
    defined = {each for each in vars(contracts.metrics).values() if isinstance(each, KINDS)}
    assert defined == {collector for collectors in OF_PROGRAM.values() for collector in collectors}


def test_a_program_says_nothing_of_what_it_does_not_know():
    assert value(registry_of("replay"), "fedsecure_redis_up") is None
    assert value(COORDINATOR, "fedsecure_worker_lag_messages") is None
    assert value(WORKER, "fedsecure_global_round") is None
    for program in OF_PROGRAM:
        assert value(registry_of(program), "process_resident_memory_bytes") is not None, program


def test_whether_redis_and_kafka_are_up_is_unknown_until_they_were_asked():
    KAFKA_UP.set(1)
    assert math.isnan(value(registry_of("console"), "fedsecure_kafka_up") or 0.0)
    assert math.isnan(value(registry_of("console"), "fedsecure_redis_up") or 0.0)


def test_counters_whose_labels_are_known_begin_before_anything_happens():
    for reason in REASONS:
        assert value(WORKER, "fedsecure_dead_letters_total", reason=reason) is not None, reason
    for outcome in ("committed", "skipped", "failed"):
        assert value(COORDINATOR, "fedsecure_rounds_total", outcome=outcome) is not None, outcome
    assert value(COORDINATOR, "fedsecure_updates_total", outcome="accepted") is not None


def test_a_device_shows_its_state_and_how_long_it_may_be_silent(series: DeviceSeries):
    series.show(STATUS)
    assert value(WORKER, "fedsecure_device_state", device="p1", state="benign") == 1.0
    assert value(WORKER, "fedsecure_device_last_received_timestamp_seconds", device="p1") == 500.0
    assert value(WORKER, "fedsecure_device_stale_after_seconds", device="p1") == 200.0
    series.show(replace(STATUS, state=DeviceState.QUARANTINED, batch_interval_s=10.0))
    assert value(WORKER, "fedsecure_device_state", device="p1", state="benign") is None
    assert value(WORKER, "fedsecure_device_state", device="p1", state="quarantined") == 1.0
    assert value(WORKER, "fedsecure_device_stale_after_seconds", device="p1") == 50.0


def test_the_silence_of_a_finished_device_has_no_limit(series: DeviceSeries):
    series.show(replace(STATUS, finished=True))
    series.show(STATUS)
    assert value(WORKER, "fedsecure_device_stale_after_seconds", device="p1") == 200.0
    series.show(replace(STATUS, finished=True))
    assert value(WORKER, "fedsecure_device_stale_after_seconds", device="p1") is None


def test_silent_devices_are_counted_but_for_those_that_have_finished(series: DeviceSeries):
    series.show(STATUS)
    series.show(replace(STATUS, device_id="p2", finished=True))
    for now, stale in ((700.0, 0.0), (700.1, 1.0)):
        series.count(now)
        assert value(WORKER, "fedsecure_stale_devices") == stale
    series.forget("p1")
    series.count(700.1)
    assert value(WORKER, "fedsecure_stale_devices") == 0.0


def test_devices_that_rounds_may_ask_have_enrolled_and_not_finished(series: DeviceSeries):
    enrolled = replace(STATUS, enrolled=True)
    for change in ({}, {"device_id": "p2", "enrolled": False}, {"device_id": "p3", "state": DeviceState.QUARANTINED}):
        series.show(replace(enrolled, **change))
    series.count(now=500.0)
    assert value(WORKER, "fedsecure_streaming_devices") == 2.0
    series.show(replace(enrolled, finished=True))
    series.forget("p3")
    series.count(now=500.0)
    assert value(WORKER, "fedsecure_streaming_devices") == 0.0


def test_too_many_devices_have_no_series_of_their_own_but_are_counted(series: DeviceSeries):
    for device_id in ("p1", "p2", "p3"):
        series.show(replace(STATUS, device_id=device_id))
    series.count(now=500.0)
    assert value(WORKER, "fedsecure_device_state", device="p1", state="benign") is None
    assert value(WORKER, "fedsecure_device_stale_after_seconds", device="p1") is None
    assert value(WORKER, "fedsecure_devices", state="benign") == 3.0


def test_a_round_shows_who_sat_out_and_only_of_the_latest():
    measure_round(RECORD, 30.0)
    assert value(COORDINATOR, "fedsecure_round_cohort_devices") == 2.0
    assert value(COORDINATOR, "fedsecure_round_excluded_devices", reason="stale") == 2.0
    measure_round(replace(RECORD, excluded={"c": "quarantined"}), 30.0)
    assert value(COORDINATOR, "fedsecure_round_excluded_devices", reason="stale") is None
    assert value(COORDINATOR, "fedsecure_round_excluded_devices", reason="quarantined") == 1.0


def test_rounds_without_a_model_are_counted_until_one_commits():
    measure_round(RECORD, 1.0)
    skipped = replace(RECORD, round=8, phase=RoundPhase.SKIPPED, loss=None, ended_at=190.0)
    before = ROUNDS.labels("skipped")._value.get()
    measure_round(skipped, 1.0)
    measure_round(replace(skipped, phase=RoundPhase.FAILED), 1.0)
    assert value(COORDINATOR, "fedsecure_uncommitted_rounds") == 2.0
    assert ROUNDS.labels("skipped")._value.get() == before + 1
    assert value(COORDINATOR, "fedsecure_global_committed_timestamp_seconds") == 130.0
    measure_round(replace(RECORD, round=10, ended_at=230.0), 1.0)
    assert value(COORDINATOR, "fedsecure_uncommitted_rounds") == 0.0
    assert value(COORDINATOR, "fedsecure_global_committed_timestamp_seconds") == 230.0
    assert value(COORDINATOR, "fedsecure_global_round") == 10.0


def test_a_coordinator_that_starts_shows_the_model_on_record_and_misses_no_round_yet():
    measure_start(1000.0, interval_s=60.0)
    assert math.isnan(value(COORDINATOR, "fedsecure_global_loss") or 0.0)
    measure_record({7: RECORD, 9: replace(RECORD, round=9, phase=RoundPhase.SKIPPED)})
    assert value(COORDINATOR, "fedsecure_global_round") == 7.0
    assert value(COORDINATOR, "fedsecure_global_loss") == 0.25
    assert value(COORDINATOR, "fedsecure_global_committed_timestamp_seconds") == 1000.0
    assert value(COORDINATOR, "fedsecure_round_interval_seconds") == 60.0


def test_messages_behind_are_those_not_applied_yet_of_devices_that_are_open():
    held, unit = AssignedDevices(), TopicPartition("v.a", 0)
    held.hold(DeviceContext("a", 1, next_offset=7), unit)
    assert held.behind({unit: 10, TopicPartition("v.b", 0): 5}) == 3
    assert held.behind({unit: None}) == 0
    assert held.behind({unit: 6}) == 0


def test_the_name_of_a_device_stands_beside_its_series_and_goes_with_them(series: DeviceSeries):
    series.show(replace(STATUS, label="ICU_03"))
    assert value(WORKER, "fedsecure_device_info", device="p1", label="ICU_03") == 1.0
    series.show(replace(STATUS, label="ICU 3"))
    assert value(WORKER, "fedsecure_device_info", device="p1", label="ICU_03") is None
    assert value(WORKER, "fedsecure_device_info", device="p1", label="ICU 3") == 1.0
    series.show(STATUS)
    assert value(WORKER, "fedsecure_device_info", device="p1", label="") == 1.0
    series.show(replace(STATUS, device_id="p2", label="bed 2"))
    series.show(replace(STATUS, device_id="p3", label="bed 3"))
    assert value(WORKER, "fedsecure_device_info", device="p2", label="bed 2") is None, "too many devices have none"
