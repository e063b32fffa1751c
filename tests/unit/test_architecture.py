"""The arrows of the architecture and the limits of the house style are held by tests."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "contracts", "transport", "detectors", "ingest", "replay", "streams", "fl_coordinator", "fl_device", "experiments", "console", "fedsecure",
)  # fmt: skip
FILES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


def test_imports_follow_the_arrows() -> None:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_is_small_and_says_what_it_is(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= 250
    assert ast.get_docstring(ast.parse(text)), "a module starts with one sentence about itself"


def test_no_function_is_longer_than_a_screen() -> None:
    too_long = [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name} ({lines} lines)"
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.body[0].lineno) > 40
    ]
    assert not too_long


REGISTRIES = {"replay/attacks", "replay/sources", "fl_coordinator/aggregation", "detectors/statistics", "fedsecure/commands", "ingest/protocols"}  # fmt: skip
MOST_FILES = 12
RETIRED = {
    "DeviceTracks", "BundledTracks", "ReleasedTracks", "Ballot", "Tick", "Yardstick", "Situation", "Knowledge", "Lessons", "Curriculum", "Effort", "Learner",
    "Judgement", "Holdings", "HeldDevice", "StretchReader", "HistoryWanted", "HistoryReader", "StatusLog", "written_aside", "quiet_logs",
    "odd_ones", "Grounds", "SelfJudge", "Departure", "MindJudge", "Sighting", "KeyFeed", "ReleaseFeed", "Doorkeeper", "Surprises",
}  # fmt: skip


def test_a_room_has_no_more_files_than_one_finds_a_way_in() -> None:
    rooms = Counter(
        str(file.parent.relative_to(ROOT)) for file in FILES if file.name not in {"__init__.py", "__main__.py"}
    )
    crowded = {room: count for room, count in rooms.items() if room not in REGISTRIES and count > MOST_FILES}
    assert not crowded


def test_words_of_our_own_that_were_given_up_stay_so() -> None:
    texts = [*FILES, ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    back = {
        f"{file.relative_to(ROOT)}: {word}"
        for file in texts
        for word in RETIRED & set(re.findall(r"\w+", file.read_text()))
    }
    assert not back


def test_no_two_public_classes_of_a_room_share_a_name() -> None:
    classes = Counter(
        (file.parent.relative_to(ROOT), node.name)
        for file in FILES
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert not [name for name, count in classes.items() if count > 1]
