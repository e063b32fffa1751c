"""An attack that is begun by hand poisons from the next minute on, is told in the truth, and ends when it is told to."""

from __future__ import annotations

from threading import Event

import msgspec
import numpy as np
import pytest

from contracts.errors import InvalidMessage
from contracts.messages.replay_commands import ReplayCommand, decode_command, encode_command
from contracts.messages.truth import TruthInterval
from contracts.messages.vitals import decode_vitals
from replay.cohort import Patient
from replay.options import ReplayOptions
from replay.player import Player, Route
from replay.recording import Recording
from replay.sessions import open_sessions
from transport.clock import Clock

START = 100_000
MINUTES = 40


class Outlet:
    """Acknowledges at once; notes vitals and truth."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.heart: list[float] = []
        self.truth: list[TruthInterval] = []
        self.acked_messages = self.acked_minutes = self.rebuilt = 0
        self.oldest_unacked_s = 0.0
        self.while_waiting = lambda: None

    def send(self, topic: str, key: bytes, value: bytes, minutes: int = 0) -> None:
        if topic == "truth":
            self.truth.append(msgspec.json.decode(value, type=TruthInterval))
        else:
            self.heart += decode_vitals(value, expected_device_id=key.decode()).heart_rate_bpm

    def poll(self) -> None:
        pass

    def drain(self, within_s: float) -> int:
        return 0

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def command(action: str, device_id: str = "a", **fields) -> ReplayCommand:
    return ReplayCommand(action=action, device_id=device_id, sent_at=0.0, **fields)


BEGIN = command("start", attack="data-poisoning-2", duration_min=12)


def play(orders: dict[int, ReplayCommand]) -> tuple[Outlet, np.ndarray]:
    """Play forty minutes, one a message; `orders` come right before the minute that they stand at."""
    outlet = Outlet()
    heart = 60.0 + np.arange(MINUTES) % 7
    recording = Recording("a", START, heart, heart / 4, None)
    sessions = open_sessions([recording], {}, ReplayOptions(), 1)
    clock = Clock(lambda: outlet.now_s, lambda: outlet.now_s, outlet.sleep)
    route = Route(lambda device_id: device_id, "truth")
    player = Player([Patient(recording)], sessions, ReplayOptions(pack_min=1), route, outlet, clock=clock, stop=Event())
    player.play(lambda: [orders[len(outlet.heart)]] if len(outlet.heart) in orders else [])
    return outlet, np.array(outlet.heart) != heart


def test_an_attack_by_hand_begins_with_the_next_minute_and_lasts_as_long_as_was_asked() -> None:
    outlet, changed = play({10: BEGIN})
    assert np.flatnonzero(changed).tolist() == list(range(10, 22))
    (told,) = outlet.truth
    assert (told.attack, told.first_event_minute, told.end_event_minute) == ("data-poisoning-2", START + 10, START + 22)
    assert told.poisoned == "1" * 12


def test_one_that_is_stopped_sends_the_recording_again_and_tells_a_shorter_truth() -> None:
    outlet, changed = play({10: BEGIN, 15: command("stop")})
    assert np.flatnonzero(changed).tolist() == list(range(10, 15))
    first, last = outlet.truth
    assert (last.first_event_minute, last.end_event_minute) == (first.first_event_minute, START + 15)


def test_one_that_is_stopped_before_its_first_minute_poisons_nothing() -> None:
    orders = iter([[BEGIN, command("stop")]])
    outlet, changed = Outlet(), None
    heart = np.full(5, 70.0)
    recording = Recording("a", START, heart, heart / 4, None)
    sessions = open_sessions([recording], {}, ReplayOptions(), 1)
    clock = Clock(lambda: outlet.now_s, lambda: outlet.now_s, outlet.sleep)
    player = Player(
        [Patient(recording)], sessions, ReplayOptions(), Route(str, "truth"), outlet, clock=clock, stop=Event()
    )
    player.play(lambda: next(orders, []))
    changed = np.array(outlet.heart) != heart
    assert not changed.any()
    assert set(outlet.truth[-1].poisoned) == {"0"}


@pytest.mark.parametrize(
    "order",
    [
        command("start", "another", attack="data-poisoning-2"),
        command("start", attack="no-such-attack"),
        command("start", attack="data-poisoning-2", level="enormous"),
        command("start", attack="replay"),  # needs an hour of the device's own past
        command("stop"),
    ],
)
def test_what_cannot_be_done_is_refused_and_the_replay_goes_on(order) -> None:
    outlet, changed = play({10: order})
    assert not changed.any()
    assert not outlet.truth


def test_a_command_travels_whole_and_a_bad_one_is_refused() -> None:
    assert decode_command(encode_command(BEGIN)) == BEGIN
    for bad in (None, b"", b"{}", b'{"action":"explode","device_id":"a","sent_at":1}', encode_command(BEGIN)[:-9]):
        with pytest.raises(InvalidMessage):
            decode_command(bad)
