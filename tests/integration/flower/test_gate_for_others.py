"""`fedsecure gate` and the console's `/v1/benign` on a real Kafka and Redis: the same answer, and nobody while it cannot be read."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from console_ward import status_of
from device_keys import device_key
from kafka import KafkaProducer
from programs import clean_environ

from contracts.messages.federation import encode_federation
from contracts.messages.verdicts import DeviceState, encode_verdict
from fedsecure.endpoints import environ_of
from transport.kafka.options import kafka_python_options
from transport.redis_client import connect_redis

pytestmark = pytest.mark.integration


class Ward:
    """Statuses and keys, written as workers and an administrator would."""

    def __init__(self, settings) -> None:
        self.settings = settings
        self._producer = KafkaProducer(**kafka_python_options(settings))

    def show(self, device_id: str, state: DeviceState = DeviceState.BENIGN) -> None:
        keys, status = self.settings.redis_keys, status_of(device_id, state)
        with connect_redis(self.settings) as client:
            client.hset(keys.device(device_id), "status", encode_verdict(status))
            client.zadd(keys.devices_last_seen, {device_id: status.received_at})

    def register(self, device_id: str, **changes) -> None:
        key = encode_federation(device_key(device_id, **changes))
        self._producer.send(self.settings.topics.fl_keys, key=device_id.encode(), value=key).get(10)

    def close(self) -> None:
        self._producer.close()


@pytest.fixture
def ward(settings):
    made = Ward(settings)
    for device_id in ("a", "b"):
        made.register(device_id)
        made.show(device_id)
    made.show("c", DeviceState.QUARANTINED)
    yield made
    made.close()


def asked(settings, *options: str) -> subprocess.CompletedProcess[str]:
    environ = clean_environ(environ_of(settings))
    command = [sys.executable, "-m", "fedsecure", "gate", *options]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


def benign(address: str) -> tuple[int, dict]:
    try:
        with urllib.request.urlopen(f"{address}/v1/benign", timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def told(line: dict) -> tuple[list[str], dict[str, str]]:
    return line["eligible"], line["excluded"]


def test_every_door_says_the_same_and_says_each_change_and_nobody_while_redis_is_dead(
    ward, settings, spawn, own_stack, wait_until
):
    console = spawn("console", "--port", "0", settings=settings)
    watch = spawn("gate", "--watch", settings=settings)

    def lines() -> list[dict]:
        return [json.loads(line) for line in watch.log.splitlines() if line.startswith('{"at":')]

    expected = (["a", "b"], {"c": "quarantined"})
    wait_until(lambda: "the console: " in console.log and lines(), 60, "both doors are open")
    address = console.log.split("the console: ")[1].split()[0].rstrip("/")
    printed, shown = asked(settings, "--json"), asked(settings)
    assert (printed.returncode, shown.returncode) == (0, 0), printed.stderr + shown.stderr
    assert told(json.loads(printed.stdout)) == told(lines()[0]) == expected
    assert [line.split() for line in shown.stdout.splitlines()[1:]] == [
        ["a", "yes"],
        ["b", "yes"],
        ["c", "no", "quarantined"],
    ]
    status, answer = benign(address)
    assert (status, told(answer)) == (200, expected)

    ward.register("a", revoked_at=2000.0)
    wait_until(lambda: len(lines()) == 2, 30, "the revoked key is told")
    assert told(lines()[1]) == (["b"], {"a": "not_registered", "c": "quarantined"})

    own_stack.kill("redis")
    try:
        wait_until(lambda: len(lines()) == 3, 30, "the closed gate is told")
        assert told(lines()[2]) == ([], {})
        assert "Redis does not show the devices" in lines()[2]["closed_because"]
        status, answer = benign(address)
        assert (status, told(answer)) == (503, ([], {}))
        closed = asked(settings, "--json")
        assert closed.returncode == 1
        assert told(json.loads(closed.stdout)) == ([], {})
        said = closed.stderr.splitlines()[-1]
        assert said.startswith("fedsecure: the gate is closed, nobody may train: Redis does not show")
    finally:
        own_stack.start("redis")
    ward.show("b")
    wait_until(lambda: told(lines()[-1])[0] == ["b"], 60, "the gate is open again")

    watch.send(signal.SIGINT)
    assert watch.wait(15) == 130
    assert "Traceback" not in watch.log
    wait_until(lambda: benign(address)[0] == 200, 30, "the console's gate is open again")
