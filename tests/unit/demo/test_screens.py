"""What a person reads: where to look, changes once, and no picture drawn into a pipe."""

from __future__ import annotations

import io

import pytest
from msgspec.structs import replace
from rich.console import Console

from fedsecure.demo.observing.frames import Frame, advice_of, frame_of
from fedsecure.demo.observing.observation import Observation
from fedsecure.demo.screens import LiveScreen, PlainScreen, excluded_by_reason, screen_for
from fl_coordinator.gate.device_view import view_of

NOW = 1165.0


@pytest.fixture
def frame(run: Observation) -> Frame:
    views = [view_of(name, trace.status, NOW, 2100.0) for name, trace in run.devices.items()]
    return frame_of(run, views, NOW, planned_s=164.0)


def cut(observation: Observation, minute: int) -> Observation:
    """The run as it stood at a minute: only what the advice looks at."""
    for trace in observation.devices.values():
        assert trace.status is not None
        trace.status = replace(trace.status, applied_through=minute, enrolled=minute >= 600)
    observation.states = [seen for seen in observation.states if seen.event_minute <= minute]
    observation.rounds = {
        n: record for n, record in observation.rounds.items() if (record.gated_at - 1010) * 8 <= minute
    }
    return observation


@pytest.mark.parametrize(
    ("minute", "told"),
    [
        (100, "learns its own normal"),
        (700, "An attack begins in 60 recorded minutes"),
        (780, "p000020 is being poisoned since 20 min"),
        (835, "p000020 was quarantined 70 min after onset; the next round will go without it"),
        (1100, "round 11 went without it"),
    ],
)
def test_the_advice_follows_the_story(run: Observation, minute: int, told: str) -> None:
    assert told in advice_of(cut(run, minute))


def test_before_the_first_verdict_it_says_that_it_starts() -> None:
    assert advice_of(Observation(started_at=0.0)).startswith("Starting")


def test_plain_lines_tell_each_change_once(frame: Frame) -> None:
    sink = io.StringIO()
    screen = PlainScreen(Console(file=sink, width=200))
    for _ in range(3):
        screen.show(frame)
    text = sink.getvalue()
    assert text.count("p000020: quarantined") == 1
    assert text.count("round 15 committed") == 1
    assert text.count("minutes judged") == 1


def test_the_live_view_fits_80_columns_and_holds_everything(frame: Frame) -> None:
    sink = io.StringIO()
    with LiveScreen(Console(file=sink, width=80, force_terminal=True, color_system=None)) as screen:
        screen.show(frame)
    lines = sink.getvalue().splitlines()
    text = "\n".join(lines)
    for word in ("look here", "devices", "federated rounds", "p000020", "quarantined", "committed"):
        assert word in text


def test_the_verdict_stands_below_the_last_picture(frame: Frame) -> None:
    sink = io.StringIO()
    with LiveScreen(Console(file=sink, width=80, force_terminal=True, color_system=None)) as screen:
        screen.show(frame)
        screen.conclude(["demo passed"])
    assert sink.getvalue().rindex("demo passed") > sink.getvalue().rindex("federated rounds")


def test_a_pipe_gets_plain_lines() -> None:
    assert isinstance(screen_for(Console(file=io.StringIO())), PlainScreen)
    assert isinstance(screen_for(Console(file=io.StringIO(), force_terminal=True)), LiveScreen)


def test_many_devices_with_one_reason_are_counted(run: Observation) -> None:
    record = replace(run.rounds[1], excluded={"a": "enrolling", "b": "enrolling", "c": "enrolling", "d": "quarantined"})
    assert excluded_by_reason(record) == "3 enrolling, d quarantined"
