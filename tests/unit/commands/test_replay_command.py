"""`fedsecure replay` gathers what was asked for, and says plainly what it did and how to go on."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from contracts.errors import Misconfigured
from fedsecure.commands import replay as command
from fedsecure.tables.replay import RateMeter, replay_display
from replay.progress import DeviceReplay, Progress, ReplayResult
from replay.sessions import Session


def result(*, sent: int = 60, stopped: bool = False, unacked: int = 0, complete: bool = False) -> ReplayResult:
    device = DeviceReplay(Session("p000020", 1, 0, 60 if complete else 0, 60), sent)
    return ReplayResult(
        sent, sent, 2.0, stopped=stopped, unacked=unacked, producers_replaced=0, devices={"p000020": device}
    )


def progress(sent: int, elapsed_s: float, total: int = 100) -> Progress:
    return Progress(3, 2, 1, sent_min=sent, total_min=total, messages=sent, elapsed_s=elapsed_s, lag_s=0.25)


OFFLINE = ["synthetic-p000020", "synthetic-s00001"]


def test_without_files_the_records_of_the_demo_are_replayed() -> None:
    assert command.gather_records([], offline=True, needed=True).device_ids == OFFLINE
    assert command.gather_records([], offline=True, needed=False).device_ids == []
    assert command.gather_records(["p000020"], offline=True, needed=True).device_ids == OFFLINE[:1]


def test_the_environment_can_say_offline_too_and_it_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FEDSECURE_OFFLINE", "1")
    assert command.gather_records(["demo"], offline=False, needed=False).device_ids == OFFLINE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "offline: synthetic patients take the places of p000020 and s00001 (devices synthetic-p000020 and synthetic-s00001)\n"
    )


def test_records_synthetic_patients_and_files_add_up(tmp_path: Path) -> None:
    csv = tmp_path / "ward.csv"
    csv.write_text("device_id,observed_at,heart_rate_bpm,resp_rate_bpm\nbed-7,2183-04-28T17:47:00Z,80,16\n")
    records = command.gather_records(["p000020"], offline=True, needed=False)
    recordings = command.gather_recordings(records, [csv], 2, 5, 90)
    assert [recording.device_id for recording in recordings][:2] == ["synthetic-p000020", "bed-7"]
    assert [recording.minutes for recording in recordings][2:] == [90, 90]


def test_attacks_come_from_flags_and_from_the_plan(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("- {attack: backdoor-1, device: s00001, onset: 10, duration: 20}\n")
    attacks = command.gather_attacks(["data-poisoning-2:device=p000020,onset=600,duration=240"], plan)
    assert [(spec.name, spec.device, spec.onset_min) for spec in attacks] == [
        ("data-poisoning-2", "p000020", 600),
        ("backdoor-1", "s00001", 10),
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--speed", "fast"], "1 (real time)"),
        (["--pack", "0"], "1 to 1440"),
        (["--repeat", "0"], "1 (each recording once)"),
        (["--attack", "data-poisoning-9:device=p000020,onset=1,duration=1"], "backdoor-1, backdoor-2"),
        (["--records", "p1"], "demo, p000020, s00001"),
    ],
)
def test_a_wrong_flag_is_named_with_what_is_right_before_kafka_is_asked(arguments: list[str], says: str) -> None:
    app = typer.Typer()
    app.command("replay")(command.replay)
    answer = CliRunner().invoke(app, arguments)
    assert isinstance(answer.exception, Misconfigured)
    assert says in str(answer.exception)


def test_the_summary_says_what_was_done_and_how_to_go_on() -> None:
    assert command.summary(result()) == "sent 60 minutes of 1 devices in 60 messages and 2.0 s (30 minutes/s)."
    assert "Run the same command again (without --fresh)" in command.summary(result(stopped=True))
    assert "has not acknowledged 4 more" in command.summary(result(stopped=True, unacked=4))
    nothing = command.summary(result(sent=0, complete=True))
    assert "nothing to send" in nothing
    assert "--fresh" in nothing
    assert "p000020-r2" in nothing


def test_where_nobody_watches_a_line_comes_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with replay_display(Console(force_terminal=False)) as show:
        for sent in range(0, 101, 10):
            show(progress(sent, elapsed_s=sent / 10))
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "replay 3 devices (1 resumed, 1 already sent): 0 of 100 minutes, 0 minutes/s, lag 0.2 s",
        "replay 3 devices (1 resumed, 1 already sent): 50 of 100 minutes, 10 minutes/s, lag 0.2 s",
        "replay 3 devices (1 resumed, 1 already sent): 100 of 100 minutes, 10 minutes/s, lag 0.2 s",
    ]


def test_on_a_terminal_one_line_lives(tmp_path: Path) -> None:
    with (tmp_path / "screen").open("w+") as screen:
        with replay_display(Console(file=screen, force_terminal=True, width=200)) as show:
            show(progress(0, 0.0))
            show(progress(50, 5.0))
        screen.seek(0)
        text = screen.read()
    assert "50 of 100 min" in text
    assert "10 min/s" in text
    assert "lag 0.2 s" in text


def test_the_rate_is_smoothed() -> None:
    meter = RateMeter(smoothing=0.5)
    assert meter.update(progress(0, 0.0)) == 0.0
    assert meter.update(progress(10, 1.0)) == 10.0
    assert meter.update(progress(10, 2.0)) == 5.0
