"""The commands of docs/operations.md save what is durable, and bring it back when every volume is gone."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from compose_project import COMPOSE, DOCKER, LONG_REPLAY, PROJECT, ROOT, all_healthy, compose, devices, until

pytestmark = pytest.mark.timeout(1500)


def follow(title: str, folder: Path) -> None:
    """Run the commands under a title of docs/operations.md on the project under test, with another folder than theirs."""
    text = (ROOT / "docs/operations.md").read_text()
    commands = re.search(rf"^##+ {title}\n.*?```sh\n(.*?)```", text, re.MULTILINE | re.DOTALL).group(1)
    for words, ours in (
        ("docker compose", shlex.join(COMPOSE)),
        ("docker run", shlex.join([*DOCKER, "run"])),
        ("fedsecure_", f"{PROJECT}_"),
        ("/var/backups/fedsecure", shlex.quote(str(folder))),
    ):
        assert words in commands, f"{title}: {words}"
        commands = commands.replace(words, ours)
    done = subprocess.run(
        ["bash", "-euxc", commands], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def models() -> list[str]:
    """Return the sha256 of every global model on record, oldest first."""
    told = compose("exec", "-T", "coordinator", "python", "-m", "fedsecure", "models", "--json", "--last", "1000")
    return [one["sha256"] for one in json.loads(told)]


def keys() -> str:
    return compose("exec", "-T", "devices", "python", "-m", "fedsecure", "device", "keys")


def test_what_was_backed_up_is_back_after_every_volume_was_lost(tmp_path):
    states, made, registered = until(devices, 60, "devices are told of"), models(), keys()
    assert made, "no round has made a model yet"
    follow("Backing up", tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"kafka-data.tgz", "device-keys.tgz"}
    assert tmp_path.stat().st_mode & 0o077 == 0, "the keys are for nobody else to read"
    follow("Restoring", tmp_path)
    until(all_healthy, 300, "every service is healthy")
    back = until(lambda: len(found := devices()) == len(states) and found, 120, "every device is back")
    for name, one in states.items():
        # The replay of `.env` starts too, and goes on if it had not ended.
        assert back[name]["session_id"] == one["session_id"], name
        assert back[name]["minutes"] >= one["minutes"], name
        assert back[name]["enrolled"] >= one["enrolled"], name
    still_made = models()  # one more, perhaps, from the moment before the stop
    assert still_made[: len(made)] == made
    assert keys() == registered
    compose("up", "--detach", "--no-deps", "replay", REPLAY_ARGS=LONG_REPLAY)
    until(
        lambda: len(models()) > len(still_made),
        600,
        "devices sign with the same keys, and a round makes the next model",
    )
