"""One demo from start to verdict: services, programs, the watch over them, the report."""

from __future__ import annotations

import contextlib
import time
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from contracts.errors import Unavailable
from fedsecure.demo import plan
from fedsecure.demo.observing.checks import Check, judge
from fedsecure.demo.observing.collector import Collector
from fedsecure.demo.observing.observation import Observation, decode_observation, encode_observation
from fedsecure.demo.observing.observer import Observer
from fedsecure.demo.pictures import BROWSERS, find_browser, take_pictures
from fedsecure.demo.plan import RECORDING_MIN, DemoOptions
from fedsecure.demo.programs.services import describe_kafka, describe_redis, remove_traces
from fedsecure.demo.programs.supervisor import Supervisor
from fedsecure.demo.screens import PlainScreen, screen_for
from fedsecure.demo.stage import DemoStage, demo_stage
from fedsecure.demo.watch import LOOK_EVERY_S, MemoryMeter, Watch
from fedsecure.endpoints import find_demo_records
from fedsecure.local_stack.ports import choose_ports
from fedsecure.output_files import writes_into
from replay.demo_records import ALL, DemoRecords, all_synthetic
from transport.kafka.admin import ensure_topics

READY_WITHIN_S = 90.0
REPORT = "fedsecure.report.page"


class Demo:
    """Runs once. Every wait looks after the programs, so that one that dies ends the demo and is named."""

    def __init__(self, options: DemoOptions, console: Console) -> None:
        self._options = options
        self._console = console
        self._started_at = time.time()
        self._ports = choose_ports(("console", *plan.WORKERS), {})
        self._console_address = f"http://127.0.0.1:{self._ports['console']}"

    def run(self) -> list[Check]:
        """Run the demo and return its checks. Blocks for some minutes. Raises FedSecureError when it cannot go on."""
        plan.attacks_of(self._options, all_synthetic())  # a wrong one is said before anything is made or fetched
        make_folder(self._options.report_dir / "logs", "--report")
        if self._options.screenshots_dir is not None:
            make_folder(self._options.screenshots_dir, "--screenshots")
        with screen_for(self._console) as screen:
            records = find_demo_records([ALL], offline=self._options.offline, say=screen.say)
            attacks = plan.attacks_of(self._options, records)
            with (
                TemporaryDirectory(prefix="fedsecure-keys-") as keys,
                demo_stage(self._options.secure, Path(keys), screen.say) as stage,
            ):
                settings, devices = stage.settings, plan.device_ids(self._options, records)
                # With the patients' topics there already, workers share them while they start, not after.
                ensure_topics(settings, [*settings.topics.fixed(), *map(settings.topics.vitals_spec, devices)])
                stage.admit(devices)
                screen.say("attacks: " + "; ".join(attacks))
                try:
                    return self._with_services(stage, screen, records)
                finally:
                    with contextlib.suppress(Unavailable):  # a broker that is gone has nothing to remove
                        remove_traces(settings)

    def _with_services(self, stage: DemoStage, screen: PlainScreen, records: DemoRecords) -> list[Check]:
        settings = stage.settings
        collector = Collector(settings.topics, self._started_at)
        collector.observation.speed = self._options.speed
        collector.observation.planned_devices = plan.device_ids(self._options, records)
        collector.observation.planned_minutes = RECORDING_MIN
        logs = self._options.report_dir / "logs"
        with Supervisor(logs, stage.environ(), stage.login) as programs, Observer(settings, collector) as observer:
            watch = Watch(settings, collector, observer, programs, screen, self._options)
            self._start(programs, watch, records)
            # Asked now: at the end an answer that fails to come would cost the report of a run that went well.
            collector.observation.services = {"broker": describe_kafka(settings), "redis": describe_redis(settings)}
            watch.until_the_stream_ends()
            self._take_pictures(screen, records)
            observation = _finished(collector, watch.meter)
            checks = judge(observation)
            self._report(observation, checks, screen)
            if self._options.keep_running:
                self._stay(stage.look(), watch, screen)
        return checks

    def _start(self, programs: Supervisor, watch: Watch, records: DemoRecords) -> None:
        """Start the programs in the order in which the first verdict needs them: it waits for nobody else's start."""
        programs.start_fedsecure("console", plan.console_arguments(self._console_address))
        watch.say(f"look at it: {self._console_address}/")
        ports = {name: self._ports[name] for name in plan.WORKERS}
        for name, arguments in plan.WORKERS.items():
            programs.start_fedsecure(name, arguments, {"FEDSECURE_METRICS_PORT": str(ports[name])})
        replay = programs.start_fedsecure("replay", plan.replay_arguments(self._options, records), held=True)
        watch.until_ready(ports, READY_WITHIN_S)
        replay.may_end = True
        replay.release()
        watch.until_the_first_verdict(READY_WITHIN_S)
        for name, arguments in plan.FEDERATION.items():
            programs.start_fedsecure(name, arguments)
        # matplotlib takes seconds to import: not while devices wait for their first minute, nor when a person waits for the verdict.
        import_module(REPORT)

    def _take_pictures(self, screen: PlainScreen, records: DemoRecords) -> None:
        folder = self._options.screenshots_dir
        if folder is None:
            return
        browser = find_browser()
        if browser is None:
            screen.say(f"no pictures: none of {', '.join(BROWSERS)} is on the PATH")
            return
        pages = plan.console_pages(self._options, records)
        try:
            taken = take_pictures(browser, self._console_address, pages, folder)
        except Unavailable as error:  # the run itself went well
            screen.say(f"no pictures: {error}")
            return
        screen.say(f"{len(taken)} pictures of the console: {folder}")

    def _report(self, observation: Observation, checks: list[Check], screen: PlainScreen) -> None:
        from fedsecure.report.page import write_report

        summary = write_report(self._options.report_dir, observation, checks)
        screen.conclude(closing_lines(self._options.report_dir, summary, checks))

    def _stay(self, look: str, watch: Watch, screen: PlainScreen) -> None:
        screen.say(f"still running until Ctrl-C; look at it: {self._console_address}/, or {look}")
        while True:
            watch.look()
            time.sleep(LOOK_EVERY_S)


def _finished(collector: Collector, meter: MemoryMeter) -> Observation:
    with collector.lock:
        collector.observation.ended_at = time.time()
        collector.observation.peak_rss_bytes = meter.peak_rss_bytes
        return decode_observation(encode_observation(collector.observation))


def make_folder(folder: Path, option: str) -> None:
    """Make a folder of results before anything starts, not after three minutes. Raises Misconfigured."""
    with writes_into(folder, f"folder with {option}"):
        folder.mkdir(parents=True, exist_ok=True)


def closing_lines(folder: Path, summary: dict[str, Any], checks: list[Check]) -> list[str]:
    """Return the verdict and where to read more."""
    marks = {True: "kept  ", False: "BROKEN"}
    lines = [f"  {marks[c.passed]} {c.name}{f' [{c.device_id}]' if c.device_id else ''}: {c.detail}" for c in checks]
    verdict = "passed" if summary["passed"] else "FAILED"
    total, streaming = summary["seconds_total"], summary["seconds_to_streaming"]
    took = f"{total:.0f} s, streaming after {streaming:.1f} s" if streaming is not None else f"{total:.0f} s"
    return [*lines, f"demo {verdict} in {took}; report: {folder / 'report.html'}, numbers: {folder / 'summary.json'}"]
