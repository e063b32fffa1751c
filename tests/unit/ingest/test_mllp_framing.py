"""Messages are found in whatever packets they come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mllp.framing import Deframer, NoFraming, TooLong, framed


class Stream:
    def __init__(self, limit: int = 100) -> None:
        self.bad = 0
        self.deframer = Deframer(limit, self._count)

    def _count(self) -> None:
        self.bad += 1

    def feed(self, *packets: bytes) -> list[bytes]:
        return [message for packet in packets for message in self.deframer.feed(packet)]


@given(st.lists(st.binary(max_size=40).filter(lambda m: not {0x0B, 0x1C} & set(m)), max_size=6), st.data())
def test_however_it_is_cut_the_messages_are_the_same(messages: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(framed(message) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    packets = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    stream = Stream()
    assert stream.feed(*packets) == messages
    assert stream.bad == 0
    assert not stream.deframer.is_open


def test_what_stands_between_messages_is_skipped_and_counted_once_line_ends_are_not() -> None:
    stream = Stream()
    assert stream.feed(b"\r\n" + framed(b"a") + b"ju", b"nk", framed(b"b") + b"\n") == [b"a", b"b"]
    assert stream.bad == 1


def test_a_message_that_another_one_cuts_off_is_dropped_and_counted() -> None:
    stream = Stream()
    assert stream.feed(b"\x0bhal", framed(b"whole")) == [b"whole"]
    assert stream.bad == 1


def test_an_end_without_its_return_is_no_end() -> None:
    stream = Stream()
    assert stream.feed(b"\x0ba\x1c", b"b\x1c\r") == [b"a\x1cb"]


def test_a_message_that_is_too_long_ends_it_and_little_is_held() -> None:
    stream = Stream(limit=10)
    with pytest.raises(TooLong) as error:
        stream.feed(b"\x0b" + b"x" * 8, b"y" * 8, b"z" * 1_000_000)
    assert error.value.beginning == b"xxxxxxxxyy"
    with pytest.raises(TooLong):
        Stream(limit=10).feed(framed(b"x" * 11))
    assert Stream(limit=10).feed(framed(b"x" * 10)) == [b"x" * 10]


def test_somebody_who_speaks_no_mllp_is_given_up() -> None:
    with pytest.raises(NoFraming):
        Stream(limit=10).feed(b"GET / HTTP/1.1")
