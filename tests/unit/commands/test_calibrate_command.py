"""`fedsecure calibrate` reads recordings, tells what is excluded wrongly, and writes a bundle with another threshold and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from plain_detector import level_parameters, plain_parameters
from rich.console import Console
from typer.testing import CliRunner

from contracts.errors import Misconfigured
from contracts.event_time import from_event_minute
from detectors.bundle.bundle import Bundle, load_bundle, packed_bundle, save_bundle
from detectors.training.sites import calibration as site_calibration
from detectors.training.sites.calibration import Peak, SiteCalibration
from fedsecure.bundle_cards import SiteDevices
from fedsecure.cli import app
from fedsecure.commands.calibrate import TooFewDays
from fedsecure.tables.site import site_tables
from replay.recording import Recording
from replay.sources.synthetic import synthetic_cohort

RACING = {"synthetic-4-0001": (1500, 2100, 2700), "synthetic-4-0002": (1500,)}


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A bundle that excludes a device whose heart races for an hour and a quarter; one patient below taught it."""
    folder = tmp_path_factory.mktemp("base")
    parameters = replace(level_parameters(threshold=2.0), network=plain_parameters().network)
    references = [{"real": True, "enrolled_min": {"synthetic-4-0003": 600, "somebody": 600}}]
    save_bundle(Bundle(parameters, {"budget": 0.2, "data": {"references": references}}), folder)
    return folder


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ward")
    for one in synthetic_cohort(4, 4, 3000):
        heart = one.heart_rate_bpm.copy()
        for place, onset in enumerate(RACING.get(one.device_id, ())):
            heart[onset : onset + 180] += 60 + 30 * place
        write(folder, one.device_id, one, heart)
    return folder


def write(folder: Path, name: str, one: Recording, heart: np.ndarray) -> None:
    lines = ["device_id,observed_at,heart_rate_bpm,resp_rate_bpm"]
    for minute, (pulse, breath) in enumerate(zip(heart, one.resp_rate_bpm, strict=True)):
        at = from_event_minute(one.first_event_minute + minute)
        lines.append(f"{name},{at:%Y-%m-%dT%H:%M:%SZ},{pulse:.1f},{breath:.1f}".replace("nan", ""))
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


def called(base: Path, recordings: Path, out: Path, *more: str):
    given = ["--recordings", str(recordings), "--bundle", str(base), "--out", str(out), "--enrolment", "1200", *more]
    return CliRunner().invoke(app, ["calibrate", *given])


def test_too_few_days_are_told_with_what_they_are_worth_and_leave_no_bundle(base, recordings, tmp_path):
    result = called(base, recordings, tmp_path / "out")
    assert isinstance(result.exception, TooFewDays)
    words = " ".join(result.stdout.split())
    assert "device-days are too few to move the threshold by: with" in words
    assert "a device-week. From 100 device-days on it may be raised, from 500 on lowered" in words
    assert list(tmp_path.iterdir()) == []


def test_a_signed_off_bundle_has_a_new_threshold_and_a_card_that_says_why(base, recordings, tmp_path, monkeypatch):
    monkeypatch.setattr(site_calibration, "RAISING_DAYS", 3)
    result = called(base, recordings, tmp_path / "out", "--by", "Dr Roe", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    calibrated, before = load_bundle(tmp_path / "out"), load_bundle(base)
    (card,) = calibrated.metadata["site_calibrations"]
    assert told.items() >= {"bundle": calibrated.sha256, **card}.items()
    assert (card["base"], card["signed_off_by"], card["decision"]) == (before.sha256, "Dr Roe", "raised")
    assert card["taught_the_bundle"] == ["synthetic-4-0003"]
    assert card["devices"] == [f"synthetic-4-000{place}" for place in range(4)]
    assert card["before"]["false_exclusions"] >= 4
    assert card["before"]["low"] < card["before"]["a_week"] < card["before"]["high"]
    assert card["after"]["false_exclusions"] < card["before"]["false_exclusions"]
    assert calibrated.parameters.threshold == pytest.approx(card["after"]["threshold"], abs=1e-4)
    assert calibrated.parameters.threshold > 2.0
    assert {one["device_id"] for one in told["excluded"]} >= set(RACING)
    assert all(one["fired"] == ["fast"] for one in told["excluded"])
    # the threshold and the card apart, both are the same bundle
    undone = replace(calibrated, parameters=replace(calibrated.parameters, threshold=2.0), metadata=before.metadata)
    assert packed_bundle(undone) == packed_bundle(before)


def test_the_same_recordings_make_the_same_bundle_and_a_folder_in_use_is_left_alone(
    base, recordings, tmp_path, monkeypatch
):
    monkeypatch.setattr(site_calibration, "RAISING_DAYS", 3)
    for name in ("one", "two"):
        result = called(base, recordings, tmp_path / name, "--by", "Dr Roe")
        assert result.exit_code == 0, result.output
    assert load_bundle(tmp_path / "one").sha256 == load_bundle(tmp_path / "two").sha256
    again = called(base, recordings, tmp_path / "one", "--by", "Dr Roe")
    assert isinstance(again.exception, Misconfigured)
    assert "not an empty folder" in str(again.exception)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_a_second_calibration_stands_on_the_card_beside_the_first(base, recordings, tmp_path, monkeypatch):
    monkeypatch.setattr(site_calibration, "RAISING_DAYS", 3)
    called(base, recordings, tmp_path / "one", "--by", "Dr Roe")
    called(tmp_path / "one", recordings, tmp_path / "two", "--by", "Dr Doe", "--budget", "0.01")
    first, second = load_bundle(tmp_path / "two").metadata["site_calibrations"]
    assert (first["signed_off_by"], second["signed_off_by"]) == ("Dr Roe", "Dr Doe")
    assert second["base"] == load_bundle(tmp_path / "one").sha256
    assert second["before"]["threshold"] == first["after"]["threshold"]


def test_a_bundle_without_a_budget_asks_for_one(recordings, tmp_path):
    folder = tmp_path / "base"
    folder.mkdir()
    save_bundle(Bundle(plain_parameters(), {}), folder)
    result = called(folder, recordings, tmp_path / "out")
    assert isinstance(result.exception, Misconfigured)
    assert "--budget" in str(result.exception)


def test_recordings_that_are_all_too_short_are_a_wrong_call(base, tmp_path):
    folder = tmp_path / "ward"
    folder.mkdir()
    short = synthetic_cohort(4, 1, 700)[0]
    write(folder, short.device_id, short, short.heart_rate_bpm)
    result = called(base, folder, tmp_path / "out")
    assert isinstance(result.exception, Misconfigured)
    assert "nothing is judged" in str(result.exception)


# --- for people -------------------------------------------------------------------------------------------------------


def printed(calibration: SiteCalibration, devices: SiteDevices) -> str:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(site_tables(calibration, devices))
    return capture.get()


def some(decision: site_calibration.Decision, after: float, weeks: float = 20.0) -> SiteCalibration:
    peaks = (
        Peak("ward-7-bed-01", 1_000_000, 1.6, (1.7, 0.4, 1.5), ()),
        Peak("ward-7-bed-01", 900_000, 1.2, (0.1, 0.4, 0.2), ()),
        Peak("b", 950_000, 0.0, (0.0, 0.0, 0.0), ("pulse",)),
        Peak("c", 950_000, 0.7, (0.0, 0.0, 0.0), ()),
    )
    return SiteCalibration(weeks, peaks, 0.1, 1.0, after, decision)


def test_the_tables_fit_80_columns_and_say_who_and_what_fired():
    text = printed(some("raised", 1.4), SiteDevices(["a", "b", "c"], ["d"], []))
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "1.00 3 0.15 0.03 to 0.44 2 now" in lines
    assert "1.40 2 0.10 0.01 to 0.36 2 new" in lines
    assert "too short to be judged for four hours after the enrolment: d" in lines
    (row,) = [line for line in lines if line.startswith("ward-7-bed-01")]
    assert row.endswith("2 1 1971-09-18 00:00 slow 1, fast 1, family-free 1")
    assert any(line.startswith("b 1 1") and line.endswith("pulse 1") for line in lines)
    assert not any(line.startswith("c ") for line in lines)


@pytest.mark.parametrize(
    ("calibration", "words"),
    [
        (some("too few", 1.0, weeks=5.0), "35.0 device-days are too few to move the threshold by"),
        (some("kept", 1.0), "from 500 device-days on it could be lowered"),
        (some("raised", 1.4), "the threshold is raised from 1.00 to 1.40 for the budget of 0.1 a device-week"),
        (some("raised", 2.0, weeks=5.0), "as far as it may be moved, which leaves 1 false exclusion"),
    ],
)
def test_what_follows_is_said_in_a_sentence(calibration, words):
    assert words in " ".join(printed(calibration, SiteDevices(["a"], [], [])).split())


def test_patients_who_taught_the_bundle_are_pointed_out():
    text = printed(some("kept", 1.0), SiteDevices(["a", "b"], [], ["b"]))
    assert "1 of these patients taught this bundle (b): it judges them too well" in " ".join(text.split())
