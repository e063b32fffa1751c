"""What a strategy of Flower sees through the gate: nodes with a proven device that may train, and no reply of any other."""

from __future__ import annotations

import logging

import pytest
from flower_grid import FakeGate, FakeGrid, Node, as_server, keep_key
from flwr.app import ConfigRecord, Error, Message, RecordDict
from flwr.serverapp.strategy import strategy_utils

from contracts.metrics import DROPPED_REPLIES
from fedsecure.flower import GatedGrid, gated_grid, nodes, questions

DEVICES = {11: "a", 12: "b", 13: "c"}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(gated_grid, "POLL_S", 0.001)
    monkeypatch.setattr(questions, "POLL_S", 0.001)
    monkeypatch.setattr(nodes, "PROVEN_WITHIN_S", 0.05)
    with as_server():
        yield


@pytest.fixture
def folder(tmp_path):
    for device_id in DEVICES.values():
        keep_key(tmp_path / "keys", device_id)
    return tmp_path / "keys"


@pytest.fixture
def inner(folder):
    return FakeGrid(*(Node(node_id, device_id, folder) for node_id, device_id in DEVICES.items()))


@pytest.fixture
def gate():
    return FakeGate(*DEVICES.values())


@pytest.fixture
def grid(inner, gate):
    return GatedGrid(inner, gate)


@pytest.fixture
def said(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("flwr"), "propagate", True)
    caplog.set_level(logging.INFO)
    return lambda: "\n".join(caplog.messages)


def to(*node_ids: int) -> list[Message]:
    return [Message(RecordDict({"x": ConfigRecord({"round": 1})}), node_id, "train") for node_id in node_ids]


def senders(replies) -> list[int]:
    return [reply.metadata.src_node_id for reply in replies]


def dropped(reason: str) -> float:
    return DROPPED_REPLIES.labels(reason)._value.get()


def test_nodes_are_those_whose_devices_may_train(grid, gate, said):
    assert list(grid.get_node_ids()) == [11, 12, 13]
    gate.excluded["b"] = "quarantined"
    assert list(grid.get_node_ids()) == [11, 13]
    assert [node.node_id for node in grid.get_nodes()] == [11, 13]
    assert said().count("Left out of the next rounds: b (quarantined)") == 1
    del gate.excluded["b"]
    assert list(grid.get_node_ids()) == [11, 12, 13]
    assert "Left out of the next rounds: nobody any more" in said()


def test_each_node_is_asked_once(grid, inner):
    for _ in range(3):
        grid.get_node_ids()
    assert inner.asked() == [11, 12, 13]


def test_while_the_gate_is_closed_nobody_takes_part_and_a_strategy_waits(grid, gate, inner, monkeypatch):
    gate.closed_because = "Redis does not show the devices: it does not answer"
    assert list(grid.get_node_ids()) == []
    assert inner.asked() == []
    waits = []

    def opens(_: float) -> None:
        waits.append(1)
        if len(waits) == 3:
            gate.closed_because = None

    monkeypatch.setattr(strategy_utils, "sleep", opens)
    sampled, _ = strategy_utils.sample_nodes(grid, 3, 3)
    assert sorted(sampled) == [11, 12, 13]
    assert len(waits) == 3


def test_replies_come_through(grid):
    grid.get_node_ids()
    replies = grid.send_and_receive(to(11, 12, 13), timeout=5)
    assert senders(replies) == [11, 12, 13]
    assert replies[0].content.config_records["update"]["from"] == 11


def test_the_reply_of_a_device_that_was_flagged_meanwhile_is_dropped_counted_and_told(grid, inner, gate, said):
    grid.get_node_ids()
    before = dropped("quarantined")
    inner.on_pull = lambda _: gate.excluded.update(b="quarantined")
    assert senders(grid.send_and_receive(to(11, 12, 13), timeout=5)) == [11, 13]
    assert dropped("quarantined") == before + 1
    assert "The reply of b (node 12) is dropped: quarantined" in said()


def test_a_device_that_was_out_for_a_moment_is_out_of_that_round(grid, inner, gate):
    grid.get_node_ids()
    inner.nodes[13].holds = True
    start = inner.pulls

    def flickers(pulls: int) -> None:
        gate.excluded = {"b": "suspect"} if pulls == start + 1 else {}
        inner.nodes[13].holds = pulls < start + 3

    inner.on_pull = flickers
    assert senders(grid.send_and_receive(to(11, 12, 13), timeout=5)) == [11, 13]


def test_a_node_whose_device_is_out_is_not_waited_for(grid, inner, gate, said):
    grid.get_node_ids()
    inner.nodes[12].holds = True
    gate.excluded["b"] = "stale"
    assert senders(grid.send_and_receive(to(11, 12, 13), timeout=None)) == [11, 13]
    assert "b (node 12) is not waited for: stale" in said()


def test_replies_are_kept_while_the_gate_is_closed(grid, inner, gate):
    grid.get_node_ids()
    start = inner.pulls

    def closes(pulls: int) -> None:
        gate.closed_because = "away" if pulls == start + 1 else gate.closed_because

    inner.on_pull = closes
    reads, read = [], gate.read

    def opens_later():
        reads.append(1)
        if len(reads) > 3:
            gate.closed_because = None
        return read()

    gate.read = opens_later
    assert senders(grid.send_and_receive(to(11, 12, 13), timeout=5)) == [11, 12, 13]
    assert inner.pulls == start + 1, "what was taken is not asked for again"


def test_a_gate_that_stays_closed_lets_no_reply_through(grid, inner, gate):
    grid.get_node_ids()
    before = dropped("gate_closed")
    inner.on_pull = lambda _: setattr(gate, "closed_because", "away")
    assert grid.send_and_receive(to(11, 12), timeout=0.05) == []
    assert dropped("gate_closed") == before + 2


def test_the_time_is_up_with_the_replies_that_have_come(grid, inner):
    grid.get_node_ids()
    inner.nodes[12].holds = True
    assert senders(grid.send_and_receive(to(11, 12), timeout=0.05)) == [11]
    assert grid.send_and_receive(to(11), timeout=0) == []
    assert grid.send_and_receive([], timeout=None) == []


def test_a_node_without_a_proven_device_has_no_reply_either(grid, inner, folder):
    inner.nodes[14] = Node(14, "d", folder)
    assert 14 not in grid.get_node_ids()
    before = dropped("not_proven")
    assert senders(grid.send_and_receive(to(11, 14), timeout=5)) == [11]
    assert dropped("not_proven") == before + 1


def test_errors_of_nodes_that_take_part_come_through_as_they_are(grid, inner):
    grid.get_node_ids()
    inner.nodes[11].answer = lambda _: Error(2, "no data")
    (reply,) = grid.send_and_receive(to(11), timeout=5)
    assert reply.error.reason == "no data"


def test_pushing_and_pulling_by_hand_is_behind_the_gate_too(grid, inner, gate):
    grid.get_node_ids()
    inner.nodes[13].holds = True
    ids = grid.push_messages(to(11, 12, 13))
    gate.closed_because = "away"
    assert grid.pull_messages(ids) == []
    gate.closed_because = None
    gate.excluded["b"] = "quarantined"
    assert senders(grid.pull_messages(ids)) == [11]
    inner.nodes[13].holds = False
    assert senders(grid.pull_messages(ids)) == [13]
    assert grid.pull_messages(ids) == []


def test_everything_else_is_the_grids_own(grid, inner):
    inner.close = lambda: "closed"
    assert grid.close() == "closed"
    grid.set_run(inner.run)
    assert grid.run is inner.run
    message = grid.create_message(RecordDict(), "train", 11, "1", ttl=5.0)
    assert (message.metadata.dst_node_id, message.metadata.group_id, message.metadata.ttl) == (11, "1", 5.0)
