"""One seed from a fresh installation to the judgement."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chaos.disasters.carrying_out import begin, end
from chaos.disasters.schedule import Disaster, schedule
from chaos.site.installation import COMMANDS, Installation, NotWell
from chaos.site.programs import Resources
from chaos.site.services import Services
from chaos.site.ward import WARDS, Ward, expected_of
from chaos.verdict.judgement import judge, read_all
from contracts.messages.federation import RoundPhase

PACK_MIN = 4
READY_WITHIN_S = 120.0
DRAINED_WITHIN_S = 60.0
NEXT_ROUND_WITHIN_S = 30.0
LAST_COMMIT_BEFORE_END_S = 10.0
# What a program may hold more at the end than before the first disaster. Training compiles programs and keeps them.
MEMORY_MB = {"worker-1": 80.0, "worker-2": 80.0, "coordinator": 80.0, "devices": 500.0}
FILES, THREADS = 24, 16

Say = Callable[[str], None]


@dataclass(frozen=True)
class Pace:
    """How long the stream takes, how many disasters strike, and by how much longer than stated healing may take here."""

    stream_s: float = 60.0
    disasters: int = 3
    patience: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """What is kept of a run: one line of JSON."""

    seed: int
    ward: int
    disasters: list[dict[str, Any]]
    faults: list[str]
    notes: list[str]
    counts: dict[str, int]
    ended_by_itself: dict[str, list[int]]
    before: dict[str, dict[str, float]]
    after: dict[str, dict[str, float]]
    took_s: float
    at: float

    @property
    def passed(self) -> bool:
        return not self.faults


def ward_of(seed: int) -> Ward:
    return WARDS[seed % len(WARDS)]


def run_seed(seed: int, folder: Path, pace: Pace, say: Say) -> Outcome:
    """Run a seed on a fresh Kafka and Redis and judge it. Blocks for a minute and a half or so."""
    with Services(folder, tuple(COMMANDS)) as services:
        return run_on(services, seed, folder, pace, say)


def run_on(services: Services, seed: int, folder: Path, pace: Pace, say: Say) -> Outcome:
    """Run a seed on services that run, under a prefix of its own, and judge it."""
    began, ward = time.monotonic(), ward_of(seed)
    expected = expected_of(ward)
    minutes = ward.minutes - ward.before_min
    replay = ("--speed", f"{minutes * 60 / pace.stream_s:g}", "--pack", str(PACK_MIN))
    with Installation(services, folder, ward, replay=replay, prefix=f"chaos-{seed}") as site:
        run = Run(site, pace, say, [])
        run.start()
        before = resources_of(site)
        struck = [run.strike(disaster) for disaster in schedule(seed, pace.disasters)]
        run.finish()
        after = resources_of(site)
        say("judging")
        judgement = judge(expected, read_all(site.settings, ward.device_ids))
        faults = [*run.faults, *judgement.faults, *_not_given_back(before, after)]
        ended = {name: each.ended_by_itself for name, each in site.programs.items() if each.ended_by_itself}
        return Outcome(
            seed, ward.number, struck, faults, site.notes, judgement.counts, ended, _plain(before), _plain(after),
            round(time.monotonic() - began, 1), round(time.time(), 1),
        )  # fmt: skip


@dataclass
class Run:
    """The steps of a run, and what went wrong in them."""

    site: Installation
    pace: Pace
    say: Say
    faults: list[str]
    healed_at: float = 0.0

    def start(self) -> None:
        """Wait until all is well, before anything happens. Raises NotWell."""
        site, ready_s = self.site, READY_WITHIN_S * self.pace.patience
        self.say("starting")
        for program in site.programs.values():
            program.start()
        site.send_what_was_before()
        site.wait_until(site.health.why_not_ready, ready_s)
        site.wait_until(
            lambda: f"{site.health.minute()} minutes" if site.health.minute() < site.ward.before_min else None,
            ready_s,
        )
        site.wait_until(site.health.why_not_well, ready_s)
        site.replay.start()
        site.wait_until(lambda: None if site.health.minute() > site.ward.before_min else "no stream", ready_s)

    def strike(self, disaster: Disaster) -> dict[str, Any]:
        """Let a disaster happen, end it, and wait until all is well. Return how long that took."""
        site = self.site
        what = " and ".join(fault.name for fault in disaster.faults)
        if any(fault.kind == "disk-full" for fault in disaster.faults) and not site.services.has_small_disk:
            return self._struck(disaster, what, left_out="no file system of its own could be mounted")
        site.wait(disaster.pause_s)
        at_min = site.health.minute()
        self.say(what)
        for fault in disaster.faults:
            begin(site, fault)
        began = time.monotonic()
        for fault in sorted(disaster.faults, key=lambda each: each.hold_s):
            site.wait(fault.hold_s - (time.monotonic() - began))
            end(site, fault)
        ended = time.monotonic()
        limit_s = disaster.heals_within_s
        heal_s: float | None
        try:
            heal_s = round(site.wait_until(site.health.why_not_well, limit_s * self.pace.patience), 1)
        except NotWell as error:
            heal_s = None
            self.faults.append(f"{what}: not well {limit_s * self.pace.patience:g} s after it ended: {error}")
        round_s = self._next_round(ended, what)
        self.healed_at = time.monotonic()
        return self._struck(disaster, what, at_min=at_min, heal_s=heal_s, limit_s=limit_s, round_s=round_s)

    def _next_round(self, since: float, what: str) -> float | None:
        """Return after how many seconds a round ended that began afterwards or went on."""
        health = self.site.health
        try:
            self.site.wait_until(
                lambda: None if health.round_ended_at(since) else "no round ended",
                NEXT_ROUND_WITHIN_S * self.pace.patience,
            )
        except NotWell as error:
            self.faults.append(f"{what}: {error} within {NEXT_ROUND_WITHIN_S * self.pace.patience:g} s")
            return None
        return round((health.round_ended_at(since) or since) - since, 1)

    def _struck(self, disaster: Disaster, what: str, **measured: Any) -> dict[str, Any]:
        return {"what": what, "faults": [fault.as_dict() for fault in disaster.faults], **measured}

    def finish(self) -> None:
        """Wait until the stream has ended and all of it is judged and shown."""
        site = self.site
        self.say("the rest of the stream")
        runs = site.replay.program
        assert runs is not None
        try:
            ends_within_s = self.pace.stream_s + READY_WITHIN_S * self.pace.patience
            site.wait_until(lambda: "the replay runs" if runs.runs() else None, ends_within_s)
            ended = time.monotonic()
            if runs.process.returncode != 0:
                self.faults.append(f"the replay ended with {runs.process.returncode}: {site.replay.log[-300:]}")
            site.wait_until(self._why_not_applied, DRAINED_WITHIN_S * self.pace.patience)
            site.wait_until(site.health.why_view_differs, DRAINED_WITHIN_S * self.pace.patience)
        except NotWell as error:
            self.faults.append(f"not finished: {error}")
            return
        committed = site.health.round_ended_at(self.healed_at, RoundPhase.COMMITTED)
        if committed is None and ended - self.healed_at > LAST_COMMIT_BEFORE_END_S:
            self.faults.append("no round made a model after the last disaster")

    def _why_not_applied(self) -> str | None:
        latest = self.site.health.latest
        open_ones = [
            device for device in self.site.ward.device_ids if device not in latest or not latest[device].finished
        ]
        return f"{', '.join(open_ones)} not judged to the end" if open_ones else None


def resources_of(site: Installation) -> dict[str, Resources]:
    return {name: held for name, program in site.programs.items() if (held := program.resources()) is not None}


def _plain(resources: dict[str, Resources]) -> dict[str, dict[str, float]]:
    return {name: {key: round(value, 1) for key, value in asdict(each).items()} for name, each in resources.items()}


def _not_given_back(before: dict[str, Resources], after: dict[str, Resources]) -> list[str]:
    """Return who holds far more memory, files or threads than before."""
    found = []
    for name, now in after.items():
        was = before[name]
        if now.memory_mb > was.memory_mb + MEMORY_MB[name]:
            found.append(f"{name} holds {now.memory_mb:.0f} MB, before {was.memory_mb:.0f}")
        if now.files > was.files + FILES:
            found.append(f"{name} has {now.files} files open, before {was.files}")
        if now.threads > was.threads + THREADS:
            found.append(f"{name} has {now.threads} threads, before {was.threads}")
    return found
