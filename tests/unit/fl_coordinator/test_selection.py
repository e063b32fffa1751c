from __future__ import annotations

import fnmatch

import pytest
import redis
from msgspec.structs import replace
from structlog.testing import capture_logs

from contracts.errors import Unavailable
from contracts.messages.verdicts import SCHEMA_VERSION, DeviceState, DeviceStatus, encode_verdict
from contracts.redis_keys import RedisKeys
from fl_coordinator.gate.selection import select
from transport.device_status_reader import RedisDeviceStatusReader

NOW = 1_000_000.0
CAP_S = 2100.0
KEYS = RedisKeys("t")
ANY = {"a", "good", "bad"}


def status(device_id: str, **changes) -> DeviceStatus:
    benign = DeviceStatus(
        device_id=device_id, epoch=1, applied_through=1000, vitals_offset=10, session_id=1, state=DeviceState.BENIGN,
        reason="", state_since=900, enrolled=True, enrolment_share=1.0, score=0.1, threshold=4.0, scores={},
        flagged=False, flagged_share=0.0, received_at=NOW - 1, batch_interval_s=1.0, finished=False, bundle_sha="b",
        worker_id="w", minutes=1000, windows=900, flagged_windows=1,
    )  # fmt: skip
    return replace(benign, **changes)


class FakePipeline:
    def __init__(self, client: FakeRedis) -> None:
        self._client = client
        self._asked: list[str] = []

    def hget(self, key: str, field: str) -> None:
        assert field == "status"
        self._asked.append(key)

    def execute(self, raise_on_error: bool) -> list[object]:
        assert not raise_on_error
        self._client.fail_if_down()
        return [self._client.values.get(key) for key in self._asked]


class FakeRedis:
    """Answers what the reader asks: the known devices and the `status` field of their hashes."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self.is_down = False

    def fail_if_down(self) -> None:
        if self.is_down:
            raise redis.ConnectionError

    def zrange(self, key: str, first: int, last: int) -> list[bytes]:
        self.fail_if_down()
        assert (key, first, last) == (KEYS.devices_last_seen, 0, -1)
        return [name.rpartition(":")[2].encode() for name in fnmatch.filter(self.values, KEYS.device("*"))]

    def mget(self, keys: list[str]) -> list[object]:
        self.fail_if_down()
        return [self.values.get(key) for key in keys]

    def pipeline(self, transaction: bool) -> FakePipeline:
        return FakePipeline(self)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        *[({"state": state}, str(state)) for state in DeviceState if state is not DeviceState.BENIGN],
        ({"enrolled": False}, "not_enrolled"),
        ({"finished": True}, "finished"),
        ({"received_at": NOW - 31}, "stale"),
        ({"received_at": NOW - 2101, "batch_interval_s": 3600.0}, "stale"),
        ({"received_at": NOW + 6}, "from_the_future"),
    ],
)
def test_a_device_that_is_not_benign_fresh_and_enrolled_sits_out_with_its_reason(changes, reason):
    selection = select({"good": status("good"), "bad": status("bad", **changes)}, NOW, CAP_S, registered=ANY)
    assert selection.cohort == ("good",)
    assert selection.excluded == {"bad": reason}


def test_a_benign_device_that_nobody_hosts_is_not_waited_for():
    selection = select({"a": status("a"), "b": status("b")}, NOW, CAP_S, {"a"}, registered={"a"})
    assert selection.cohort == ("a",)
    assert selection.excluded == {"b": "not_participating"}


def test_only_devices_whose_host_said_so_lately_are_present():
    client = FakeRedis()
    client.values = {KEYS.presence("a"): b"1"}
    view = RedisDeviceStatusReader(client, KEYS)
    assert view.present({"a", "b"}) == {"a"}
    assert view.present(set()) == set()


def test_a_benign_device_without_a_registered_key_sits_out():
    statuses = {"a": status("a"), "b": status("b"), "c": status("c", state=DeviceState.SUSPECT)}
    selection = select(statuses, NOW, CAP_S, {"a", "b", "c"}, registered={"a"})
    assert selection.cohort == ("a",)
    assert selection.excluded == {"b": "not_registered", "c": "suspect"}
    assert select(statuses, NOW, CAP_S, registered=()).cohort == ()


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{",
        b"\xff",
        b'{"state":"benign","enrolled":true}',
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        encode_verdict(status("other")),
        encode_verdict(status("bad", schema_version=SCHEMA_VERSION + 1)),
        redis.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"),
    ],
)
def test_a_missing_malformed_or_foreign_status_is_unknown_and_does_not_hide_the_others(value):
    client = FakeRedis()
    client.values = {KEYS.device("bad"): value, KEYS.device("good"): encode_verdict(status("good"))}
    view = RedisDeviceStatusReader(client, KEYS)
    selection = select(view.statuses(view.known_devices()), NOW, CAP_S, registered=ANY)
    assert selection.cohort == ("good",)
    assert selection.excluded == {"bad": "unknown"}


def test_a_malformed_status_is_told_once_until_it_has_been_well():
    client = FakeRedis()
    view = RedisDeviceStatusReader(client, KEYS)
    with capture_logs() as lines:
        for value in (b"{", b"{", encode_verdict(status("a")), b"{"):
            client.values = {KEYS.device("a"): value}
            view.statuses(["a"])
    assert [line["event"] for line in lines] == ["status_malformed"] * 2


def test_every_reading_asks_redis_anew():
    client = FakeRedis()
    client.values = {KEYS.device("a"): encode_verdict(status("a"))}
    view = RedisDeviceStatusReader(client, KEYS)
    assert select(view.statuses(["a"]), NOW, CAP_S, registered=ANY).cohort == ("a",)
    client.values = {KEYS.device("a"): encode_verdict(status("a", state=DeviceState.SUSPECT))}
    assert select(view.statuses(["a"]), NOW, CAP_S, registered=ANY).cohort == ()


def test_a_redis_that_does_not_answer_or_refuses_is_said_to_be_unavailable():
    client = FakeRedis()
    view = RedisDeviceStatusReader(client, KEYS)
    client.values = {KEYS.device("a"): redis.ResponseError("NOPERM no permissions")}
    with pytest.raises(Unavailable):
        view.statuses(["a"])
    client.is_down = True
    for call in (view.known_devices, lambda: view.statuses(["a"]), lambda: view.present(["a"])):
        with pytest.raises(Unavailable):
            call()
