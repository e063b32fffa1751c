"""Whom a worker holds after assignments, fencing and departures."""

from __future__ import annotations

from streams.state.devices import AssignedDevices, DeviceContext
from transport.kafka.offsets import TopicPartition

A, B = TopicPartition("v.a", 0), TopicPartition("v.b", 0)


def holding(*units: TopicPartition) -> AssignedDevices:
    held = AssignedDevices()
    held.assign(units)
    for unit in units:
        held.hold(DeviceContext(unit.topic[2:], 1, 0), unit)
    return held


def test_a_new_assignment_names_who_left_and_trusts_nobody_unchecked():
    held = holding(A, B)
    assert held.assign({B}) == {"a"}
    assert held.verified == set()
    assert set(held.devices) == {"a", "b"}


def test_a_fenced_device_is_left_alone_until_the_next_assignment():
    held = holding(A)
    held.fence({"a"}, now=5.0)
    held.fence({"a"}, now=9.0)
    assert held.fenced_since == 5.0
    held.assign({A})
    assert held.fenced == set()
    assert held.fenced_since is None


def test_forgetting_twice_is_harmless():
    held = holding(A)
    held.forget("a")
    held.forget("a")
    assert held.devices == {}


def test_the_lag_of_a_shared_partition_counts_from_the_device_that_is_furthest():
    held = holding(A)
    for device_id, next_offset in (("first", 70), ("last", 40)):
        held.hold(DeviceContext(device_id, 1, next_offset), A)
    assert held.behind({A: 100, B: 9}) == 30
