"""The workers of a dask cluster.

joblib's dask backend is not used: it waits for ever for a job whose worker was ended several times (joblib 1.6).
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import dask
from distributed import Client, KilledWorker, Security
from distributed.comm.addressing import get_address_host_port
from distributed.comm.core import CommClosedError

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


@contextmanager
def dask_cluster(scheduler: str | None, files: Sequence[Path]) -> Iterator[CarryOut]:
    """Yield what carries out jobs on a cluster's workers. `scheduler` None: dask's own setting names it.

    Raises Unavailable when no scheduler or no worker answers, Misconfigured when workers differ from this process (`check_workers`).
    """
    address = scheduler or dask.config.get("scheduler-address", None)
    if not address:
        raise Misconfigured("no dask cluster is named: give --scheduler tcp://host:8786, or set DASK_SCHEDULER_ADDRESS")
    with _only_our_words(), _client(address) as client:
        _check(client, address, files)

        def carry_out(work: Callable[[Given], Made], jobs: Sequence[Given], /) -> Iterator[Made]:
            return _carried_out(client, work, jobs)

        yield carry_out


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        get_address_host_port(address)
    except ValueError as error:
        raise Misconfigured(f"{address} names no dask scheduler: give tcp://host:8786 ({error})") from None
    security = Security()  # as dask's own configuration says
    if address.startswith("tls://") and security.get_connection_args("client")["ssl_context"] is None:
        raise Misconfigured(
            f"{address} speaks TLS: set DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …__TLS__CLIENT__CERT and …__TLS__CLIENT__KEY"
        )
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False, security=security)
    except OSError as error:
        raise Unavailable(f"no dask scheduler answers at {address}: {str(error).splitlines()[0]}") from None
    try:
        yield client
    finally:
        client.close(timeout=CONNECT_S)  # the scheduler then forgets the jobs that have not begun


def _check(client: Any, address: str, files: Sequence[Path]) -> None:
    try:
        client.submit(os.getpid, pure=False).result(timeout=FIRST_ANSWER_S)
    except TimeoutError:
        raise Unavailable(
            f"no worker of the dask cluster at {address} answers within {FIRST_ANSWER_S:.0f} s: start some"
        ) from None
    check_workers(lambda function, *arguments: client.run(function, *arguments).values(), files)
    if max(client.nthreads().values()) > 1:
        raise Misconfigured(
            "a worker of the dask cluster runs several jobs in one process: start it with --nthreads 1 and one process a core, "
            "--nworkers"
        )


def _carried_out(client: Any, work: Callable[[Given], Made], jobs: Sequence[Given]) -> Iterator[Made]:
    here = versions()
    # A call without arguments is opaque to dask, which would look for its own objects in a job and unpack tuples.
    waiting = deque(client.submit(partial(on_worker, work, here, job), pure=False) for job in jobs)
    try:
        while waiting:
            yield waiting.popleft().result()  # what is not referred to any more is freed on its worker
    except (KilledWorker, CancelledError, CommClosedError) as error:
        raise WorkersLostError from error


@contextmanager
def _only_our_words() -> Iterator[None]:
    """What dask would log between our bars is said in one sentence at the end."""
    loggers = [
        logging.getLogger(name) for name in ("distributed", "distributed.client")
    ]  # both with a level of their own
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
