"""A ray cluster of this machine, started as its users start one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RAY = Path(sys.executable).with_name("ray")
STARTED_WITHIN_S = 60


@contextmanager
def ray_cluster_here(folder: Path, cores: int) -> Iterator[str]:
    """Yield the address of a cluster of one node with so many workers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = os.environ | {
        "PYTHONPATH": str(Path(__file__).parent),
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONUNBUFFERED": "1",
    }
    options = [
        "--port",
        str(port),
        "--num-cpus",
        str(cores),
        "--node-ip-address",
        "127.0.0.1",
        "--temp-dir",
        str(folder),
    ]
    command = [RAY, "start", "--head", "--block", "--include-dashboard", "false", *options]
    with (folder / "ray.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
        try:
            give_up = time.monotonic() + STARTED_WITHIN_S
            while b"Ray runtime started" not in (folder / "ray.log").read_bytes():
                assert process.poll() is None, (folder / "ray.log").read_text()
                assert time.monotonic() < give_up, "no ray cluster"
                time.sleep(0.1)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()
