"""What a person may choose about the demo, and what it starts: devices, attacks and the command line of every program."""

from __future__ import annotations

import math
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from fedsecure.endpoints import environ_of
from fedsecure.local_stack import Endpoints

if TYPE_CHECKING:
    from replay.demo_records import DemoRecords

ENROLMENT_MIN = 600
DEFAULT_ONSET_MIN = 840
DEFAULT_DURATION_MIN = 400
RECORDING_MIN = 1315
ROUND_INTERVAL_S = 10.0
ROUND_DEADLINE_S = 8.0
MIN_SYNTHETIC = 2
# `fedsecure` commands by the name that they have in the report. Workers start first, because loading the detector takes longest.
WORKERS: dict[str, tuple[str, ...]] = {"worker-1": ("worker",), "worker-2": ("worker",)}
# These join once the first minute is judged: no device may train for a long while.
FEDERATION: dict[str, tuple[str, ...]] = {"coordinator": ("coordinator",), "devices": ("device", "--all")}


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """One demo. Raises Misconfigured when a value makes no sense.

    `screenshots_dir`: where to save pictures of the console's pages; None takes none.
    `offline`: nothing is fetched, synthetic patients take the records' places.
    `secure`: on a stack of its own with TLS, log-ins and rights, a principal a program.
    `speed`: recorded seconds per wall second. `attacks`: as in `fedsecure replay --attack`; empty takes the default ones.
    """

    report_dir: Path
    attacks: tuple[str, ...] = ()
    keep_running: bool = False
    seed: int = 7
    speed: float = 720.0
    synthetic: int = 4
    screenshots_dir: Path | None = None
    offline: bool = False
    secure: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.speed) and 1.0 <= self.speed <= 3600.0):
            raise Misconfigured(
                f"speed {self.speed:g} is out of range: use 1 to 3600 (720 = twelve recorded minutes a second)"
            )
        if not MIN_SYNTHETIC <= self.synthetic <= 100:
            raise Misconfigured(
                f"{self.synthetic} synthetic patients: use {MIN_SYNTHETIC} to 100, so that a round keeps its quorum of 3"
            )

    @property
    def pack_min(self) -> int:
        """Minutes per message: about two messages a second of every device."""
        return max(1, round(self.speed / 120.0))

    @property
    def planned_stream_s(self) -> float:
        """Wall time of the replay."""
        return RECORDING_MIN * 60.0 / self.speed


def settings_for_run(endpoints: Endpoints, key_dir: Path, now: float | None = None) -> Settings:
    """Return settings with a prefix of this run's own, so that runs on one broker never meet.

    The device host registers its devices' keys by itself, their private halves in `key_dir`.
    """
    started = time.strftime("%H%M%S", time.gmtime(now))
    prefix = f"demo-{started}-{secrets.token_hex(2)}"
    return Settings(
        kafka_bootstrap_servers=endpoints.kafka,
        redis_url=endpoints.redis_url,
        prefix=prefix,
        worker_group=f"{prefix}-workers",
        register_new_devices=True,
        **pace(key_dir),
    )


def pace(key_dir: Path) -> dict[str, Any]:
    """Return the settings of every demo, wherever it runs, with its devices' private keys in `key_dir`."""
    return {
        "enrolment_min": ENROLMENT_MIN,
        "round_interval_s": ROUND_INTERVAL_S,
        "round_deadline_s": ROUND_DEADLINE_S,
        "device_key_dir": key_dir,
    }


def program_environ(settings: Settings, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment in which a program works with exactly these settings."""
    # The person's own FEDSECURE_ variables are in the settings already, unless the demo decides them.
    inherited = {name: value for name, value in environ.items() if not name.startswith("FEDSECURE_")}
    return inherited | environ_of(settings) | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": "1"}


def device_ids(options: DemoOptions, records: DemoRecords) -> list[str]:
    """Return the devices that the replay will stream: the two records, or who is in their places, and the synthetic patients."""
    from replay.sources.synthetic import synthetic_cohort

    made = synthetic_cohort(options.seed, options.synthetic, 1)
    return [*records.device_ids, *(recording.device_id for recording in made)]


def attacks_of(options: DemoOptions, records: DemoRecords) -> tuple[str, ...]:
    """Return the attacks asked for. Raises Misconfigured for a wrong one.

    By default one on a record's device that network and statistics find, and one on a synthetic device that a rule finds.
    """
    from replay.attacks import parse_attack

    devices = device_ids(options, records)
    when = f"onset={DEFAULT_ONSET_MIN},duration={DEFAULT_DURATION_MIN},seed={options.seed}"
    attacks = options.attacks or (f"amplitude:device={devices[1]},{when}", f"motif:device={devices[-1]},{when}")
    for spec in map(parse_attack, attacks):
        if records.device_of(spec.device) not in devices:
            known = ", ".join([*records.names, *devices[len(records.names) :]])
            raise Misconfigured(f"{spec.name} names the device {spec.device!r}; the demo has {known}")
        if spec.onset_min >= RECORDING_MIN:
            raise Misconfigured(
                f"{spec.name}: onset {spec.onset_min}; the demo streams {RECORDING_MIN} minutes of each device"
            )
    return attacks


def console_arguments(address: str) -> tuple[str, ...]:
    """Return the call of the console, listening on the given address of this machine."""
    return "console", "--port", address.rpartition(":")[2]


def console_pages(options: DemoOptions, records: DemoRecords) -> dict[str, str]:
    """Return the pages worth a picture, by name: of the devices, the first one attacked."""
    from replay.attacks import parse_attack

    attacked = records.device_of(parse_attack(attacks_of(options, records)[0]).device)
    return {"devices": "/", "device": f"/device/{attacked}", "rounds": "/rounds", "replay": "/replay"}


def replay_arguments(options: DemoOptions, records: DemoRecords) -> tuple[str, ...]:
    """Return the call of the replay of the records, or of who is in their places, and the synthetic patients, attacks included.

    Records that are here are named as files and the others with --offline: it must not decide once more who streams.
    """
    here = [str(header) for header in records.headers.values()]
    lacking = [argument for name in records.stand_ins for argument in ("--records", name)]
    attacks = [argument for attack in attacks_of(options, records) for argument in ("--attack", attack)]
    cohort = [*here, *lacking, "--offline", "--synthetic", str(options.synthetic), "--seed", str(options.seed)]
    pace = ["--speed", f"{options.speed:g}", "--pack", str(options.pack_min), "--minutes", str(RECORDING_MIN)]
    length = ["--synthetic-minutes", str(RECORDING_MIN)]
    return "replay", *cohort, *length, *pace, "--fresh", *attacks
