"""Ranges of offsets from the end of partitions back to their start."""

from __future__ import annotations

from transport.kafka.offsets import BackwardSteps, TopicPartition

A, B = TopicPartition("v.a", 0), TopicPartition("v.b", 0)


def test_each_range_ends_where_the_last_one_began_and_is_longer_until_the_start_is_reached():
    steps = BackwardSteps({A: (5, 100)}, 10)
    assert [steps.next([A])[A] for _ in range(4)] == [(90, 100), (70, 90), (30, 70), (5, 30)]
    assert steps.next([A]) == {}
    assert steps.reached == {A: 5}


def test_only_the_partitions_that_are_still_asked_for_go_on():
    steps = BackwardSteps({A: (0, 50), B: (0, 0)}, 4, growth=16)
    assert steps.next([A, B]) == {A: (46, 50)}
    assert steps.next([B]) == {}
    assert steps.reached == {A: 46, B: 0}
