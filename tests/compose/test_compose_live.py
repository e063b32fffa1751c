"""`docker compose up` for real: all healthy, attacks found, workers share, a killed container heals, down and up lose nothing.

Not part of `make test`: it needs a Docker engine, builds the image and takes some minutes. `make compose-test` runs it; DOCKER names
another client, COMPOSE_FILES more compose files (separated by blanks).
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKER = shlex.split(os.environ.get("DOCKER", "docker"))
FILES = ["docker-compose.yml", *os.environ.get("COMPOSE_FILES", "").split()]
PROJECT = "fedsecure-test"
COMPOSE = [*DOCKER, "compose", "--project-name", PROJECT, *(word for file in FILES for word in ("--file", file))]
ATTACKED = ("s00001", "synthetic-1-0003")
ENDS = ("topics-init", "replay")  # done, and well so, when they exit with 0
HEALS = ("worker", "coordinator", "devices", "redis", "kafka")

pytestmark = pytest.mark.timeout(1500)


def compose(*words: str, timeout_s: float = 600, check: bool = True) -> str:
    done = subprocess.run([*COMPOSE, *words], cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False)
    if check and done.returncode:
        pytest.fail(f"{' '.join(words)}: {done.stderr[-3000:]}")
    return done.stdout


def containers() -> dict[str, list[dict[str, Any]]]:
    """Every container by its service, those that have ended too."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in compose("ps", "--all", "--format", "json").splitlines():
        one = json.loads(line)
        found.setdefault(one["Service"], []).append(one)
    return found


def devices() -> dict[str, dict[str, Any]]:
    """What `fedsecure status` says, asked inside; nothing while Redis or the program is away."""
    told = compose("exec", "-T", "coordinator", "python", "-m", "fedsecure", "status", "--json", check=False)
    return {one["device_id"]: one for one in json.loads(told)} if told.startswith("[") else {}


def until(predicate: Callable[[], Any], timeout_s: float, what: str) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (found := predicate()):
        if time.monotonic() > deadline:
            pytest.fail(f"after {timeout_s:g} s still not: {what}\n{compose('ps', '--all', check=False)}")
        time.sleep(2)
    return found


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    compose("config", "--quiet")
    compose("up", "--build", "--detach", timeout_s=1400)
    yield
    compose("down", "--volumes", "--timeout", "5", check=False)


def all_healthy() -> bool:
    services = yaml.safe_load(compose("config"))["services"]
    wanted = {name for name, one in services.items() if one.get("scale", 1) != 0}
    found = containers()
    return all(found.get(name) and all(is_well(name, one) for one in found[name]) for name in wanted)


def is_well(service: str, container: dict[str, Any]) -> bool:
    ended = container["State"] == "exited" and container["ExitCode"] == 0
    return container["Health"] == "healthy" or (ended and service in ENDS)


def test_every_service_becomes_healthy():
    until(all_healthy, 300, "every service is healthy")


def test_the_attacks_are_found_and_the_others_are_benign():
    def found() -> bool:
        seen = devices()
        return all(seen.get(name, {}).get("state") == "quarantined" for name in ATTACKED)

    until(found, 420, "both attacked devices are quarantined")
    others = [one["state"] for name, one in devices().items() if name not in ATTACKED]
    assert others.count("benign") >= 4, others


def test_workers_share_the_devices():
    compose("up", "--detach", "--no-recreate", "--scale", "worker=3")
    until(lambda: len(containers()["worker"]) == 3 and all_healthy(), 180, "three healthy workers")
    log = lambda: compose("logs", "--no-color", "worker")  # noqa: E731
    until(lambda: len({line.split("|")[0] for line in log().splitlines() if "units_assigned" in line}) == 3, 90,
          "each of them holds devices")  # fmt: skip


@pytest.mark.parametrize("service", HEALS)
def test_a_container_that_is_killed_heals(service):
    victim = containers()[service][0]["ID"]
    pid = int(subprocess.check_output([*DOCKER, "inspect", "--format", "{{.State.Pid}}", victim]))
    os.kill(pid, signal.SIGKILL)  # from outside: `docker kill` counts as a stop by hand, which is not mended
    restarts = [*DOCKER, "inspect", "--format", "{{.RestartCount}}", victim]
    until(lambda: int(subprocess.check_output(restarts)) >= 1, 60, f"{service} is started again")
    until(all_healthy, 240, "every service is healthy again")


def test_down_and_up_again_lose_nothing():
    before = until(devices, 60, "devices are told of")
    compose("down", "--timeout", "10")
    compose("up", "--detach")
    until(all_healthy, 300, "every service is healthy")
    after = until(lambda: len(found := devices()) == len(before) and found, 120, "every device is back")
    for name, one in before.items():
        assert after[name]["minutes"] >= one["minutes"], name
        assert after[name]["enrolled"] == one["enrolled"], name
