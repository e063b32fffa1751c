"""A real SuperLink with real SuperNodes: what Flower's own strategies are given through the gate, and what they are not."""

from __future__ import annotations

import re
import time

import pytest
from kafka import KafkaProducer

from contracts.messages.replay_commands import ReplayCommand, encode_command
from transport.device_status_reader import RedisDeviceStatusReader
from transport.kafka.options import kafka_python_options
from transport.redis_client import connect_redis

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]  # some thirty processes of Flower start
*HONEST, POISONED = (f"synthetic-7-{number:04}" for number in range(5))
ENDS_WITHIN_S = 240


def state_of(site, device_id: str) -> str:
    with connect_redis(site.settings) as client:
        status = RedisDeviceStatusReader(client, site.settings.redis_keys).statuses([device_id])[device_id]
    return "unknown" if status is None else str(status.state)


def poison(site, device_id: str) -> None:
    """Ask the running replay for an attack that lasts."""
    command = ReplayCommand(action="start", device_id=device_id, attack="amplitude", sent_at=time.time())
    producer = KafkaProducer(**kafka_python_options(site.settings))
    producer.send(site.settings.topics.replay_commands, key=device_id.encode(), value=encode_command(command)).get(10)
    producer.close()


def nodes_of(said: str) -> dict[str, str]:
    """Return which device each node has proven to be."""
    return {device_id: node for node, device_id in re.findall(r"Node (\d+) is (synthetic-7-\d+)\.", said)}


def test_the_example_trains_on_those_that_look_benign_by_each_strategy_and_a_liar_takes_no_part(
    flower_site, liar, wait_until
):
    run = flower_site.begin(flower_site.example, "run")
    wait_until(lambda: not run.runs(), ENDS_WITHIN_S, "the run has ended")
    assert nodes_of(run.log).keys() == {*HONEST, POISONED}
    assert re.search(rf"Left out of the next rounds: .*{POISONED} \(quarantined\)", run.log)
    assert re.search(r"takes no part: unknown_key: it names key \w+, registered is \w+", run.log)
    losses = dict(re.findall(r"(\w+): loss ([\d.]+) after 1 of 1 rounds", run.log))
    assert losses.keys() == {"FedAvg", "FedMedian", "Krum"}
    assert max(map(float, losses.values())) < 0.7, "untrained it is about 1"
    assert len(re.findall(r"Sampled [34] nodes", run.log)) == 3
    assert len(re.findall(r"Received [234] results and 0 failures", run.log)) == 3


def test_a_dead_redis_lets_nobody_in_and_the_reply_of_a_device_flagged_meanwhile_is_dropped(
    flower_site, held_app, own_stack, wait_until
):
    marks = flower_site.folder / "hold"
    for device_id in HONEST:
        (marks / device_id).touch()
    own_stack.kill("redis")
    try:
        run = flower_site.begin(held_app, "held", strategies="FedAvg")
        wait_until(lambda: "0 connected (minimum required: 3)" in run.log, ENDS_WITHIN_S, "the strategy waits")
        assert "The gate is closed, nobody may train: Redis does not show the devices" in run.log
    finally:
        own_stack.start("redis")
    wait_until(lambda: "Sampled " in run.log, ENDS_WITHIN_S, "the strategy goes on")
    before = run.log[: run.log.index("Sampled ")]
    assert "The gate can be read again." in before
    proven = nodes_of(before)
    wait_until(lambda: next(marks.glob("*.waits"), None), ENDS_WITHIN_S, "a device is asked to train")
    flagged = next(marks.glob("*.waits")).stem
    (marks / flagged).unlink()
    wait_until((marks / f"{flagged}.trains").exists, ENDS_WITHIN_S, "the device answers")
    poison(flower_site, flagged)
    wait_until(lambda: state_of(flower_site, flagged) == "quarantined", ENDS_WITHIN_S, "the worker has seen it")
    for device_id in HONEST:
        (marks / device_id).unlink(missing_ok=True)
    wait_until(lambda: not run.runs(), ENDS_WITHIN_S, "the run has ended")
    node = proven[flagged]
    # The worker may be sooner than the reply.
    assert re.search(
        rf"The reply of {flagged} \(node {node}\) is dropped|{flagged} \(node {node}\) is not waited", run.log
    )
    assert re.search(r"Received [123] results and 0 failures", run.log)
    assert "FedAvg: loss" in run.log
