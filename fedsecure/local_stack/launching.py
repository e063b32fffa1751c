"""One server from its start to its first answer: on record as soon as it runs, and with the reason when it does not go on."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from contracts.errors import Unavailable
from fedsecure.local_stack.kafka.broker import KafkaBroker
from fedsecure.local_stack.processes import ProcessId, stop
from fedsecure.local_stack.redis.server import RedisServer
from fedsecure.local_stack.state_file import ServerRecord, StateFile
from fedsecure.local_stack.status import service_of

POLL_S = 0.1
GRACE_S = {"kafka": 15.0, "redis": 5.0}  # by service
LEAST_FREE_BYTES: Final = 2_000_000
READ_BYTES: Final = 65_536
LONGEST: Final = 300
_TELLING: Final = re.compile(r"(?:Exception|Error|ERROR|FATAL|error|denied|No space|Could not|can't)\b.*")
_FRAME: Final = re.compile(r"\s*(?:at |\.\.\. \d+ more)")
Server = KafkaBroker | RedisServer


def launch_on_record(server: Server, ports: dict[str, int], state: StateFile, owner: ProcessId | None) -> None:
    """Start a prepared server and put it on record. One that cannot be put there is ended again: nobody would find it. Raises OSError."""
    state.note(server.name, ServerRecord(None, ports))  # where nothing can be written it fails before anything runs
    process = server.launch()
    try:
        state.note(server.name, ServerRecord(process, ports, owner))
    except BaseException:
        stop(process, grace_s=GRACE_S[service_of(server.name)])
        raise


def wait_until_answers(server: Server, state: StateFile, logs_before: Mapping[Path, int]) -> None:
    """Block until a server that is on record answers. Raises Unavailable with what its logs said since they were `logs_before` long."""
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


def sizes_of(logs: Iterable[Path]) -> dict[Path, int]:
    """Return how long each log is now, to tell later what was added. One that is not there is empty."""
    return {log: log.stat().st_size if log.exists() else 0 for log in logs}


def why_ended(folder: Path, before: Mapping[Path, int]) -> str:
    """Return the reason in one line: a full disk, else the last telling line of the logs since they were `before` long, and its file."""
    if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
        return f"the disk of {folder} is full: free some space, or choose another folder with --state-dir"
    telling_lines = [(log, line) for log, size in before.items() if (line := _last_telling(_added(log, size)))]
    if telling_lines:
        log, line = telling_lines[-1]
        return f"{log} says: {line}"
    return f"nothing is said in {' or '.join(map(str, before))}"


def _added(log: Path, size: int) -> list[str]:
    try:
        with log.open("rb") as stream:
            end = stream.seek(0, 2)
            stream.seek(max(size if size <= end else 0, end - READ_BYTES))  # shorter than before: it was rolled
            return stream.read().decode(errors="replace").splitlines()
    except OSError:
        return []


def _last_telling(lines: list[str]) -> str:
    full = [line.strip() for line in lines if line.strip() and not _FRAME.match(line)]
    telling = [line for line in full if _TELLING.search(line)]
    return (telling or full or [""])[-1][:LONGEST]
