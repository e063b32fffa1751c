"""A replay goes on where Kafka's last record of a device ends; --fresh opens a later session."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.errors import Misconfigured
from replay.options import ReplayOptions
from replay.recording import Recording
from replay.sessions import Session, open_sessions
from transport.kafka.last_sent import LastSent

NOW_MS = 1_700_000_000_000
START = 100_000


def recording(minutes: int = 100, device_id: str = "a") -> Recording:
    values = np.full(minutes, 70.0)
    return Recording(device_id, START, values, values / 4, None)


def opened(last: LastSent | None, options: ReplayOptions, minutes: int = 100) -> Session:
    last_sent = {} if last is None else {"a": last}
    return open_sessions([recording(minutes)], last_sent, options, NOW_MS)[0]


def test_the_first_replay_opens_a_session_at_the_start() -> None:
    session = opened(None, ReplayOptions())
    assert session == Session("a", NOW_MS, slice_first_min=0, next_min=0, end_min=100)
    assert not session.is_resumed


def test_a_replay_goes_on_after_the_last_minute_in_its_session() -> None:
    session = opened(LastSent(17, START + 41), ReplayOptions())
    assert (session.session_id, session.next_min, session.end_min) == (17, 42, 100)
    assert session.is_resumed


def test_a_device_that_sent_everything_is_complete() -> None:
    assert opened(LastSent(17, START + 99), ReplayOptions()).is_complete
    assert not opened(LastSent(17, START + 98), ReplayOptions()).is_complete


def test_fresh_opens_a_later_session_from_the_start() -> None:
    session = opened(LastSent(17, START + 99), ReplayOptions(fresh=True))
    assert (session.session_id, session.next_min) == (NOW_MS, 0)


def test_fresh_is_later_even_when_the_clock_went_back() -> None:
    assert opened(LastSent(NOW_MS + 5000, START), ReplayOptions(fresh=True)).session_id == NOW_MS + 5001


def test_a_slice_counts_from_the_recordings_start_and_resumes_inside_it() -> None:
    options = ReplayOptions(start_min=20, minutes=30)
    assert opened(None, options).next_min == 20
    assert opened(None, options).end_min == 50
    assert opened(LastSent(17, START + 29), options).next_min == 30
    assert opened(LastSent(17, START + 5), options).next_min == 20


def test_a_slice_ends_with_the_recording() -> None:
    assert opened(None, ReplayOptions(start_min=90, minutes=30)).end_min == 100


def test_a_last_minute_before_the_recording_starts_it_from_its_start() -> None:
    assert opened(LastSent(17, START - 500), ReplayOptions()).next_min == 0


def test_a_slice_after_the_end_of_all_is_refused() -> None:
    with pytest.raises(Misconfigured, match="the longest recording has 100 minutes"):
        opened(None, ReplayOptions(start_min=100))
