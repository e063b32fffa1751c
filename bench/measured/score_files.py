"""`fedsecure score` from file to file: its rate by cores, and its memory by the size of the file."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import psutil

from bench.row import Row
from bench.ward import device_name, ward_of
from fedsecure.offline.run import usable_cores
from replay.recording import Recording, csv_lines

RATE_GOAL: Final = 20_000.0
DAY_MIN: Final = 1440


def measure(*, quick: bool) -> list[Row]:
    """Return minutes a second with one core and with all, and the most memory on a file and on one four times as long."""
    devices = 50 if quick else 200
    cores = usable_cores()
    with TemporaryDirectory(prefix="fedsecure-bench-") as folder:
        small, large = (write_ward(Path(folder), devices, days) for days in (1, 4))
        one, every, long = _score(large, 1), _score(large, cores), _score(small, cores)
    return [
        Row("score, one core, loading included", one.a_second, "minutes/s", RATE_GOAL, "least"),
        Row(f"score, {cores} cores to one", every.a_second / one.a_second, "x"),
        Row("score, most memory on a file, all processes", long.memory_mb, "MB"),
        Row("on one four times as long", every.memory_mb, "MB"),
    ]


class Scored(NamedTuple):
    """Minutes a second, and the most memory of all its processes together."""

    a_second: float
    memory_mb: float


def write_ward(folder: Path, devices: int, days: int) -> Path:
    """Write a CSV of `devices` x `days` devices, each a day long, device by device, and return its path."""
    ward = ward_of(devices, DAY_MIN)
    path = folder / f"ward-{days}.csv"
    with path.open("w", encoding="utf-8") as file:
        for number in range(devices * days):
            at = number % devices
            recording = Recording(device_name(number), 29_000_000, ward.heart_rate_bpm[at], ward.resp_rate_bpm[at])
            lines = csv_lines([recording])
            file.writelines(lines if not number else list(lines)[1:])
    return path


def _score(path: Path, jobs: int) -> Scored:
    command = [sys.executable, "-m", "fedsecure", "score", str(path), "--out", str(path.with_suffix(".out.csv"))]
    lines = sum(1 for _ in path.open("rb")) - 1
    began = time.monotonic()
    process = subprocess.Popen(
        [*command, "--jobs", str(jobs)], env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL
    )
    most = 0.0
    while process.poll() is None:
        most = max(most, _memory_mb(process.pid))
        time.sleep(0.05)
    if process.returncode:
        raise RuntimeError(f"fedsecure score ended with {process.returncode}")
    return Scored(lines / (time.monotonic() - began), most)


def _memory_mb(pid: int) -> float:
    try:
        root = psutil.Process(pid)
        return sum(each.memory_info().rss for each in chain([root], root.children(recursive=True))) / 1e6
    except psutil.NoSuchProcess:
        return 0.0
