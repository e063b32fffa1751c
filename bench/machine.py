"""What the figures of a run were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from fedsecure.offline.run import usable_cores


def machine() -> dict[str, Any]:
    """Return processor, cores, memory, versions, commit and date; nothing that names the machine itself."""
    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "commit": _commit(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "busy_share_before": round(os.getloadavg()[0] / (os.cpu_count() or 1), 2),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _commit() -> str:
    said = subprocess.run(("git", "rev-parse", "--short", "HEAD"), capture_output=True, text=True, check=False)
    return said.stdout.strip() or "unknown"
