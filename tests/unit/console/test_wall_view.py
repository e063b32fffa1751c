"""The wall tells what changed and nothing else, and never shows an old verdict as a fresh one."""

from __future__ import annotations

import pytest
from console_ward import scores_of, status_of
from msgspec.structs import replace

from console.sources.board import Board
from console.views.wall import WallView, shown_state
from contracts.messages.verdicts import DeviceState, encode_verdict
from contracts.topics import Topics
from fl_coordinator.gate.device_view import view_of

NOW = 1_000_000.0
TOPICS = Topics("t")


class Ward:
    def __init__(self) -> None:
        self.statuses = {}
        self.board = Board(TOPICS)
        self.now = NOW
        self.wall = WallView(self.devices, self.board)

    def devices(self):
        return {one: view_of(one, status, self.now, 2100.0) for one, status in self.statuses.items()}

    def show(self, device_id: str, state: DeviceState = DeviceState.BENIGN, **changes) -> None:
        self.statuses[device_id] = status_of(device_id, state, **{"received_at": NOW, **changes})

    def told(self) -> dict[str, dict]:
        changes = self.wall.changes()
        return {tile["id"]: tile for tile in changes["devices"]} if changes else {}


@pytest.fixture
def ward() -> Ward:
    return Ward()


def test_only_a_device_that_changed_is_told_again(ward) -> None:
    ward.show("a")
    ward.show("b")
    assert set(ward.told()) == {"a", "b"}
    assert ward.wall.changes() is None
    ward.show("b", DeviceState.QUARANTINED)
    assert {one: tile["standing"] for one, tile in ward.told().items()} == {"b": "quarantined"}


def test_time_alone_makes_a_device_stale_and_that_is_told(ward) -> None:
    ward.show("a")
    ward.told()
    ward.now = NOW + 299
    assert ward.told() == {}
    ward.now = NOW + 301
    told = ward.told()["a"]
    assert (told["standing"], told["verdict"], told["may_train"]) == ("stale", "benign", False)


@pytest.mark.parametrize(
    ("state", "age_s", "shown"),
    [
        (DeviceState.BENIGN, 1, "benign"),
        (DeviceState.BENIGN, 4000, "stale"),
        (DeviceState.SUSPECT, 4000, "stale"),
        (DeviceState.QUARANTINED, 4000, "quarantined"),
        (DeviceState.BENIGN, -60, "from_the_future"),
    ],
)
def test_an_exclusion_outlives_silence_and_nothing_else_does(state, age_s, shown) -> None:
    assert shown_state(view_of("a", status_of("a", state, received_at=NOW - age_s), NOW, 2100.0)) == shown


def test_a_device_that_redis_holds_nothing_readable_of_is_unknown(ward) -> None:
    ward.statuses["a"] = None
    assert ward.told()["a"]["standing"] == "unknown"


def test_new_scores_are_appended_and_a_new_session_replaces_them(ward) -> None:
    ward.show("a")
    ward.board.take(TOPICS.scores, encode_verdict(scores_of("a", DeviceState.BENIGN, 100)), NOW)
    assert len(ward.told()["a"]["course"]) == 60
    more = scores_of("a", DeviceState.BENIGN, 105)
    ward.board.take(TOPICS.scores, encode_verdict(more), NOW)
    assert ward.told()["a"]["more"] == [None] * 4 + [round(more.score[-1], 2)]
    again = replace(scores_of("a", DeviceState.BENIGN, 70), session_id=2)
    ward.board.take(TOPICS.scores, encode_verdict(again), NOW)
    assert len(ward.told()["a"]["course"]) == 60


def test_a_device_that_is_gone_is_said_to_be(ward) -> None:
    ward.show("a")
    ward.told()
    ward.statuses.clear()
    assert ward.wall.changes() == {"devices": [], "gone": ["a"]}


def test_what_cannot_be_read_is_counted(ward) -> None:
    ward.board.take(TOPICS.scores, b"\xff", NOW)
    ward.board.take(TOPICS.truth, b"{}", NOW)
    assert ward.board.unreadable == {TOPICS.scores: 1, TOPICS.truth: 1}


def test_a_tile_has_the_name_and_a_renamed_device_is_told_again(ward) -> None:
    ward.show("icu-03", label="ICU_03")
    ward.show("b")
    assert {one: tile["label"] for one, tile in ward.told().items()} == {"icu-03": "ICU_03", "b": None}
    ward.show("icu-03", label="<b>ICU</b>")
    assert {one: tile["label"] for one, tile in ward.told().items()} == {"icu-03": "<b>ICU</b>"}
