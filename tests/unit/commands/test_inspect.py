"""`fedsecure inspect` counts what a recording holds, and says what it is good for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread
from rich.console import Console
from typer.testing import CliRunner

from contracts.errors import Misconfigured
from fedsecure.cli import app
from fedsecure.inspection.facts import EnrolmentFacts, GapFacts, inspect_recording, runs
from fedsecure.inspection.picture import draw_recordings
from fedsecure.tables.inspection import facts_table, length_text
from replay.recording import Recording
from replay.sources.source import all_sources

NAN = np.nan


def hand_made(minutes: int = 700, **changes: Any) -> Recording:
    """Minutes 100-109 lack the heart rate, 200 the respiratory rate; 300 and 301 hold an artefact each."""
    heart = np.where(np.arange(minutes) % 2, 81.0, 80.0)
    breath = np.where(np.arange(minutes) % 4 < 2, 15.0, 16.0)
    heart[100:110], breath[200] = NAN, NAN
    heart[300], breath[301] = 310.0, 2.0
    return Recording("bed-1", 1000, heart, breath, **changes)


def test_the_numbers_of_a_hand_made_recording() -> None:
    facts = inspect_recording(hand_made(origin="by hand", resolution_bpm=1.0))
    assert (facts.device_id, facts.source, facts.start) == ("bed-1", "by hand", "1970-01-01T16:40Z")
    assert (facts.minutes, facts.valid_minutes, facts.missing_share) == (700, 687, pytest.approx(13 / 700))
    assert facts.gaps == GapFacts(count=3, median_min=2.0, longest_min=10)
    assert facts.longest_run_min == 398
    # every gap is short enough to be closed: each valid minute from the 60th on ends a window
    assert (facts.windows, facts.windows_possible) == (641 - 13, 641)
    assert facts.enrolments == (
        EnrolmentFacts(10, usable=True, after_min=613, why=""),
        EnrolmentFacts(24, usable=False, after_min=None, why="687 of 1,440 valid minutes"),
    )
    assert (facts.artefacts, facts.cautions) == (2, ())


def test_the_numbers_of_its_channels() -> None:
    channels = inspect_recording(hand_made()).channels
    heart, breath = channels["heart_rate_bpm"], channels["resp_rate_bpm"]
    assert set(channels) == {"heart_rate_bpm", "resp_rate_bpm"}
    assert heart.missing_share == pytest.approx(10 / 700)
    assert (heart.minimum, heart.p5, heart.median, heart.p95, heart.maximum) == (80, 80, 81, 81, 310)
    assert (heart.artefacts_below, heart.artefacts_above, heart.repeated_share) == (0, 1, 0)
    assert (breath.minimum, breath.maximum, breath.artefacts_below, breath.artefacts_above) == (2, 16, 1, 0)
    assert breath.repeated_share == pytest.approx(348 / 697)  # 350 pairs in 699; one lost with minute 200, one with 301


def test_a_long_gap_costs_the_windows_that_reach_over_it() -> None:
    recording = hand_made().sliced(0, 240)
    recording.heart_rate_bpm[120:190] = NAN
    facts = inspect_recording(recording)
    # a window that reaches over these 70 minutes lasts 129; one that begins after them does not fit before the end
    assert facts.gaps.longest_min == 70
    assert facts.windows == 61 - 10  # minutes 59 to 119 without the missing ten


def test_a_device_enrols_when_enough_of_its_minutes_are_valid() -> None:
    assert inspect_recording(hand_made(612)).enrolments[0].why == "599 of 600 valid minutes"
    assert inspect_recording(hand_made(613)).enrolments[0].after_min == 613


def test_charts_do_not_enrol_a_device() -> None:
    facts = inspect_recording(hand_made(1500, charted=True))
    assert {(e.usable, e.why) for e in facts.enrolments} == {(False, "charted about hourly, not measured every minute")}
    assert facts.cautions == ()


def test_a_rate_that_stands_still_is_pointed_out() -> None:
    recording = hand_made(pulse_bpm=np.full(700, 80.0))
    recording.resp_rate_bpm[:] = 14.0
    assert inspect_recording(recording).cautions == (
        "respiratory rate mostly repeats the minute before (paced or ventilated?)",
    )


def test_a_channel_without_a_value_has_no_ranks() -> None:
    facts = inspect_recording(hand_made(pulse_bpm=np.full(700, NAN))).channels["pulse_bpm"]
    assert (facts.missing_share, facts.minimum, facts.median, facts.repeated_share) == (1.0, None, None, 0.0)


def test_runs_have_a_start_and_an_end() -> None:
    assert runs(np.array([True, False, True, True, False])).tolist() == [[0, 1], [2, 4]]
    assert runs(np.array([True, True])).tolist() == [[0, 2]]
    assert runs(np.array([False])).tolist() == []


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "0 min"), (59, "59 min"), (60, "1 h 0 min"), (1315, "21 h 55 min"), (1936, "1 d 8 h")]
)
def test_lengths_are_said_as_people_say_them(minutes: int, text: str) -> None:
    assert length_text(minutes) == text


def test_the_table_fits_eighty_columns() -> None:
    console = Console(width=80, record=True)
    with console.capture() as capture:
        console.print(facts_table([inspect_recording(hand_made())]))
    lines = [line.rstrip() for line in capture.get().splitlines()]
    assert lines[2] == "bed-1       1970-01-01 16:40      1.9% 81 (80-81) 16 (15-16)     628"
    assert lines[3] == "2 artefacts 11 h 40 min, 0.1 3 (2, 10)     80-310       2-16    10 h"
    assert lines[5:] == ["too short to enrol for 24 h: bed-1 (687 of 1,440 valid minutes)"]


def write_ward(folder: Path) -> Path:
    rows = [f"bed-{bed},2150-01-01T00:0{minute}Z,80,15" for bed in (1, 2) for minute in range(5)]
    rows += [f"bed-3,2150-01-01T00:0{minute}Z,80," for minute in range(5)]
    path = folder / "ward.csv"
    path.write_text("\n".join(["device_id,observed_at,heart_rate_bpm,resp_rate_bpm", *rows]) + "\n")
    return path


def run(*arguments: object, columns: int = 100) -> Any:
    return CliRunner().invoke(app, ["inspect", *map(str, arguments)], env={"COLUMNS": str(columns)})


def test_the_command_says_what_is_usable_and_what_was_skipped(tmp_path: Path) -> None:
    result = run(write_ward(tmp_path))
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert "too short to enrol for 10 h: bed-1 (5 of 600 valid minutes), bed-2 (5 of 600 valid minutes)" in lines
    assert lines[-2] == "2 recordings, 10 minutes, 10 of them valid"
    assert lines[-1].startswith("skipped 1: respiratory rate never measured")


def test_the_documentation_shows_what_the_command_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = (Path(__file__).parents[3] / "docs" / "sources.md").read_text().split("```text\n")[1].split("```")[0]
    make, command, *shown = block.splitlines()
    assert command == "$ fedsecure inspect ward.csv"
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, make.split()[2:]).exit_code == 0
    printed = run("ward.csv", columns=80).stdout
    everywhere = re.sub(
        r"unlike the reference patients: .*?sd\)\n", "", printed, flags=re.DOTALL
    )  # a bundle's own words
    assert [line.rstrip() for line in everywhere.splitlines()] == shown


def test_json_holds_every_fact(tmp_path: Path) -> None:
    report = json.loads(run(write_ward(tmp_path), "--json").stdout)
    assert [recording["device_id"] for recording in report["recordings"]] == ["bed-1", "bed-2"]
    assert (report["minutes"], report["valid_minutes"]) == (10, 10)
    assert report["recordings"][0]["channels"]["heart_rate_bpm"]["median"] == 80
    assert report["recordings"][0]["gaps"] == {"count": 0, "median_min": None, "longest_min": 0}
    assert report["recordings"][0]["enrolments"][0]["why"] == "5 of 600 valid minutes"
    (skipped,) = report["skipped"]
    assert skipped["name"].endswith("ward.csv, device bed-3")
    assert skipped["reason"].startswith("respiratory rate never measured")


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "vitals.png"
    result = run(write_ward(tmp_path), "--plot", picture)
    assert result.stderr == f"drawn: {picture}\n"
    assert picture.read_bytes().startswith(b"\x89PNG")


def pixels(recording: Recording, picture: Path, colour: tuple[int, int, int]) -> int:
    draw_recordings([recording], picture)
    drawn = np.round(255 * imread(picture)[:, :, :3])
    return int((np.abs(drawn - colour) <= 2).all(axis=2).sum())


def test_a_picture_shows_gaps_and_artefacts(tmp_path: Path) -> None:
    whole = Recording("bed-1", 1000, np.full(700, 80.0), np.full(700, 15.0))
    shade, vermilion = (220, 220, 220), (213, 94, 0)
    for colour in (shade, vermilion):
        smooth_letters = pixels(whole, tmp_path / "whole.png", colour)
        assert pixels(hand_made(), tmp_path / "gaps.png", colour) > 2 * smooth_letters + 10


def test_wrong_calls_say_what_is_right(tmp_path: Path) -> None:
    ward = write_ward(tmp_path)
    for arguments, words in (
        ([ward, "--plot", "vitals.pdf"], "name it vitals.png"),
        ([ward, "--plot", tmp_path / "nowhere" / "x.png"], "choose another --plot"),
        ([tmp_path / "absent.csv"], "cannot be read"),
    ):
        error = run(*arguments).exception
        assert isinstance(error, Misconfigured)
        assert words in str(error)
    assert run().exit_code == 2


@pytest.mark.parametrize("interval", [2, 3, 5, 15])
def test_values_further_apart_than_a_minute_are_said_to_be_not_judged(interval: int) -> None:
    heart = np.where(np.arange(3000) % interval == 0, 80.0, NAN)
    facts = inspect_recording(Recording("icu-03", 1000, heart, heart / 5, label="ICU_03"))
    assert (facts.interval_min, facts.windows) == (interval, 0)
    assert not any(enrolment.usable for enrolment in facts.enrolments)
    with (console := Console(width=120)).capture() as capture:
        console.print(facts_table([facts]))
    share = f"{1 / interval:.0%}"
    said = f"a value every {interval} minutes ({share} of the minutes measured): not judged: ICU_03 (icu-03)"
    assert said in capture.get()


def test_minutes_of_which_half_are_missing_at_random_are_said_to_be_not_judged() -> None:
    lost = np.random.default_rng(1).random(3000) < 0.47
    heart = np.where(lost, NAN, 80.0)
    facts = inspect_recording(Recording("bed-1", 1000, heart, heart / 5))
    assert facts.interval_min == 1
    assert facts.sparse.startswith("most minutes far from the next")


def test_a_value_a_minute_is_not_called_sparse() -> None:
    facts = inspect_recording(hand_made(1500))
    assert (facts.interval_min, facts.sparse) == (1, "")


def test_an_unknown_file_is_told_every_format_and_how_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.edf").write_text("?")
    refused = CliRunner().invoke(app, ["inspect", str(tmp_path / "x.edf")]).exception
    assert isinstance(refused, Misconfigured)
    first, *listed = str(refused).splitlines()
    assert first.endswith("x.edf: .edf files are not read. The formats that are read, and how they are told:")
    assert len(listed) == len(all_sources())
    assert all(line.startswith("  ") for line in listed)
