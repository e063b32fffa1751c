"""From the start of a worker to its first verdict, and the memory that devices take."""

from __future__ import annotations

import os
import sysconfig
import time
from pathlib import Path
from typing import Final

from bench.row import Row, repeated
from bench.services import PATIENCE_S, POLL_S, filled, local_services, wait_until, worker
from bench.ward import BEFORE_MIN, device_name, ward_of
from contracts.configuration.settings import Settings
from transport.redis_client import connect_redis

COLD_GOAL_S: Final = 5.0
WARM_GOAL_S: Final = 3.0
MEMORY_GOAL_MB: Final = 220.0
EACH_GOAL_KB: Final = 12.0
FEW: Final = 100
MANY: Final = 1000


def measure(*, quick: bool) -> list[Row]:
    """Return seconds to the first verdict, with a cold and a warm file cache, and memory with 100 devices and a device more."""
    with local_services() as endpoints:
        few, many = ward_of(FEW, BEFORE_MIN), ward_of(MANY, BEFORE_MIN)
        cold = [_first_verdict_s(filled(endpoints, few), cold=True) for _ in range(1 if quick else 3)]
        warm = [_first_verdict_s(filled(endpoints, few), cold=False) for _ in range(1 if quick else 3)]
        few_mb, many_mb = (_memory_mb(filled(endpoints, ward), ward.devices) for ward in (few, many))
    return [
        repeated("start to first verdict, cold file cache", cold, "s", goal=COLD_GOAL_S),
        repeated("start to first verdict, warm file cache", warm, "s", goal=WARM_GOAL_S),
        Row(f"memory of a worker with {FEW} devices", few_mb, "MB", MEMORY_GOAL_MB),
        Row("memory of each device more", (many_mb - few_mb) / (MANY - FEW) * 1000, "kB", EACH_GOAL_KB),
    ]


def _first_verdict_s(settings: Settings, *, cold: bool) -> float:
    """Return seconds from the start of a process to the first status in Redis; it finds vitals, and no status of before."""
    with connect_redis(settings) as client:
        keys = [settings.redis_keys.device(device_name(device)) for device in range(FEW)]
        if cold:
            _forget_files()
        with worker(settings) as running:
            while not client.exists(*keys):
                if time.monotonic() > running.began + PATIENCE_S:
                    raise RuntimeError("no verdict came")
                running.progress()
                time.sleep(0.02)
            return time.monotonic() - running.began


def _memory_mb(settings: Settings, devices: int) -> float:
    with worker(settings) as running:
        wait_until([running], devices * BEFORE_MIN)
        time.sleep(5 * POLL_S)
        return running.memory_mb()


def _forget_files() -> None:
    """Let the kernel forget what it holds of the interpreter's packages and of this checkout, as after a boot."""
    roots = {
        Path(sysconfig.get_path("purelib")),
        Path(sysconfig.get_path("platlib")),
        Path(sysconfig.get_path("stdlib")),
    }
    roots.add(Path(__file__).parents[2])
    for root in roots:
        for path in root.rglob("*"):
            if path.suffix in {".py", ".pyc", ".so", ".npz", ".json"} or ".so." in path.name:
                _forget(path)


def _forget(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)
