"""docs/attacks.md says of every attack what the registry says, shows it, and its examples run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from fl_device.tasks import label_flip
from replay.attacks import ATTACKS, Attack, inject, parse_attack, read_attack_plan
from replay.attacks.parse import KEYS
from replay.recording import Recording

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "attacks.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    return [text for found, text in BLOCKS if found == language]


def row(name: str, setting: str, levels: dict[str, str]) -> str:
    return f"| {' | '.join([name, setting, *levels.values()])} |"


def row_of(attack: Attack) -> str:
    setting = ", ".join(f"{parameter.name} ({parameter.unit})" for parameter in attack.parameters)
    if attack.words:
        return row(attack.name, "alignment", dict(attack.words))
    levels = {level: " / ".join(f"{amount:g}" for amount in amounts) for level, amounts in attack.levels.items()}
    return row(attack.name, setting, levels)


def rows_of_the_registry() -> list[str]:
    flips = {level: f"{share:g}" for level, share in label_flip.SHARE_BY_LEVEL.items()}
    return [*map(row_of, ATTACKS.values()), row(label_flip.NAME, "share flipped (of labels)", flips)]


def test_the_levels_are_those_of_the_registry() -> None:
    section = TEXT.partition("\n## Levels\n")[2].partition('\n\n"Own')[0]
    assert section.splitlines()[3:] == rows_of_the_registry()


def test_each_attack_has_a_section_with_its_picture_in_the_order_of_the_list() -> None:
    assert re.findall(r"^### (.*)$", TEXT, flags=re.MULTILINE) == [*ATTACKS, label_flip.NAME]
    pictures = re.findall(r"^!\[(.*)\]\((.*)\)$", TEXT, flags=re.MULTILINE)
    assert [name for name, _ in pictures] == list(ATTACKS)
    assert all((DOCS / path).is_file() for _, path in pictures)


def test_every_key_is_explained() -> None:
    table = TEXT.partition("| key |")[2].partition("\n\n")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)) == KEYS


def test_the_plan_can_be_read(tmp_path: Path) -> None:
    (plan,) = blocks("yaml")
    (tmp_path / "plan.yaml").write_text(plan)
    assert [spec.name for spec in read_attack_plan(tmp_path / "plan.yaml")] == [
        entry["attack"] for entry in yaml.safe_load(plan)
    ]


def test_the_flags_can_be_used_with_the_attack_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own,) = (text for text in blocks("python") if "ATTACK =" in text)
    (tmp_path / "my_attack.py").write_text(own)
    monkeypatch.chdir(tmp_path)
    specs = [parse_attack(flag) for text in blocks("sh") for flag in re.findall(r"--attack (\S+)", text)]
    assert [spec.name for spec in specs[1:]] == ["my_attack.py:ATTACK", "my_attack.py:alter"]
    recording = Recording("p000020", 0, np.arange(700.0) / 10 + 60, np.full(700, 16.0))
    for spec, sd in zip(specs[1:], (2.0, 0.0), strict=True):
        held = inject(recording, spec).recording.heart_rate_bpm[600:]
        assert abs(held.std() - sd) < 0.5
        assert abs(held.mean() - 120.0) < 0.6


def test_the_python_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    flip, attack, injection = blocks("python")
    assert "ATTACK" in attack
    for script in (flip, injection):
        namespace: dict[str, Any] = {"__name__": "example"}
        exec(script, namespace)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "[1 1 0 0] [ True  True  True  True]"
    assert re.fullmatch(r"2\d\d minutes poisoned of 240", said[1])
