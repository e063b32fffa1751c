"""The schedule sends each minute of each device once, in order, when its last minute is over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from replay.schedule import ScheduledMessage, Span, due_after_s, scheduled_messages

spans = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 300)),
    max_size=6,
).map(lambda pairs: [Span(f"device-{i}", first, first + count) for i, (first, count) in enumerate(pairs)])


@given(spans, st.integers(1, 70))
def test_every_minute_is_sent_exactly_once_and_in_order(spans: list[Span], pack_min: int) -> None:
    sent: dict[str, list[int]] = {span.device_id: [] for span in spans}
    for message in scheduled_messages(spans, pack_min):
        sent[message.device_id].extend(range(message.first_min, message.end_min))
    assert sent == {span.device_id: list(range(span.first_min, span.end_min)) for span in spans}


@given(spans, st.integers(1, 70))
def test_messages_come_in_the_order_in_which_they_are_due(spans: list[Span], pack_min: int) -> None:
    elapsed = [message.elapsed_min for message in scheduled_messages(spans, pack_min)]
    assert elapsed == sorted(elapsed)


@given(spans, st.integers(1, 70))
def test_only_the_last_message_of_a_device_announces_the_end(spans: list[Span], pack_min: int) -> None:
    ends = [message for message in scheduled_messages(spans, pack_min) if message.is_last]
    assert sorted((end.device_id, end.end_min) for end in ends) == sorted(
        (span.device_id, span.end_min) for span in spans if span.end_min > span.first_min
    )


@given(spans, st.integers(1, 70))
def test_no_message_holds_more_than_the_pack(spans: list[Span], pack_min: int) -> None:
    assert all(0 < message.end_min - message.first_min <= pack_min for message in scheduled_messages(spans, pack_min))


def test_a_message_is_due_when_its_last_minute_is_over() -> None:
    assert list(scheduled_messages([Span("a", 10, 15), Span("b", 0, 3)], 2)) == [
        ScheduledMessage(2, "a", 10, 12, is_last=False),
        ScheduledMessage(2, "b", 0, 2, is_last=False),
        ScheduledMessage(3, "b", 2, 3, is_last=True),
        ScheduledMessage(4, "a", 12, 14, is_last=False),
        ScheduledMessage(5, "a", 14, 15, is_last=True),
    ]
    assert due_after_s(2, 1.0) == 120.0
    assert due_after_s(2, 60.0) == 2.0
    assert due_after_s(1315, None) == 0.0
