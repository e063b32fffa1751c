"""Everything that the README tells people to type is typed here, against the local stack of the test session."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedsecure import cli
from replay.attacks.base import AttackedSpan
from replay.sources.synthetic import synthetic_recording

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
COMMANDS = [line for language, text in BLOCKS if language == "sh" for line in text.splitlines() if line.strip()]
SCRIPTS = [text for language, text in BLOCKS if language == "python"]
LONG_RUNNING = {"worker", "coordinator", "device", "console"}
STOPS_WITHIN_S = 15.0


def subcommand(command: str) -> str:
    return shlex.split(command)[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder that can be written to."""
    return tmp_path_factory.mktemp("readme")


@pytest.fixture(scope="module")
def environ(stack: Any) -> dict[str, str]:
    endpoints = stack.up()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FEDSECURE_")}
    return {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "KAFKA_BOOTSTRAP_SERVERS": endpoints.kafka,
        "REDIS_URL": endpoints.redis_url,
        "FEDSECURE_PREFIX": "t-readme",
        "FEDSECURE_OFFLINE": "1",  # what the two records are is PhysioNet's; a test needs no network
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


@pytest.fixture(scope="module")
def running(folder: Path, environ: dict[str, str]) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """The programs that the README starts in terminals of their own."""
    subprocess.run(["fedsecure", "topics"], cwd=folder, env=environ, check=True, capture_output=True)
    programs: dict[str, subprocess.Popen[bytes]] = {}
    for command in COMMANDS:
        words = shlex.split(command)
        if words[0] == "fedsecure" and words[1] in LONG_RUNNING:
            with (folder / f"{words[1]}.log").open("wb") as log:
                programs[words[1]] = subprocess.Popen(words, cwd=folder, env=environ, stdout=log, stderr=log)
    yield programs
    for program in programs.values():
        program.kill()
        program.wait()


def test_the_first_commands_are_targets_of_the_makefile_and_run_from_a_clean_clone() -> None:
    made = [command for command in COMMANDS if command.startswith("make ")]
    assert made == ["make demo", "make test"]
    ci = (ROOT / ".ci" / "run").read_text()
    for command in made:
        assert re.search(rf"^{command}\b", ci, flags=re.MULTILINE), f"{command} is run by .ci/run"


@pytest.mark.parametrize(
    "command",
    [c for c in COMMANDS if c.startswith("fedsecure ") and subcommand(c) not in LONG_RUNNING],
    ids=lambda command: " ".join(shlex.split(command)[1:3]),
)
def test_a_command_works_as_written(
    command: str, folder: Path, environ: dict[str, str], running: dict[str, subprocess.Popen[bytes]]
) -> None:
    done = subprocess.run(
        shlex.split(command), cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_programs_judge_what_was_streamed_and_end_cleanly_when_asked(
    folder: Path, environ: dict[str, str], running: dict[str, subprocess.Popen[bytes]], wait_until: Any
) -> None:
    def devices() -> list[dict[str, Any]]:
        told = subprocess.run(
            ["fedsecure", "status", "--json"], cwd=folder, env=environ, capture_output=True, check=True
        )
        return list(json.loads(told.stdout))

    assert running.keys() == LONG_RUNNING
    wait_until(
        lambda: len(devices()) == 6 and all(device["minutes"] for device in devices()), 90.0, "six devices judged"
    )
    for name, program in running.items():
        assert program.poll() is None, (folder / f"{name}.log").read_text()
        program.terminate()
    for name, program in running.items():
        assert program.wait(STOPS_WITHIN_S) == 0, (folder / f"{name}.log").read_text()


def test_every_command_of_the_table_exists() -> None:
    rows = re.findall(r"^\| (`fedsecure .*?) \|", README, flags=re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`fedsecure (\w+)", row)}
    assert told == set(cli.COMMANDS)


def test_every_other_block_is_python_or_shell() -> None:
    assert {language for language, _ in BLOCKS} == {"sh", "python"}


def test_the_links_and_pictures_are_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    for target in targets:
        assert target.startswith("https://") or (ROOT / target).is_file(), target


def test_the_picture_is_small() -> None:
    assert (ROOT / "docs" / "images" / "demo.png").stat().st_size <= 300_000


def test_scoring_from_python_works_as_written(folder: Path, environ: dict[str, str]) -> None:
    (write,) = (command for command in COMMANDS if command.startswith("fedsecure synthetic "))
    subprocess.run(shlex.split(write), cwd=folder, env=environ, check=True, capture_output=True)
    script = next(text for text in SCRIPTS if "Detector" in text)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^([\w-]+) [\d.]+% of minutes flagged$", done.stdout, flags=re.MULTILINE) == [
        "synthetic-7-0000",
        "synthetic-7-0001",
    ]


def test_the_attack_in_one_file_is_an_attack() -> None:
    module: dict[str, Any] = {}
    exec(next(text for text in SCRIPTS if "ATTACK" in text), module)
    attack = module["ATTACK"]
    recording = synthetic_recording(1, 0, 120)
    span = AttackedSpan(recording, onset_min=60, end_min=120)
    heart, breath = attack.alter(span, attack.amounts("strong"), np.random.default_rng(0))
    assert heart.shape == breath.shape == (60,)
    assert np.unique(heart).size == 1
