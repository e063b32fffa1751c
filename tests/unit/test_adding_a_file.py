"""The pages on adding a source and an attack are followed word by word in a copy of `replay/`: the file, then the page's commands."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BED_7 = "".join(f'{{"at": "2183-04-28T17:{minute}:00Z", "hr": 80.1, "rr": 15}}\n' for minute in range(10, 60))


@pytest.mark.parametrize(
    ("page", "folder", "name", "said"),
    [
        ("adding-a-source.md", "sources", "json_lines", "JSON lines of a bedside gateway"),
        ("adding-an-attack.md", "attacks", "cadence", "every 10 min"),
    ],
)
def test_the_file_and_the_commands_of_a_page_work_as_written(
    tmp_path: Path, page: str, folder: str, name: str, said: str
) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    shutil.copytree(ROOT / "replay", tmp_path / "copy/replay", ignore=shutil.ignore_patterns("__pycache__"))
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "copy/replay" / folder / f"{name}.py").write_text(code)
    (tmp_path / "bed-7.jsonl").write_text(BED_7)
    commands = [shlex.split(line)[1:] for line in re.findall(r"^fedsecure .*", text, re.MULTILINE)]
    shown = [words for words in commands if words[0] != "replay"]  # a replay streams to Kafka
    assert shown
    assert len(commands) == len(shown) + 1
    environ = os.environ | {"PYTHONPATH": str(tmp_path / "copy")}
    for words in shown:
        done = subprocess.run(
            [sys.executable, "-m", "fedsecure", *words],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert said in " ".join(done.stdout.split())
