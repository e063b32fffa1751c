"""One server from its start to its first answer: on record as soon as it runs, and with the reason when it does not go on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from contracts.errors import Unavailable
from fedsecure.local_stack.kafka.broker import KafkaBroker
from fedsecure.local_stack.processes import ProcessId, stop
from fedsecure.local_stack.reasons import why_ended
from fedsecure.local_stack.redis_server import RedisServer
from fedsecure.local_stack.state_file import ServerRecord, StateFile

POLL_S = 0.1
GRACE_S = {"kafka": 15.0, "redis": 5.0}
Server = KafkaBroker | RedisServer


def launch_on_record(server: Server, ports: dict[str, int], state: StateFile, owner: ProcessId | None) -> None:
    """Start a prepared server and put it on record; one that cannot be put there is ended again: nobody would find it. Raises OSError."""
    state.note(server.name, ServerRecord(None, ports))  # where nothing can be written it fails before anything runs
    process = server.launch()
    try:
        state.note(server.name, ServerRecord(process, ports, owner))
    except BaseException:
        stop(process, grace_s=GRACE_S[server.name])
        raise


def wait_until_answers(server: Server, state: StateFile, logs_before: Mapping[Path, int]) -> None:
    """Block until a server that is on record answers; raises Unavailable with what its logs said since they were `logs_before` long."""
    record = state.read()[server.name]
    deadline = time.monotonic() + server.start_timeout_s
    while not server.answers(record.ports):
        if not record.runs():
            raise Unavailable(f"{server.title} ended while it started; {why_ended(server.folder, logs_before)}")
        if time.monotonic() > deadline:
            raise Unavailable(
                f"{server.title} does not answer after {server.start_timeout_s:.0f} s: see {server.log}, or run "
                "`fedsecure stack down` and start again"
            )
        time.sleep(POLL_S)


@contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Turn what the disk refuses into one sentence: raises Unavailable."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"cannot write into {folder} ({error.strerror or error}): make room, or choose another folder with --state-dir or "
            "FEDSECURE_STATE_DIR"
        ) from None
