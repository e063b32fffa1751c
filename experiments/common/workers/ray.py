"""The workers of a ray cluster, one a core."""

from __future__ import annotations

import os
import platform
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from contracts.errors import Misconfigured, Unavailable
from experiments.common.workers.cluster import (
    CONNECT_S,
    FIRST_ANSWER_S,
    WorkersLostError,
    check_workers,
    on_worker,
    versions,
)
from experiments.common.workers.processes import CarryOut

Given = TypeVar("Given")
Made = TypeVar("Made")

RUNNING_HERE: Final = "auto"
"""Ray's word for the cluster that a node of which runs on this machine."""


@contextmanager
def ray_cluster(address: str | None, files: Sequence[Path]) -> Iterator[CarryOut]:
    """Yield what carries out jobs on a cluster's workers. `address` None: RAY_ADDRESS, else the cluster that this machine is part of.

    Raises Unavailable when no cluster or no worker answers, Misconfigured when workers differ from this process (`check_workers`).
    """
    _connect(address or os.environ.get("RAY_ADDRESS") or RUNNING_HERE)
    try:
        _check(files)
        yield _carried_out
    finally:
        ray.shutdown()  # ends the jobs that run and forgets the others


def _connect(address: str) -> None:
    if address != RUNNING_HERE:
        _check_answers(address)  # ray itself would try for minutes and then end this process
    try:
        ray.init(address=address, log_to_driver=False, logging_level="CRITICAL")
    except ConnectionError as error:
        raise Unavailable(f"no ray cluster answers at {address}: {str(error).splitlines()[0]}") from None
    except RuntimeError as error:  # another version of ray or Python there
        raise Misconfigured(f"the ray cluster at {address} cannot be used: {str(error).splitlines()[0]}") from None


def _check_answers(address: str) -> None:
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise Misconfigured(f"{address} names no ray cluster: give host:6379, or ray://host:10001 from outside of it")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise Unavailable(f"no ray cluster answers at {address}: {error}") from None


def _check(files: Sequence[Path]) -> None:
    try:
        ray.get(ray.remote(num_cpus=1)(platform.node).remote(), timeout=FIRST_ANSWER_S)
    except GetTimeoutError:
        raise Unavailable(f"no worker of the ray cluster answers within {FIRST_ANSWER_S:.0f} s: start some") from None
    check_workers(_asked, files)


def _asked(function: Callable[..., Any], *arguments: object) -> list[Any]:
    """Call a function once on every node."""
    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    places = [NodeAffinitySchedulingStrategy(node, soft=False) for node in nodes]
    remote = ray.remote(num_cpus=0)(function)
    return [_got(ref) for ref in [remote.options(scheduling_strategy=at).remote(*arguments) for at in places]]


def _carried_out(work: Callable[[Given], Made], jobs: Sequence[Given], /) -> Iterator[Made]:
    here, remote = versions(), ray.remote(num_cpus=1, max_retries=1)(on_worker)
    waiting = deque(remote.remote(work, here, job) for job in jobs)
    while waiting:
        yield _got(waiting.popleft())


def _got(ref: Any) -> Any:
    """Return a call's result. Raises what it raised, without ray's wrapping."""
    try:
        return ray.get(ref)
    except RayTaskError as error:
        raise error.cause from None
    except RayError as error:
        raise WorkersLostError from error
