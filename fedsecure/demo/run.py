"""One demo from start to verdict: services, programs, the watch over them, the report."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import psutil
from rich.console import Console

from contracts.errors import Misconfigured, Unavailable
from contracts.settings import Settings
from fedsecure.demo import plan
from fedsecure.demo.checks import Check, judge, streamed_to_the_end
from fedsecure.demo.collector import Collector
from fedsecure.demo.frames import frame_of
from fedsecure.demo.observation import Observation
from fedsecure.demo.observer import Observer
from fedsecure.demo.options import RECORDING_MIN, DemoOptions
from fedsecure.demo.processes import MemoryMeter
from fedsecure.demo.readiness import free_port, wait_until_ready
from fedsecure.demo.screens import Screen, screen_for
from fedsecure.demo.services import describe_kafka, describe_redis, remove_traces
from fedsecure.demo.supervisor import Supervisor
from fedsecure.local_stack import LocalStack
from fl_coordinator.device_view import DeviceView, read_devices
from transport.redis_client import connect_redis
from transport.topic_admin import ensure_topics

READY_WITHIN_S = 90.0
LOOK_EVERY_S = 0.5
LATE_BY_S = 45.0
CATCH_UP_S = 20.0


class Demo:
    """Runs once. Every wait looks after the programs, so that one that dies ends the demo and is named."""

    def __init__(self, options: DemoOptions, console: Console) -> None:
        self._options = options
        self._console = console
        self._started_at = time.time()
        self._meter = MemoryMeter()

    def run(self) -> list[Check]:
        """Run the demo and return its checks; blocks for some minutes; raises FedSecureError when it cannot go on."""
        attacks = plan.attacks_of(self._options)
        make_folder(self._options.report_dir)
        with (
            screen_for(self._console) as screen,
            TemporaryDirectory(prefix="fedsecure-keys-") as keys,
            LocalStack(announce=screen.say) as stack,
        ):
            settings = plan.settings_for_run(stack.endpoints(), Path(keys))
            # With the patients' topics there already, workers share them while they start, not after.
            devices = map(settings.topics.vitals_spec, plan.device_ids(self._options))
            ensure_topics(settings, [*settings.topics.fixed(), *devices])
            screen.say("attacks: " + "; ".join(attacks))
            try:
                return self._with_services(settings, screen)
            finally:
                with contextlib.suppress(Unavailable):  # a broker that is gone has nothing to remove
                    remove_traces(settings)

    def _with_services(self, settings: Settings, screen: Screen) -> list[Check]:
        collector = Collector(settings.topics, self._started_at)
        collector.observation.speed = self._options.speed
        collector.observation.planned_devices = plan.device_ids(self._options)
        collector.observation.planned_minutes = RECORDING_MIN
        logs = self._options.report_dir / "logs"
        with Supervisor(logs, plan.program_environ(settings)) as programs, Observer(settings, collector) as observer:
            watch = _Watch(settings, collector, observer, programs, self._meter, screen, self._options)
            self._start(programs, watch)
            # Asked now: at the end an answer that fails to come would cost the report of a run that went well.
            collector.observation.services = {"broker": describe_kafka(settings), "redis": describe_redis(settings)}
            watch.until_the_stream_ends()
            observation = self._finish(collector)
            checks = judge(observation)
            self._report(observation, checks, screen)
            if self._options.keep_running:
                self._stay(settings, watch, screen)
        return checks

    def _start(self, programs: Supervisor, watch: _Watch) -> None:
        """Start the programs in the order in which the first verdict needs them: it waits for nobody else's start."""
        ports = {}
        for program in plan.worker_programs():
            ports[program.name] = free_port()
            metrics = {"FEDSECURE_METRICS_PORT": str(ports[program.name])}
            programs.start_fedsecure(program.name, program.arguments, metrics)
        program = plan.replay_program(self._options)
        replay = programs.hold_fedsecure(program.name, program.arguments)
        wait_until_ready(ports, READY_WITHIN_S, watch.look)
        replay.may_end = True
        replay.release()
        watch.until_the_first_verdict(READY_WITHIN_S)
        for program in plan.federation_programs():
            programs.start_fedsecure(program.name, program.arguments)

    def _finish(self, collector: Collector) -> Observation:
        with collector.lock:
            observation = collector.observation
            observation.ended_at = time.time()
            observation.peak_rss_bytes = dict(self._meter.peak_rss_bytes)
            return msgspec.json.decode(msgspec.json.encode(observation), type=Observation)

    def _report(self, observation: Observation, checks: list[Check], screen: Screen) -> None:
        # matplotlib takes a second to import: not while devices wait for their first minute.
        from fedsecure.report.writer import write_report

        summary = write_report(self._options.report_dir, observation, checks)
        screen.conclude(closing_lines(self._options.report_dir, summary, checks))

    def _stay(self, settings: Settings, watch: _Watch, screen: Screen) -> None:
        screen.say(f"still running until Ctrl-C; look at it with: FEDSECURE_PREFIX={settings.prefix} fedsecure status")
        while True:
            watch.look()
            time.sleep(LOOK_EVERY_S)


class _Watch:
    """Looks after the programs and shows what they do."""

    def __init__(
        self,
        settings: Settings,
        collector: Collector,
        observer: Observer,
        programs: Supervisor,
        meter: MemoryMeter,
        screen: Screen,
        options: DemoOptions,
    ) -> None:
        self._settings = settings
        self._collector = collector
        self._observer = observer
        self._programs = programs
        self._meter = meter
        self._screen = screen
        self._planned_s = options.planned_stream_s
        self._redis = connect_redis(settings)

    def look(self) -> None:
        """Check on everything once and show it; raises ChildDied or Unavailable."""
        self._programs.check()
        self._observer.check()
        self._meter.watch({name: child.process.pid for name, child in self._programs.children.items()})
        self._meter.watch(_servers())
        self._meter.sample()
        now = time.time()
        views = self._views(now)
        with self._collector.lock:
            frame = frame_of(self._collector.observation, views, now, self._planned_s)
        self._screen.show(frame)

    def until_the_first_verdict(self, timeout_s: float) -> None:
        """Look until a worker has judged something; raises Unavailable after the time."""
        deadline = time.monotonic() + timeout_s
        while self._collector.observation.streaming_at is None:
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"no verdict {timeout_s:.0f} s after the replay began: see the workers' logs beside the report"
                )
            self.look()
            time.sleep(LOOK_EVERY_S)

    def until_the_stream_ends(self) -> None:
        """Look until the replay is over, every minute judged and the last round closed; raises Unavailable if late."""
        deadline = time.monotonic() + self._planned_s + LATE_BY_S
        replay = self._programs.children["replay"].process
        while replay.poll() is None:
            if time.monotonic() > deadline:
                raise Unavailable("the replay is far behind its pace: the machine is too slow for this --speed")
            self.look()
            time.sleep(LOOK_EVERY_S)
        deadline = time.monotonic() + CATCH_UP_S
        while not self._all_done() and time.monotonic() < deadline:
            self.look()
            time.sleep(LOOK_EVERY_S)
        self.look()

    def _views(self, now: float) -> list[DeviceView]:
        try:
            return read_devices(self._redis, self._settings.redis_keys, now=now, cap_s=self._settings.stale_cap_s)
        except Unavailable:
            return []  # the picture is poorer for a moment; whoever needs Redis says so itself

    def _all_done(self) -> bool:
        with self._collector.lock:
            observation = self._collector.observation
            judged = streamed_to_the_end(observation).passed
            open_rounds = any(r.phase not in {"committed", "skipped", "failed"} for r in observation.rounds.values())
        return judged and not open_rounds


def _servers() -> dict[str, int]:
    """Return Kafka and Redis when they are this process's own."""
    known = {"java": "kafka", "redis-server": "redis"}
    found: dict[str, int] = {}
    for process in psutil.Process().children():
        try:
            found |= {label: process.pid for name, label in known.items() if name in process.name()}
        except psutil.Error:
            continue
    return found


def make_folder(folder: Path) -> None:
    """Make the report's folder before anything starts, not after four minutes; raises Misconfigured."""
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(
            f"cannot write to {folder} ({error.strerror}): choose another folder with --report"
        ) from None


def closing_lines(folder: Path, summary: dict[str, Any], checks: list[Check]) -> list[str]:
    """Return the verdict and where to read more."""
    marks = {True: "kept  ", False: "BROKEN"}
    lines = [f"  {marks[c.passed]} {c.name}{f' [{c.device_id}]' if c.device_id else ''}: {c.detail}" for c in checks]
    verdict = "passed" if summary["passed"] else "FAILED"
    total, streaming = summary["seconds_total"], summary["seconds_to_streaming"]
    took = f"{total:.0f} s, streaming after {streaming:.1f} s" if streaming is not None else f"{total:.0f} s"
    return [*lines, f"demo {verdict} in {took}; report: {folder / 'report.html'}, numbers: {folder / 'summary.json'}"]
