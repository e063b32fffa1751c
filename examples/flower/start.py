"""Starts all that the example needs on this machine: Kafka, Redis, a worker, five devices, one of them poisoned, and Flower's servers.

`python examples/flower/start.py`, and in another terminal the command that it prints. Ctrl-C ends all that it started.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Final

from contracts.errors import FedSecureError, Unavailable
from fedsecure.endpoints import device_key_dir, settings_for_running_stack
from fedsecure.flower import Gate
from fedsecure.local_stack import LocalStack, default_state_dir
from transport.kafka.admin import ensure_topics

SEED: Final = 7
DEVICES: Final = tuple(f"synthetic-{SEED}-{number:04}" for number in range(5))
POISONED: Final = DEVICES[-1]
PACE: Final = 120  # recorded seconds a second
HISTORY_MIN: Final = 840
RECORDED_MIN: Final = 20_000
ONSET_MIN: Final = 660  # an hour after the enrolment
READY_WITHIN_S: Final = 300.0
ENDS_WITHIN_S: Final = 15.0
HERE: Final = Path(__file__).parent
BIN: Final = Path(sys.executable).parent


class Site:
    """The programs of the example, with one environment and a log each. All end with the context that they were opened in."""

    def __init__(self, opened: ExitStack) -> None:
        self._started: list[subprocess.Popen[bytes]] = []
        opened.enter_context(LocalStack())
        opened.callback(self._end)
        settings = settings_for_running_stack()
        ensure_topics(settings, settings.topics.fixed())
        self.folder = default_state_dir() / "flower"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.superlink = f"127.0.0.1:{free_port()}"
        self.environ = os.environ | {
            "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
            "REDIS_URL": settings.redis_url,
            "FEDSECURE_DEVICE_KEY_DIR": str(device_key_dir(settings)),
            "FLWR_HOME": str(self.folder),
            # Flower calls its makers unless it is told not to.
            "FLWR_TELEMETRY_ENABLED": "0",
            "FLWR_DISABLE_UPDATE_CHECK": "1",
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        }
        self.settings = settings

    def run(self, name: str, *command: str) -> None:
        """Run a command to its end; its log is a file of that name."""
        with (self.folder / f"{name}.log").open("wb") as log:
            subprocess.run(command, env=self.environ, check=True, stdout=log, stderr=log)

    def start(self, name: str, *command: str) -> None:
        """Start a program that runs on; its log is a file of that name."""
        with (self.folder / f"{name}.log").open("wb") as log:
            started = subprocess.Popen(command, env=self.environ, stdout=log, stderr=log, start_new_session=True)
        self._started.append(started)

    def _end(self) -> None:
        """End all programs at once, each with what it has started."""
        until = time.monotonic() + ENDS_WITHIN_S
        for number in (signal.SIGTERM, signal.SIGKILL):
            for started in self._started:
                with suppress(ProcessLookupError):
                    os.killpg(started.pid, number)
            for started in self._started:
                with suppress(subprocess.TimeoutExpired):
                    started.wait(max(0.0, until - time.monotonic()))

    def start_all(self) -> None:
        """Start the worker, the devices' stream, and Flower's servers."""
        self.run("register", "fedsecure", "device", "register", *DEVICES)
        self.start("worker", "fedsecure", "worker")
        # What the devices have sent before is judged at once; from there on they send at a pace at which a run takes an hour or two.
        self.run("history", *self._replay(), "--minutes", str(HISTORY_MIN), "--speed", "max", "--fresh")
        self.start("replay", *self._replay(), "--speed", str(PACE), "--accept-commands")
        host, port = self.superlink.split(":")
        at = ("--insecure", "--host", host, "--port", port)
        self.start("superlink", "flower-superlink", *at, "--disable-runtime-dependency-installation")
        for device_id in DEVICES:
            node = ("--superlink", self.superlink, "--port", str(free_port()), "--node-config", f'device="{device_id}"')
            self.start(device_id, "flower-supernode", "--insecure", *node)
        connection = (
            f'[superlink]\ndefault = "ward"\n\n[superlink.ward]\naddress = "{self.superlink}"\ninsecure = true\n'
        )
        (self.folder / "config.toml").write_text(connection)

    def _replay(self) -> tuple[str, ...]:
        stream = ("--synthetic", str(len(DEVICES)), "--seed", str(SEED), "--synthetic-minutes", str(RECORDED_MIN))
        attack = f"amplitude:device={POISONED},onset={ONSET_MIN},duration={RECORDED_MIN - ONSET_MIN}"
        return "fedsecure", "replay", *stream, "--attack", attack

    def wait_until_judged(self) -> None:
        """Wait until the poisoned device is quarantined and the others may train. Raises Unavailable."""
        until, said = time.monotonic() + READY_WITHIN_S, ""
        with closing(Gate(self.settings)) as gate:
            while time.monotonic() < until:
                reading = gate.read()
                mine = {device_id: reading.why_not(device_id) or "may train" for device_id in DEVICES}
                if (told := ", ".join(f"{device_id} {why}" for device_id, why in mine.items())) != said:
                    print(f"  {told}", flush=True)
                said = told
                if mine.pop(POISONED) == "quarantined" and set(mine.values()) == {"may train"}:
                    return
                time.sleep(1.0)
        raise Unavailable(f"after {READY_WITHIN_S:g} s the devices are still not judged; see the logs in {self.folder}")


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def main() -> None:
    """Start all, wait until the devices are judged, and stay until Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as opened:
        site = Site(opened)
        print("starting a worker, five devices and Flower's servers; it takes some ten seconds", flush=True)
        site.start_all()
        site.wait_until_judged()
        flower = f"FLWR_HOME={site.folder} FLWR_TELEMETRY_ENABLED=0 {BIN / 'flwr'} run {HERE} --stream"
        print(f"ready; run in another terminal:\n\n  {flower}\n\nCtrl-C ends all", flush=True)
        signal.pause()


if __name__ == "__main__":
    try:
        main()
    except FedSecureError as error:
        sys.exit(f"start.py: {error}")
    except KeyboardInterrupt:
        print("ending")
