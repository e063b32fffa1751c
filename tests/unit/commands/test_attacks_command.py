"""`fedsecure attacks` lists every attack with its units, own ones included, and draws them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from contracts.errors import Misconfigured
from fedsecure.attack_pictures import MINUTES, VIEWS, draw_attack, file_stem, shown_patients
from fedsecure.commands import attacks as attacks_command
from fl_device.tasks import label_flip
from replay.attacks import ATTACKS, inject, parse_attack

ROOT = Path(__file__).parents[3]
RECORD, DONOR = shown_patients()
OWN = "def alter(span, amounts, generator):\n    return span.heart_rate_bpm + 1, span.resp_rate_bpm\n"


@pytest.fixture
def cli() -> typer.Typer:
    app = typer.Typer()
    app.command("attacks")(attacks_command.attacks)
    return app


def test_the_command_lists_every_attack_level_and_unit(cli: typer.Typer) -> None:
    shown = CliRunner().invoke(cli, [], env={"COLUMNS": "120"})
    assert shown.exit_code == 0
    for attack in ATTACKS.values():
        assert attack.name in shown.output
        for level in attack.levels:
            assert attack.describe(level) in shown.output
    assert "--attack data-poisoning-2:device=p000020,onset=600" in shown.output


def test_the_label_flip_is_listed_as_what_no_replay_injects(cli: typer.Typer) -> None:
    shown = CliRunner().invoke(cli, [], env={"COLUMNS": "160"}).output
    assert re.search(r"label-flip.*on the device: no replay injects it", shown)
    assert label_flip.describe("medium") in shown
    assert json.loads(CliRunner().invoke(cli, ["--json"]).output)[-1] == {
        "name": "label-flip",
        "summary": label_flip.SUMMARY,
        "acts_on": "training labels",
        "parameters": [{"name": "share flipped", "unit": "of labels"}],
        "levels": {"subtle": [0.1], "medium": [0.3], "strong": [1.0]},
    }


def test_the_listed_examples_can_be_used_as_flags(cli: typer.Typer) -> None:
    listed = json.loads(CliRunner().invoke(cli, ["--json"]).output)
    examples = [parse_attack(attack["example"]).name for attack in listed if "example" in attack]
    assert examples == list(ATTACKS)
    assert listed[1]["levels"]["strong"] == [30.0, 10.0, 120.0]


def test_named_attacks_alone_are_listed_an_own_one_with_its_example(cli: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "my_attack.py").write_text(OWN)
    listed = json.loads(CliRunner().invoke(cli, ["--json", "bias", f"{tmp_path}/my_attack.py:alter"]).output)
    assert [attack["name"] for attack in listed] == ["bias", f"{tmp_path}/my_attack.py:alter"]
    assert parse_attack(listed[1]["example"]).name == f"{tmp_path}/my_attack.py:alter"


def test_a_picture_an_attack_is_written_into_a_new_folder(cli: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "my_attack.py").write_text(OWN)
    folder = tmp_path / "new" / "pictures"
    done = CliRunner().invoke(cli, ["bias", f"{tmp_path}/my_attack.py:alter", "--pictures", str(folder)])
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in folder.iterdir()) == ["bias.png", "my_attack-alter.png"]
    with Image.open(folder / "bias.png") as picture:
        assert picture.width > 900


def test_a_folder_that_cannot_be_made_is_said(cli: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = CliRunner().invoke(cli, ["bias", "--pictures", str(tmp_path / "file")])
    assert isinstance(done.exception, Misconfigured)
    assert "cannot write pictures into" in str(done.exception)


def test_a_picture_shows_what_is_sent_over_what_was_recorded_and_shades_the_poisoned_minutes() -> None:
    figure = draw_attack(ATTACKS["backdoor-2"], RECORD, DONOR)
    assert len(figure.axes) == 6
    strong = figure.axes[2]
    recorded, sent = (np.asarray(line.get_ydata(), float) for line in strong.get_lines())
    from_onset = MINUTES.onset_min - MINUTES.first_min
    np.testing.assert_allclose(sent[from_onset : from_onset + 8] - recorded[from_onset : from_onset + 8], 16.0)
    assert np.isnan(sent[:from_onset]).all()
    shaded = sorted(patch.get_x() for patch in strong.patches)
    assert shaded == [-0.5, 29.5, 59.5, 89.5, 119.5]
    assert [axes.get_ylabel() for axes in figure.axes[::3]] == ["heart rate (bpm)", "respiratory rate (/min)"]
    assert strong.get_title(loc="left") == "strong\nHR bump 16 bpm, RR bump 6 /min"


@pytest.mark.parametrize("name", ATTACKS)
def test_the_view_of_an_attack_shows_it_at_work_at_every_level(name: str) -> None:
    view = VIEWS.get(name, MINUTES)
    for level in ATTACKS[name].levels:
        flag = f"{name}:device={RECORD.device_id},onset={view.onset_min},duration={view.end_min - view.onset_min},level={level}"
        assert inject(RECORD, parse_attack(flag)).poisoned[view.first_min : view.last_min].any()


@pytest.mark.parametrize("name", ATTACKS)
def test_the_documented_picture_is_there_and_small(name: str) -> None:
    picture = ROOT / "docs" / "images" / "attacks" / f"{file_stem(name)}.png"
    assert 10_000 < picture.stat().st_size <= 80_000
