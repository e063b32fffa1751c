"""Peak memory of every process of a run, sampled while it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import psutil


class MemoryMeter:
    """Keeps the highest resident set (bytes) seen of each named process."""

    def __init__(self) -> None:
        self.peak_rss_bytes: dict[str, int] = {}
        self._found: dict[str, psutil.Process] = {}

    def watch(self, pids: Mapping[str, int]) -> None:
        """Look at these processes from now on; one that is gone is left out."""
        for name, pid in pids.items():
            if name not in self._found:
                with contextlib.suppress(psutil.Error):
                    self._found[name] = psutil.Process(pid)

    def sample(self) -> None:
        """Look once."""
        for name, process in self._found.items():
            with contextlib.suppress(psutil.Error):
                rss = int(process.memory_info().rss)
                self.peak_rss_bytes[name] = max(rss, self.peak_rss_bytes.get(name, 0))
