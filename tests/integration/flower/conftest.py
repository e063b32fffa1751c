"""The example of Flower as a person starts it: one SuperLink, five SuperNodes, a worker and a stream with a poisoned device, for a module."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from programs import Program, clean_environ

from contracts.configuration.settings import Settings
from fedsecure.endpoints import environ_of
from fl_device.keys.folder import KeyFolder

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples/flower"
BIN = Path(sys.executable).parent
DEVICES = [f"synthetic-7-{number:04}" for number in range(5)]
*HONEST, POISONED = DEVICES


@dataclass
class Site:
    """What runs, and how to run an app on it."""

    settings: Settings
    folder: Path
    environ: dict[str, str]
    program: Program
    example: Path = EXAMPLE
    runs: list[Program] = field(default_factory=list)

    @property
    def flwr_home(self) -> Path:
        return self.folder / "state" / "flower"

    @property
    def superlink(self) -> str:
        return re.search(r'address = "(.+)"', (self.flwr_home / "config.toml").read_text())[1]

    def logs(self) -> str:
        """Return the end of every program's log."""
        return "\n".join(f"--- {log.name}\n{log.read_text()[-3000:]}" for log in sorted(self.flwr_home.glob("*.log")))

    def begin(self, app: Path, name: str, **config: object) -> Program:
        """Begin `flwr run` of an app with these settings; it ends with the run."""
        given = " ".join(f"{key}={value!r}".replace("'", '"') for key, value in config.items())
        command = [str(BIN / "flwr"), "run", str(app), "--stream", *(("--run-config", given) if config else ())]
        self.runs.append(Program(command, self.environ, self.folder / f"{name}.log"))
        return self.runs[-1]


@pytest.fixture(scope="module")
def flower_site(open_corner, tmp_path_factory, wait_until) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("flower")
    with open_corner() as settings:
        given = {
            "FEDSECURE_STATE_DIR": str(folder / "state"),
            "FLWR_HOME": str(folder / "state/flower"),
            "FLWR_TELEMETRY_ENABLED": "0",
            "FLWR_DISABLE_UPDATE_CHECK": "1",
            "FEDSECURE_TEST_HOLD": str(folder / "hold"),
            "PYTHONPATH": str(ROOT),
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",  # a SuperNode starts programs of Flower by their names
        }
        (folder / "hold").mkdir()
        environ = clean_environ(environ_of(settings) | given)
        program = Program([sys.executable, str(EXAMPLE / "start.py")], environ, folder / "start.log")
        site = Site(settings, folder, environ, program)
        try:
            wait_until(lambda: "ready; run" in program.log or not program.runs(), 330, "the example is ready")
            assert program.runs(), program.log + site.logs()
            yield site
        finally:
            for run in site.runs:
                run.stop()
            program.stop(60)
        wait_until(lambda: not still_running(folder), 30, "the example has ended all that it started")


def still_running(folder: Path) -> list[list[str]]:
    """Return the programs of Flower that run with this folder as their home."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if str(folder) in process.environ().get("FLWR_HOME", ""):
                found.append(process.cmdline())
    return found


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def liar(flower_site: Site, tmp_path: Path, wait_until) -> Iterator[Program]:
    """A sixth SuperNode that says that it is the first bed's, whose key it has not."""
    keys = tmp_path / "keys"
    KeyFolder(keys).load_or_create(HONEST[0])
    command = [
        str(BIN / "flower-supernode"), "--insecure", "--superlink", flower_site.superlink, "--port", str(free_port()),
        "--node-config", f'device="{HONEST[0]}"',
    ]  # fmt: skip
    program = Program(command, flower_site.environ | {"FEDSECURE_DEVICE_KEY_DIR": str(keys)}, tmp_path / "liar.log")
    try:
        wait_until(lambda: "SuperNode ID" in program.log, 120, "the liar is connected")
        yield program
    finally:
        program.stop()


@pytest.fixture
def held_app(flower_site: Site, tmp_path: Path) -> Path:
    """The example with clients that wait before they train as long as a file of their device's name is there, and say it by files of their own."""
    app = tmp_path / "held"
    shutil.copytree(EXAMPLE, app, ignore=shutil.ignore_patterns("__pycache__"))
    client = app / "gated_forecast/client_app.py"
    text = client.read_text()
    held = text.replace("    known, wanted", "    hold(str(context.node_config['device']))\n    known, wanted", 1)
    assert held != text
    client.write_text(held + _HOLD)
    return app


_HOLD = '''

def hold(device_id: str) -> None:
    """Leave a mark, wait as long as the test says so, and leave another."""
    import os, pathlib, time
    folder = pathlib.Path(os.environ["FEDSECURE_TEST_HOLD"])
    (folder / f"{device_id}.waits").touch()
    while (folder / device_id).exists():
        time.sleep(0.1)
    (folder / f"{device_id}.trains").touch()
'''
