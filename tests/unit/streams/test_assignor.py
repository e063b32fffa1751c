"""Placement of units on workers: even, sticky, complete, and the same wherever it is computed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.faust.assignor import spread
from transport.kafka.offsets import TopicPartition

UNITS = [TopicPartition(f"vitals.{n}", 0) for n in range(12)]
TOPICS = [unit.topic for unit in UNITS]


def loads(result) -> list[int]:
    return sorted(len(units) for units in result.values())


def everybody(*members: str) -> dict[str, list[str]]:
    return dict.fromkeys(members, TOPICS)


def test_one_partition_topics_are_spread_and_not_piled_on_one_worker():
    assert loads(spread(everybody("a", "b", "c"), {}, UNITS)) == [4, 4, 4]


def test_a_third_worker_takes_its_part_and_nothing_else_moves():
    before = spread(everybody("a", "b"), {}, UNITS)
    after = spread(everybody("a", "b", "c"), before, UNITS)
    assert loads(after) == [4, 4, 4]
    assert after["a"] < before["a"]
    assert after["b"] < before["b"]


def test_even_four_units_reach_a_third_worker():
    before = spread(everybody("a", "b"), {}, UNITS[:4])
    assert loads(spread(everybody("a", "b", "c"), before, UNITS[:4])) == [1, 1, 2]


def test_the_units_of_a_lost_worker_go_to_the_others_who_keep_theirs():
    before = spread(everybody("a", "b", "c"), {}, UNITS)
    after = spread(everybody("a", "b"), before, UNITS)
    assert after["a"] > before["a"]
    assert after["b"] > before["b"]


def test_a_unit_claimed_by_two_is_given_to_one():
    claims = {"a": {UNITS[0]}, "b": {UNITS[0]}}
    assert loads(spread(everybody("a", "b"), claims, UNITS[:1])) == [0, 1]


def test_topics_known_to_one_worker_go_there():
    subscribed = {"a": TOPICS[:1], "b": TOPICS}
    assert spread(subscribed, {}, UNITS[:4]) == {"a": {UNITS[0]}, "b": set(UNITS[1:4])}


def test_nobody_gets_a_topic_that_nobody_subscribes():
    assert spread({"a": []}, {}, UNITS) == {"a": set()}


members = st.sets(st.sampled_from("abcdef"), min_size=1)
held = st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from(UNITS)))


@given(members=members, previous=held, units=st.sets(st.sampled_from(UNITS)))
def test_every_unit_has_one_worker_and_loads_differ_by_one_at_most(members, previous, units):
    result = spread(everybody(*members), previous, units)
    assert sorted(unit for held_units in result.values() for unit in held_units) == sorted(units)
    assert loads(result)[-1] - loads(result)[0] <= 1


@given(members=members, previous=held, units=st.sets(st.sampled_from(UNITS)))
def test_a_second_assignment_moves_nothing(members, previous, units):
    result = spread(everybody(*members), previous, units)
    assert spread(everybody(*members), result, units) == result


@given(known=st.dictionaries(st.sampled_from("abc"), st.sets(st.sampled_from(TOPICS)), min_size=1), previous=held)
def test_nobody_is_given_a_topic_it_does_not_know(known, previous):
    for member, units in spread(known, previous, UNITS).items():
        assert {unit.topic for unit in units} <= known[member]
