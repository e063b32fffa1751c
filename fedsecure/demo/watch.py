"""Looks after the programs of a demo while it waits, and shows what they do."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping

import psutil

from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from fedsecure.demo.observing.checks import streamed_to_the_end
from fedsecure.demo.observing.collector import Collector
from fedsecure.demo.observing.frames import frame_of
from fedsecure.demo.observing.observer import Observer
from fedsecure.demo.plan import DemoOptions
from fedsecure.demo.programs.supervisor import Supervisor
from fedsecure.demo.screens import PlainScreen
from fedsecure.healthcheck import check
from fl_coordinator.gate.device_view import DeviceView, read_devices
from fl_coordinator.rounds.transitions import is_final
from transport.redis_client import connect_redis

LOOK_EVERY_S = 0.5
ASK_EVERY_S = 0.2
LATE_BY_S = 45.0
CATCH_UP_S = 20.0


class Watch:
    """Looks after the programs and shows what they do."""

    def __init__(
        self,
        settings: Settings,
        collector: Collector,
        observer: Observer,
        programs: Supervisor,
        screen: PlainScreen,
        options: DemoOptions,
    ) -> None:
        self._settings = settings
        self._collector = collector
        self._observer = observer
        self._programs = programs
        self.meter = MemoryMeter()
        self._screen = screen
        self._planned_s = options.planned_stream_s
        self._redis = connect_redis(settings)

    def say(self, text: str) -> None:
        """Show a line that stays."""
        self._screen.say(text)

    def look(self) -> None:
        """Check on everything once and show it. Raises ChildDied or Unavailable."""
        self._programs.check()
        self._observer.check()
        self.meter.watch({name: child.process.pid for name, child in self._programs.children.items()})
        self.meter.watch(_servers())
        self.meter.sample()
        now = time.time()
        views = self._views(now)
        with self._collector.lock:
            frame = frame_of(self._collector.observation, views, now, self._planned_s)
        self._screen.show(frame)

    def until_ready(self, ports: Mapping[str, int], timeout_s: float) -> None:
        """Look until every named program says on its port that it is ready. Raises Unavailable after the time."""
        waiting = dict(ports)

        def all_ready() -> bool:
            for name in [n for n, port in waiting.items() if check(port, path="/readyz", timeout_s=1.0) is None]:
                del waiting[name]
            return not waiting

        if not self._look_until(all_ready, timeout_s, every_s=ASK_EVERY_S):
            raise Unavailable(
                f"{', '.join(sorted(waiting))} not ready after {timeout_s:.0f} s: see the logs beside the report"
            )

    def until_the_first_verdict(self, timeout_s: float) -> None:
        """Look until a worker has judged something. Raises Unavailable after the time."""
        if not self._look_until(lambda: self._collector.observation.streaming_at is not None, timeout_s):
            raise Unavailable(
                f"no verdict {timeout_s:.0f} s after the replay began: see the workers' logs beside the report"
            )

    def until_the_stream_ends(self) -> None:
        """Look until the replay is over, every minute judged and the last round closed. Raises Unavailable if late."""
        replay = self._programs.children["replay"].process
        if not self._look_until(lambda: replay.poll() is not None, self._planned_s + LATE_BY_S):
            raise Unavailable("the replay is far behind its pace: the machine is too slow for this --speed")
        self._look_until(self._all_done, CATCH_UP_S)
        self.look()

    def _look_until(self, done: Callable[[], bool], timeout_s: float, every_s: float = LOOK_EVERY_S) -> bool:
        """Look until it is done, and return whether it was within the time."""
        deadline = time.monotonic() + timeout_s
        while not done():
            if time.monotonic() > deadline:
                return False
            self.look()
            time.sleep(every_s)
        return True

    def _views(self, now: float) -> list[DeviceView]:
        try:
            return read_devices(self._redis, self._settings.redis_keys, now=now, cap_s=self._settings.stale_cap_s)
        except Unavailable:
            return []  # the picture is poorer for a moment; whoever needs Redis says so itself

    def _all_done(self) -> bool:
        with self._collector.lock:
            observation = self._collector.observation
            judged = streamed_to_the_end(observation).passed
            open_rounds = not all(map(is_final, observation.rounds.values()))
        return judged and not open_rounds


def _servers() -> dict[str, int]:
    """Return Kafka and Redis when they are this process's own."""
    known = {"java": "kafka", "redis-server": "redis"}
    pids: dict[str, int] = {}
    for process in psutil.Process().children():
        try:
            pids |= {label: process.pid for name, label in known.items() if name in process.name()}
        except psutil.Error:
            continue
    return pids


class MemoryMeter:
    """Keeps the highest resident set (bytes) seen of each named process."""

    def __init__(self) -> None:
        self.peak_rss_bytes: dict[str, int] = {}
        self._processes: dict[str, psutil.Process] = {}

    def watch(self, pids: Mapping[str, int]) -> None:
        """Look at these processes from now on. One that is gone is left out."""
        for name, pid in pids.items():
            if name not in self._processes:
                with contextlib.suppress(psutil.Error):
                    self._processes[name] = psutil.Process(pid)

    def sample(self) -> None:
        """Look once."""
        for name, process in self._processes.items():
            with contextlib.suppress(psutil.Error):
                rss = int(process.memory_info().rss)
                self.peak_rss_bytes[name] = max(rss, self.peak_rss_bytes.get(name, 0))
