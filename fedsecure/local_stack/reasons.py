"""Why a server ended while it started: a full disk, or what its logs say last."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

LEAST_FREE_BYTES: Final = 2_000_000
READ_BYTES: Final = 65_536
LONGEST: Final = 300
_TELLING: Final = re.compile(r"(?:Exception|Error|ERROR|FATAL|error|denied|No space|Could not|can't)\b.*")
_FRAME: Final = re.compile(r"\s*(?:at |\.\.\. \d+ more)")


def sizes_of(logs: Iterable[Path]) -> dict[Path, int]:
    """Return how long each log is now, to tell later what was added; one that is not there is empty."""
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
