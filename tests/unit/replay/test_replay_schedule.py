"""The schedule sends each minute of each device once, in order, when its last minute is over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from replay.schedule import ScheduledMessage, due_after_s, scheduled_messages
from replay.sessions import Session


def session(device_id: str, first_min: int, end_min: int) -> Session:
    return Session(device_id, 1, first_min, first_min, end_min)


sessions = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 300)),
    max_size=6,
).map(lambda pairs: [session(f"device-{i}", first, first + count) for i, (first, count) in enumerate(pairs)])


@given(sessions, st.integers(1, 70))
def test_every_minute_is_sent_exactly_once_and_in_order(sessions: list[Session], pack_min: int) -> None:
    sent: dict[str, list[int]] = {each.device_id: [] for each in sessions}
    for message in scheduled_messages(sessions, pack_min):
        sent[message.device_id].extend(range(message.first_min, message.end_min))
    assert sent == {each.device_id: list(range(each.next_min, each.end_min)) for each in sessions}


@given(sessions, st.integers(1, 70))
def test_messages_come_in_the_order_in_which_they_are_due(sessions: list[Session], pack_min: int) -> None:
    elapsed = [message.elapsed_min for message in scheduled_messages(sessions, pack_min)]
    assert elapsed == sorted(elapsed)


@given(sessions, st.integers(1, 70))
def test_only_the_last_message_of_a_device_announces_the_end(sessions: list[Session], pack_min: int) -> None:
    ends = [message for message in scheduled_messages(sessions, pack_min) if message.is_last]
    assert sorted((end.device_id, end.end_min) for end in ends) == sorted(
        (each.device_id, each.end_min) for each in sessions if each.end_min > each.next_min
    )


@given(sessions, st.integers(1, 70))
def test_no_message_holds_more_than_the_pack(sessions: list[Session], pack_min: int) -> None:
    assert all(
        0 < message.end_min - message.first_min <= pack_min for message in scheduled_messages(sessions, pack_min)
    )


def test_a_message_is_due_when_its_last_minute_is_over() -> None:
    assert list(scheduled_messages([session("a", 10, 15), session("b", 0, 3)], 2)) == [
        ScheduledMessage(2, "a", 10, 12, is_last=False),
        ScheduledMessage(2, "b", 0, 2, is_last=False),
        ScheduledMessage(3, "b", 2, 3, is_last=True),
        ScheduledMessage(4, "a", 12, 14, is_last=False),
        ScheduledMessage(5, "a", 14, 15, is_last=True),
    ]
    assert due_after_s(2, 1.0) == 120.0
    assert due_after_s(2, 60.0) == 2.0
    assert due_after_s(1315, None) == 0.0
