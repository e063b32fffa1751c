"""What a reader says of a device: the worker's state and the reader's own words, never mixed up."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import redis
import typer
from rich.console import Console
from typer.testing import CliRunner

from contracts.errors import Unavailable
from contracts.messages.verdicts import DeviceState, encode_verdict
from contracts.redis_keys import RedisKeys
from fedsecure.commands.status import status
from fedsecure.tables.devices import device_table, sparkline
from fl_coordinator.gate.device_view import read_devices, view_of

NOW = 1005.0
CAP_S = 2100.0
KEYS = RedisKeys("t")


class FakeRedis:
    """ZRANGE and a pipeline of HGET over two dictionaries."""

    def __init__(self, statuses: dict[str, bytes | None]) -> None:
        self._statuses = statuses
        self._asked: list[bytes | None] = []

    def zrange(self, key: str, first: int, last: int) -> list[bytes]:
        assert (key, first, last) == (KEYS.devices_last_seen, 0, -1)
        return [name.encode() for name in self._statuses]

    def pipeline(self, *, transaction: bool) -> FakeRedis:
        return self

    def hget(self, key: str, field: str) -> None:
        assert field == "status"
        self._asked.append(self._statuses[key.removeprefix("t:device:")])

    def execute(self, *, raise_on_error: bool) -> list[bytes | None]:
        return self._asked


class BrokenRedis:
    def zrange(self, *_: Any) -> Any:
        raise redis.ConnectionError


def test_a_benign_fresh_device_may_train(device_status: Any) -> None:
    view = view_of("p1", device_status(), NOW, CAP_S)
    assert (view.state, view.freshness, view.may_train, view.age_s) == ("benign", "fresh", True, 5.0)


@pytest.mark.parametrize(
    ("changes", "state", "freshness", "why_not"),
    [
        ({"received_at": NOW - 60}, "benign", "stale", "stale"),
        ({"received_at": NOW - 60, "state": DeviceState.QUARANTINED}, "quarantined", "stale", "quarantined"),
        ({"finished": True}, "benign", "finished", "finished"),
        ({"state": DeviceState.ENROLLING, "enrolled": False}, "enrolling", "fresh", "enrolling"),
        ({"received_at": NOW + 60}, "benign", "from_the_future", "from_the_future"),
    ],
)
def test_the_age_has_a_word_of_its_own(
    device_status: Any, changes: dict[str, Any], state: str, freshness: str, why_not: str
) -> None:
    view = view_of("p1", device_status(**changes), NOW, CAP_S)
    assert (view.state, view.freshness, view.why_not) == (state, freshness, why_not)


def test_devices_come_in_order_and_unreadable_ones_are_unknown(device_status: Any) -> None:
    client: Any = FakeRedis({"p2": encode_verdict(device_status(device_id="p2")), "p1": None, "p3": b"{}"})
    views = read_devices(client, KEYS, now=NOW, cap_s=CAP_S)
    assert [(view.device_id, view.state) for view in views] == [("p1", "unknown"), ("p2", "benign"), ("p3", "unknown")]
    assert [view.may_train for view in views] == [False, True, False]


def test_a_status_of_another_device_and_a_key_of_another_kind_make_only_their_own_device_unknown(
    device_status: Any,
) -> None:
    p1 = encode_verdict(device_status(device_id="p1"))
    wrong_kind: Any = redis.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")
    client: Any = FakeRedis({"p1": p1, "p2": p1, "p3": wrong_kind})
    views = read_devices(client, KEYS, now=NOW, cap_s=CAP_S)
    assert [(view.device_id, view.state) for view in views] == [("p1", "benign"), ("p2", "unknown"), ("p3", "unknown")]


def test_a_redis_that_does_not_answer_is_said_in_one_sentence() -> None:
    broken: Any = BrokenRedis()
    with pytest.raises(Unavailable, match=r"Redis does not show the devices: .* is the stack up"):
        read_devices(broken, KEYS, now=NOW, cap_s=CAP_S)


def test_the_table_tells_state_score_and_reason(device_status: Any) -> None:
    views = [
        view_of("p1", device_status(state=DeviceState.QUARANTINED, score=7.0, reason="vote 0.6"), NOW, CAP_S),
        view_of("p2", None, NOW, CAP_S),
    ]
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(device_table(views))
    text = console.export_text()
    assert "quarantined" in text
    assert "7.0 / 3.0" in text
    assert "vote 0.6" in text
    assert "unknown" in text


def test_the_sparkline_is_red_above_the_threshold_and_full_at_twice_of_it() -> None:
    bars = sparkline([0.0, 2.9, 3.1, 6.0, 99.0], threshold=3.0)
    assert bars.plain == "▁▄▅██"
    assert [str(span.style) for span in bars.spans] == ["green", "green", "red", "red", "red"]


def test_the_command_exits_1_without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    app = typer.Typer()
    app.command("status")(status)
    result = CliRunner().invoke(app, ["--json"])
    assert isinstance(result.exception, Unavailable)


def test_json_has_one_object_a_device(device_status: Any) -> None:
    view = view_of("p1", device_status(), NOW, CAP_S).as_dict()
    assert json.loads(json.dumps(view))["flagged_share"] == 0.0
    assert view["last_received_age_s"] == 5.0


def test_a_name_stands_before_the_id_and_a_long_one_leaves_it_to_be_seen(device_status: Any) -> None:
    views = [
        view_of("icu-03", device_status(device_id="icu-03", label="ICU_03"), NOW, CAP_S),
        view_of("long", device_status(device_id="long", label="[red]" + "x" * 115), NOW, CAP_S),
    ]
    console = Console(width=120, file=io.StringIO(), record=True)
    console.print(device_table(views))
    text = console.export_text()
    assert "ICU_03 icu-03" in text
    assert "[red]xxxxxxxxxxxxxxxxxx… long" in text
    assert [view.as_dict()["label"] for view in views] == ["ICU_03", "[red]" + "x" * 115]
    assert view_of("p2", None, NOW, CAP_S).as_dict()["label"] is None
