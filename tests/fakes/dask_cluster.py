"""A dask cluster of this machine, started as its users start one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

DASK = (sys.executable, "-m", "dask")
STARTED_WITHIN_S = 60


@contextmanager
def dask_cluster_here(folder: Path, *workers: str) -> Iterator[str]:
    """Yield the address of a scheduler, with `dask worker` of such options; without any there is no worker."""
    folder.mkdir(exist_ok=True)
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    with ExitStack() as stack:

        def start(*words: str) -> subprocess.Popen[bytes]:
            log = stack.enter_context((folder / f"{words[0]}.log").open("wb"))
            command = [*DASK, *words, "--no-dashboard"]
            process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return process

        file = folder / "scheduler.json"
        scheduler = start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        give_up = time.monotonic() + STARTED_WITHIN_S
        while not file.is_file() or not file.read_bytes():
            assert scheduler.poll() is None, (folder / "scheduler.log").read_text()
            assert time.monotonic() < give_up, "no scheduler"
            time.sleep(0.05)
        address = json.loads(file.read_bytes())["address"]
        if workers:
            start("worker", address, "--local-directory", str(folder), *workers)
        yield address
