"""`docker compose up` for real: all healthy, attacks found, workers share, a killed container heals, down and up lose nothing.

Not part of `make test`: it needs a Docker engine, builds the image and takes some minutes. `make compose-test` runs it.
"""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from compose_project import DOCKER, all_healthy, compose, containers, devices, targets, until

ATTACKED = ("s00001", "synthetic-s00001", "synthetic-1-0003")  # the record, or who is in its place without a network
HEALS = ("worker", "coordinator", "devices", "console", "prometheus", "alertmanager", "redis", "kafka")
SCRAPED = ("worker", "coordinator", "devices", "console", "prometheus", "alertmanager")

pytestmark = pytest.mark.timeout(1500)


def kill(service: str) -> None:
    """End a service's first container as a crash does, and wait until its restart policy has started it again."""
    victim = containers()[service][0]["ID"]
    restarts = [*DOCKER, "inspect", "--format", "{{.RestartCount}}", victim]
    before = int(subprocess.check_output(restarts))
    pid = int(subprocess.check_output([*DOCKER, "inspect", "--format", "{{.State.Pid}}", victim]))
    os.kill(pid, signal.SIGKILL)  # from outside: `docker kill` counts as a stop by hand, which is not mended
    until(lambda: int(subprocess.check_output(restarts)) > before, 60, f"{service} is started again")


def test_every_service_becomes_healthy_and_is_scraped():
    until(all_healthy, 60, "every service is healthy")
    until(lambda: all(len(targets(job)) == 1 for job in SCRAPED), 60, "Prometheus scrapes each of them")


def test_a_replay_that_is_killed_goes_on_where_it_stopped():
    def reached() -> dict[str, int]:
        return {name: one["minutes"] for name, one in devices().items() if one["minutes"]}

    before = until(lambda: len(found := reached()) == 8 and found, 120, "minutes of all eight are judged")
    sessions = {name: one["session_id"] for name, one in devices().items()}
    kill("replay")
    later = lambda now: now and all(now[name] > minutes + 60 for name, minutes in before.items())  # noqa: E731
    until(lambda: later(reached()), 120, "the same devices go on")
    assert {name: one["session_id"] for name, one in devices().items()} == sessions


def test_the_attacks_are_found_and_the_others_are_benign():
    def found() -> bool:
        seen = devices()
        return [one["state"] for name, one in seen.items() if name in ATTACKED] == ["quarantined"] * 2

    until(found, 420, "both attacked devices are quarantined")
    others = [one["state"] for name, one in devices().items() if name not in ATTACKED]
    assert others.count("benign") >= 4, others


def test_workers_share_the_devices_and_prometheus_finds_each_of_them():
    compose("up", "--detach", "--no-recreate", "--scale", "worker=3")
    until(lambda: len(containers()["worker"]) == 3 and all_healthy(), 180, "three healthy workers")
    log = lambda: compose("logs", "--no-color", "worker")  # noqa: E731
    until(lambda: len({line.split("|")[0] for line in log().splitlines() if "units_assigned" in line}) == 3, 90,
          "each of them holds devices")  # fmt: skip
    until(lambda: len(set(targets("worker"))) == 3, 60, "Prometheus scrapes all three")


@pytest.mark.parametrize("service", HEALS)
def test_a_container_that_is_killed_heals(service):
    kill(service)
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
