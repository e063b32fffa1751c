"""One broker or three: what is written for each, and that the data of one are not read as the other's."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from contracts.errors import Misconfigured, Unavailable
from fedsecure.local_stack import LocalStack
from fedsecure.local_stack.kafka.config import render_properties
from fedsecure.local_stack.layout import plan_ports, servers_of
from fedsecure.local_stack.processes import ProcessId
from fedsecure.local_stack.state_file import ServerRecord, StateFile

THREE = ["kafka-1", "kafka-2", "kafka-3"]
US = ProcessId.of_this_process()


def settings_in(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))


def names(state_dir: Path, brokers: int | None = None) -> list[str]:
    return [server.name for server in servers_of(state_dir, brokers)]


def test_one_broker_keeps_one_copy_and_waits_for_nobody() -> None:
    said = settings_in(render_properties(Path("/d"), 1, 100, {1: 200}))
    assert said["controller.quorum.voters"] == "1@127.0.0.1:200"
    assert {
        value for name, value in said.items() if name.endswith(("replication.factor", "isr", "insync.replicas"))
    } == {"1"}


def test_of_three_brokers_each_keeps_a_copy_and_two_must_have_it() -> None:
    said = settings_in(render_properties(Path("/d"), 2, 100, {1: 201, 2: 202, 3: 203}))
    assert said["node.id"] == "2"
    assert said["controller.quorum.voters"] == "1@127.0.0.1:201,2@127.0.0.1:202,3@127.0.0.1:203"
    assert said["listeners"] == "PLAINTEXT://127.0.0.1:100,CONTROLLER://127.0.0.1:202"
    copies = [value for name, value in said.items() if name.endswith("replication.factor")]
    in_sync = [value for name, value in said.items() if name.endswith(("min.isr", "min.insync.replicas"))]
    assert (copies, in_sync) == (["3"] * 4, ["2"] * 3), "Kafka's own topics as well"
    assert said["unclean.leader.election.enable"] == "false"


def test_a_folder_has_as_many_brokers_as_it_has_data_of(tmp_path: Path) -> None:
    assert names(tmp_path) == ["redis", "kafka"]
    assert names(tmp_path, 3) == ["redis", *THREE]
    (tmp_path / "kafka-1").mkdir()
    assert names(tmp_path) == ["redis", *THREE]


@pytest.mark.parametrize("count", [2, 4])
def test_another_number_of_brokers_is_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(Misconfigured, match=rf"{count} brokers: the local stack has 1 or 3"):
        LocalStack(tmp_path, brokers=count, environ={})


@pytest.mark.parametrize(
    ("kept", "brokers", "sentence"),
    [
        (
            "kafka",
            3,
            r"has the data of one Kafka broker, which 3 Kafka brokers cannot read: .*--brokers 1.*--state-dir.*--wipe",
        ),
        ("kafka-1", 1, r"has the data of 3 Kafka brokers, which one Kafka broker cannot read: .*--brokers 3"),
    ],
)
def test_data_of_one_layout_is_not_read_as_the_other(tmp_path: Path, kept: str, brokers: int, sentence: str) -> None:
    (tmp_path / kept).mkdir()
    stack = LocalStack(tmp_path, brokers=brokers, environ={})
    try:
        with pytest.raises(Misconfigured, match=sentence):
            stack.up()
    finally:
        assert stack.down() == [], "nothing was started"
    stack.wipe()
    assert not (tmp_path / kept).exists()


def test_kafka_is_where_its_brokers_are_as_long_as_most_of_them_run(tmp_path: Path) -> None:
    (tmp_path / "kafka-1").mkdir()
    state = StateFile(tmp_path)
    state.note("redis", ServerRecord(US, {"client": 6}))
    for port, name in enumerate(THREE, 1):
        state.note(name, ServerRecord(US, {"client": port, "controller": 10 + port}))
    stack = LocalStack(tmp_path, environ={})
    state.note("kafka-2", ServerRecord(None, {"client": 2, "controller": 12}))
    assert stack.endpoints().kafka == "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3"
    state.note("kafka-3", ServerRecord(None, {"client": 3, "controller": 13}))
    with pytest.raises(
        Misconfigured, match=r"Apache Kafka 2 of the local stack .* does not run.*KAFKA_BOOTSTRAP_SERVERS"
    ):
        stack.endpoints()


def test_servers_have_ports_of_their_own_and_keep_them(tmp_path: Path) -> None:
    servers = servers_of(tmp_path, 3)
    first = plan_ports(servers, {})
    chosen = [port for ports in first.values() for port in ports.values()]
    assert len(chosen) == len(set(chosen)) == 7
    records = {name: ServerRecord(None, dict(ports)) for name, ports in first.items()}
    assert plan_ports(servers, records) == first


def test_a_broker_is_not_moved_while_others_look_for_it_where_it_was(tmp_path: Path) -> None:
    servers = servers_of(tmp_path, 3)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        records = {name: ServerRecord(US, {"client": at, "controller": 10 + at}) for at, name in enumerate(THREE, 1)}
        records["kafka-2"] = ServerRecord(None, {"client": other.getsockname()[1], "controller": 12})
        with pytest.raises(
            Unavailable, match="a port of Apache Kafka 2 was taken by another program while it was down"
        ):
            plan_ports(servers, records)
        nobody_runs = {name: ServerRecord(None, record.ports) for name, record in records.items()}
        assert plan_ports(servers, nobody_runs)["kafka-2"] != records["kafka-2"].ports


def test_a_server_that_is_not_of_this_layout_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        Misconfigured, match="kafka is no server of this stack, which has redis, kafka-1, kafka-2, kafka-3"
    ):
        LocalStack(tmp_path, brokers=3, environ={}).kill("kafka")
    assert list(tmp_path.iterdir()) == []
