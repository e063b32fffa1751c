"""Libraries that repeat themselves are cut short; we are not."""

from __future__ import annotations

import logging

from transport.log_throttle import LogThrottle, Throttle


def line(name: str, text: str = "no %s") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "", 0, text, ("broker",), None)


def test_the_first_line_passes_then_one_a_minute_that_counts_the_rest():
    now = 0.0
    quiet = LogThrottle(clock=lambda: now)
    assert quiet.filter(line("aiokafka.conn"))
    assert not any(quiet.filter(line("aiokafka.cluster")) for _ in range(65))
    now = 60.0
    later = line("aiokafka.conn")
    assert quiet.filter(later)
    assert later.getMessage() == "no broker (65 more lines of aiokafka held back)"


def test_our_own_lines_and_other_libraries_pass():
    quiet = LogThrottle(clock=lambda: 0.0)
    assert quiet.filter(line("aiokafka"))
    assert quiet.filter(line("faust.app"))
    assert all(quiet.filter(line("streams")) for _ in range(5))


def test_each_thing_is_said_once_in_a_while():
    now = 0.0
    throttle = Throttle(10.0, clock=lambda: now)
    assert [throttle.may_say(what) for what in ("a", "b", "a")] == [True, True, False]
    now = 10.0
    assert throttle.may_say("a")
