"""A soak: many devices at many times their pace, no disaster; memory, files, threads and topics must stay flat."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import msgspec
import psutil
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from chaos.run import READY_WITHIN_S
from chaos.site.installation import COMMANDS, Installation
from chaos.site.services import Services
from chaos.site.ward import Ward
from experiments.report.figures import STYLE, canvas, legend_above, to_picture
from transport.kafka.admin import connect_admin

SAMPLE_EVERY_S = 15.0
BEFORE_MIN = 400
PACK_MIN = 8
SETTLED_SHARE = 1 / 3
KEPT = "soak.jsonl"
FIGURE = "soak.svg"


@dataclass(frozen=True)
class Soaking:
    """How long (wall minutes), with how many devices, at how many times their pace."""

    minutes: float
    devices: int
    speed: float

    @property
    def recorded_min(self) -> int:
        return BEFORE_MIN + int(self.minutes * self.speed)

    @property
    def ward(self) -> Ward:
        return Ward(5, BEFORE_MIN, (), self.devices, self.recorded_min)


def soak(plan: Soaking, out: Path, console: Console) -> None:
    """Stream, sample every 15 s into `soak.jsonl` (a line each, kept if it is broken off), and draw `soak.svg`. Blocks."""
    out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="fedsecure-soak-"))
    samples: list[dict[str, Any]] = []
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    replay = ("--speed", f"{plan.speed:g}", "--pack", str(PACK_MIN))
    usual = {"round_interval_s": 60.0, "round_deadline_s": 30.0, "round_quorum": 3, "aggregation": "trimmed-mean"}
    try:
        with (
            Progress(*columns, console=console) as progress,
            Services(folder, tuple(COMMANDS), small_disk=False) as services,
            Installation(services, folder, plan.ward, replay=replay, **usual) as site,
            (out / KEPT).open("wb") as kept,
        ):
            task = progress.add_task("starting", total=plan.minutes * 60)
            _start(site)
            began = time.monotonic()
            while (elapsed_s := time.monotonic() - began) < plan.minutes * 60:
                samples.append(sample(site, elapsed_s))
                kept.write(msgspec.json.encode(samples[-1]) + b"\n")
                kept.flush()
                progress.update(
                    task, completed=elapsed_s, description=f"minute {samples[-1]['minute']} of the recordings"
                )
                site.wait(SAMPLE_EVERY_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    (out / FIGURE).write_text(figure(samples, plan))
    for line in growth(samples):
        console.print(line)


def _start(site: Installation) -> None:
    for program in site.programs.values():
        program.start()
    site.send_what_was_before()
    site.wait_until(site.health.why_not_ready, READY_WITHIN_S)
    site.wait_until(
        lambda: f"{site.health.minute()}" if site.health.minute() < BEFORE_MIN else None, 10 * READY_WITHIN_S
    )
    site.replay.start()


def sample(site: Installation, elapsed_s: float) -> dict[str, Any]:
    """Return what everything holds now: memory (MB), files, threads of each process; topics, and megabytes on disk of Kafka."""
    held: dict[str, Any] = {"elapsed_s": round(elapsed_s, 1), "minute": site.health.minute(), "programs": {}}
    processes = {name: each.program.pid for name, each in site.programs.items() if each.program and each.program.runs()}
    processes |= {name: found.pid for name in ("kafka", "redis") if (found := site.services.process_of(name))}
    for name, pid in processes.items():
        process = psutil.Process(pid)
        held["programs"][name] = {
            "memory_mb": round(process.memory_info().rss / 1e6, 1), "files": process.num_fds(), "threads": process.num_threads(),
        }  # fmt: skip
    admin = connect_admin(site.settings)
    try:
        held["topics"] = len(admin.list_topics())
    finally:
        admin.close()
    data = site.services.state_dir / "kafka" / "data"
    held["disk_mb"] = round(sum(file.stat().st_blocks * 512 for file in data.rglob("*") if file.is_file()) / 1e6, 1)
    held["ended_by_itself"] = sum(len(each.ended_by_itself) for each in site.programs.values())
    held["lag"] = sum(site.programs[name].metric("fedsecure_worker_lag_messages") for name in ("worker-1", "worker-2"))
    return held


def growth(samples: list[dict[str, Any]]) -> list[str]:
    """Return a sentence a process: what it held after a third of the time, and at the end."""
    if len(samples) < 3:
        return []
    settled, last = samples[int(len(samples) * SETTLED_SHARE)], samples[-1]
    lines = []
    for name, now in last["programs"].items():
        was = settled["programs"].get(name, now)
        held = ", ".join(f"{key} {was[key]:g} -> {now[key]:g}" for key in ("memory_mb", "files", "threads"))
        lines.append(f"{name}: {held} (after {settled['elapsed_s'] / 60:.1f} min and {last['elapsed_s'] / 60:.1f} min)")
    lines.append(
        f"topics {settled['topics']} -> {last['topics']}, Kafka's disk {settled['disk_mb']} -> {last['disk_mb']} MB"
    )
    return lines


def figure(samples: list[dict[str, Any]], plan: Soaking) -> str:
    """Draw memory, files and threads of every process, and topics and disk, over the time of the soak."""
    minutes = [each["elapsed_s"] / 60 for each in samples]
    names = sorted({name for each in samples for name in each["programs"]})
    panels = (("memory_mb", "memory (MB)"), ("files", "open files"), ("threads", "threads"))
    with mpl.rc_context(STYLE):
        drawn, axes = canvas(8.0, rows=4, sharex=True)
        for panel, (key, label) in zip(axes, panels, strict=False):
            for name in names:
                panel.plot(minutes, [each["programs"].get(name, {}).get(key) for each in samples], label=name)
            panel.set_ylabel(label)
            panel.set_ylim(bottom=0)
        legend_above(axes[0], 6)
        axes[3].plot(minutes, [each["disk_mb"] for each in samples], label="Kafka's data on disk (MB)")
        axes[3].plot(minutes, [each["topics"] for each in samples], "--", label="topics")
        axes[3].set_ylim(bottom=0)
        axes[3].legend(loc="upper left")
        axes[3].set_xlabel(f"wall time (minutes); {plan.devices} devices at {plan.speed:g} times their pace")
        return to_picture(drawn, "Memory, files, threads, topics and disk over a soak")
