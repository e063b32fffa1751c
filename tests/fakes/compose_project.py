"""The compose project under test: its commands, its containers, and what its devices, Prometheus and Alertmanager say.

DOCKER names another client than `docker`, COMPOSE_FILES more compose files (separated by blanks).
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKER = shlex.split(os.environ.get("DOCKER", "docker"))
FILES = ["docker-compose.yml", *os.environ.get("COMPOSE_FILES", "").split()]
PROJECT = "fedsecure-test"
COMPOSE = [*DOCKER, "compose", "--project-name", PROJECT, *(word for file in FILES for word in ("--file", file))]
LONG_REPLAY = "--synthetic 4 --seed 9 --synthetic-minutes 8640 --speed 480 --pack 4"  # instead of that of `.env`
ENDS = ("topics-init", "replay")  # done, and well so, when they exit with 0


def compose(*words: str, timeout_s: float = 600, check: bool = True, **variables: str) -> str:
    """Run `docker compose` on the project, with variables that go before those of `.env`; return what it prints."""
    given = os.environ | variables
    done = subprocess.run(
        [*COMPOSE, *words], cwd=ROOT, env=given, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    if check and done.returncode:
        pytest.fail(f"{' '.join(words)}: {done.stderr[-3000:]}")
    return done.stdout


def until(predicate: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """Return the first true answer, asked every two seconds; fail with the containers' states when none comes in time."""
    deadline = time.monotonic() + timeout_s
    while not (found := predicate()):
        if time.monotonic() > deadline:
            pytest.fail(f"after {timeout_s:g} s still not: {what}\n{compose('ps', '--all', check=False)}")
        time.sleep(2)
    return found


def containers() -> dict[str, list[dict[str, Any]]]:
    """Return every container by its service, those that have ended too."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in compose("ps", "--all", "--format", "json").splitlines():
        one = json.loads(line)
        found.setdefault(one["Service"], []).append(one)
    return found


def all_healthy() -> bool:
    """Say whether every service that is not scaled to nothing is healthy, or has ended well where it is meant to end."""
    services = yaml.safe_load(compose("config"))["services"]
    wanted = {name for name, one in services.items() if one.get("scale", 1) != 0}
    found = containers()
    return all(found.get(name) and all(is_well(name, one) for one in found[name]) for name in wanted)


def is_well(service: str, container: dict[str, Any]) -> bool:
    ended = container["State"] == "exited" and container["ExitCode"] == 0
    return container["Health"] == "healthy" or (ended and service in ENDS)


def devices() -> dict[str, dict[str, Any]]:
    """Return what `fedsecure status` says, asked inside; nothing while Redis or the program is away."""
    told = compose("exec", "-T", "coordinator", "python", "-m", "fedsecure", "status", "--json", check=False)
    return {one["device_id"]: one for one in json.loads(told)} if told.startswith("[") else {}


def asked(service: str, url: str) -> Any:
    """Return the JSON that a server answers inside its own container, or None while it does not."""
    told = compose("exec", "-T", service, "wget", "-q", "-O", "-", url, check=False)
    return json.loads(told) if told else None


def targets(job: str) -> list[str]:
    """Return the addresses of a job that Prometheus scrapes with success."""
    found = asked("prometheus", "http://localhost:9090/api/v1/targets?state=active") or {"data": {"activeTargets": []}}
    up = [one for one in found["data"]["activeTargets"] if one["health"] == "up"]
    return sorted(one["labels"]["instance"] for one in up if one["labels"]["job"] == job)


def has_data(expression: str) -> bool:
    """Say whether an expression of Prometheus has any value now."""
    found = asked("prometheus", f"http://localhost:9090/api/v1/query?{urlencode({'query': expression})}")
    return bool(found and found["data"]["result"])


def alerts(name: str) -> list[dict[str, Any]]:
    """Return the alerts of that name as Alertmanager holds them."""
    found = asked("alertmanager", "http://localhost:9093/api/v2/alerts") or []
    return [one for one in found if one["labels"]["alertname"] == name]


def is_told(name: str) -> bool:
    """Say whether an alert of that name fires and nothing inhibits it."""
    return any(one["status"]["state"] == "active" for one in alerts(name))


def is_inhibited(name: str) -> bool:
    """Say whether alerts of that name fire and each is inhibited by another."""
    found = alerts(name)
    return bool(found) and all(one["status"]["inhibitedBy"] for one in found)
