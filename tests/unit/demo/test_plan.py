"""What the demo starts, and what it refuses before it starts anything."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from contracts.errors import Misconfigured
from contracts.settings import Settings
from fedsecure.demo import plan
from fedsecure.demo.options import DemoOptions
from fedsecure.demo.run import Demo
from fedsecure.local_stack import Endpoints
from replay.attacks import parse_attack
from replay.sources.shipped import shipped_recordings

HERE, KEYS = Path("report"), Path("/keys")
ENDPOINTS = Endpoints("k:1", "redis://r:2/0", kafka_is_local=True, redis_is_local=True)


def test_the_devices_are_those_that_the_replay_will_read() -> None:
    ids = plan.device_ids(DemoOptions(HERE, seed=3, synthetic=4))
    assert ids[:2] == [recording.device_id for recording in shipped_recordings()]
    assert ids[2:] == [f"synthetic-3-{index:04d}" for index in range(4)]


def test_by_default_a_real_and_a_synthetic_device_are_attacked_after_a_clean_stretch() -> None:
    specs = [parse_attack(text) for text in plan.attacks_of(DemoOptions(HERE))]
    assert [spec.device for spec in specs] == ["s00001", "synthetic-7-0003"]
    assert all(spec.onset_min >= 720 for spec in specs)


@pytest.mark.parametrize(
    ("attack", "told"),
    [
        ("data-poisoning-2:device=p1,onset=800", "the demo has p000020, s00001, synthetic-7-0000"),
        ("data-poisoning-2:device=p000020,onset=1315", "streams 1315 minutes"),
        ("data-poisoning-9:device=p000020,onset=800", "data-poisoning-9"),
    ],
)
def test_a_wrong_attack_is_refused_at_once(attack: str, told: str) -> None:
    with pytest.raises(Misconfigured, match=told):
        plan.attacks_of(DemoOptions(HERE, attacks=(attack,)))


@pytest.mark.parametrize("wrong", [{"speed": 0.0}, {"speed": float("nan")}, {"speed": 1e6}, {"synthetic": 1}])
def test_options_that_make_no_demo_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(Misconfigured):
        DemoOptions(HERE, **wrong)  # type: ignore[arg-type]


def test_two_runs_on_one_broker_never_meet() -> None:
    first, second = (plan.settings_for_run(ENDPOINTS, KEYS) for _ in range(2))
    assert first.prefix != second.prefix
    assert first.worker_group != second.worker_group


def test_a_program_gets_exactly_the_runs_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = plan.settings_for_run(ENDPOINTS, KEYS)
    environ = plan.program_environ(
        settings, {"PATH": "/bin", "FEDSECURE_ENROLMENT_MIN": "130", "FEDSECURE_DEVICES": "x"}
    )
    assert environ["PATH"] == "/bin"
    for name in ("FEDSECURE_ENROLMENT_MIN", "FEDSECURE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        if name.startswith(("FEDSECURE_", "KAFKA_", "REDIS_")):
            monkeypatch.setenv(name, value)
    assert Settings() == settings
    assert (settings.register_new_devices, settings.device_key_dir) == (True, KEYS)


def test_the_replay_sends_about_two_messages_a_second_of_each_device() -> None:
    assert DemoOptions(HERE, speed=480.0).pack_min == 4
    assert DemoOptions(HERE, speed=60.0).pack_min == 1
    arguments = plan.replay_program(DemoOptions(HERE)).arguments
    assert arguments[arguments.index("--pack") + 1] == "4"
    assert arguments.count("--attack") == 2


def test_a_report_that_cannot_be_written_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    output = io.StringIO()
    with pytest.raises(Misconfigured, match="choose another folder with --report"):
        Demo(DemoOptions(report_dir=tmp_path / "taken"), Console(file=output)).run()
    assert output.getvalue() == ""


def test_the_pictures_show_the_device_that_is_attacked_first() -> None:
    pages = plan.console_pages(DemoOptions(HERE, attacks=("backdoor-2:device=p000020,onset=840",)))
    assert pages["device"] == "/device/p000020"
    assert plan.console_program("http://127.0.0.1:4711").arguments == ("console", "--port", "4711")
