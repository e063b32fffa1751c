"""What the demo starts, and what it refuses before it starts anything."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from fedsecure.demo import plan
from fedsecure.demo.plan import DemoOptions
from fedsecure.demo.run import Demo
from fedsecure.local_stack import Endpoints
from replay.attacks import parse_attack
from replay.demo_records import DemoRecords, all_synthetic

HERE, KEYS = Path("report"), Path("/keys")
HERE_ALREADY = DemoRecords({"p000020": Path("/x/p000020-1n.hea"), "s00001": Path("/x/s00001-1n.hea")}, {})
OFFLINE = all_synthetic()
ENDPOINTS = Endpoints("k:1", "redis://r:2/0", kafka_is_local=True, redis_is_local=True)


def test_the_devices_are_the_records_or_who_is_in_their_places_and_the_synthetic_patients() -> None:
    options = DemoOptions(HERE, seed=3, synthetic=4)
    made = [f"synthetic-3-{index:04d}" for index in range(4)]
    assert plan.device_ids(options, HERE_ALREADY) == ["p000020", "s00001", *made]
    assert plan.device_ids(options, OFFLINE) == ["synthetic-p000020", "synthetic-s00001", *made]


@pytest.mark.parametrize(("records", "first"), [(HERE_ALREADY, "s00001"), (OFFLINE, "synthetic-s00001")])
def test_by_default_a_record_and_a_synthetic_device_are_attacked_after_a_clean_stretch(
    records: DemoRecords, first: str
) -> None:
    specs = [parse_attack(text) for text in plan.attacks_of(DemoOptions(HERE), records)]
    assert [spec.device for spec in specs] == [first, "synthetic-7-0003"]
    assert all(spec.onset_min >= 720 for spec in specs)


def test_an_attack_on_a_record_is_taken_also_where_a_synthetic_patient_is_in_its_place() -> None:
    options = DemoOptions(HERE, attacks=("bias:device=s00001,onset=840",))
    assert plan.attacks_of(options, OFFLINE) == options.attacks
    assert plan.console_pages(options, OFFLINE)["device"] == "/device/synthetic-s00001"


def test_the_replay_streams_what_the_demo_found_and_fetches_nothing_itself() -> None:
    assert plan.replay_arguments(DemoOptions(HERE), HERE_ALREADY)[:5] == (
        "replay", "/x/p000020-1n.hea", "/x/s00001-1n.hea", "--offline", "--synthetic",
    )  # fmt: skip
    mixed = DemoRecords({"p000020": Path("/x/p000020-1n.hea")}, {"s00001": "synthetic-s00001"})
    assert plan.replay_arguments(DemoOptions(HERE), mixed)[:5] == (
        "replay", "/x/p000020-1n.hea", "--records", "s00001", "--offline",
    )  # fmt: skip


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
        plan.attacks_of(DemoOptions(HERE, attacks=(attack,)), HERE_ALREADY)


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
    arguments = plan.replay_arguments(DemoOptions(HERE), HERE_ALREADY)
    assert arguments[arguments.index("--pack") + 1] == "6"
    assert arguments.count("--attack") == 2


def test_a_report_that_cannot_be_written_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    output = io.StringIO()
    with pytest.raises(Misconfigured, match="choose another folder with --report"):
        Demo(DemoOptions(report_dir=tmp_path / "taken"), Console(file=output)).run()
    assert output.getvalue() == ""


def test_the_pictures_show_the_device_that_is_attacked_first() -> None:
    pages = plan.console_pages(DemoOptions(HERE, attacks=("backdoor-2:device=p000020,onset=840",)), HERE_ALREADY)
    assert pages["device"] == "/device/p000020"
    assert plan.console_arguments("http://127.0.0.1:4711") == ("console", "--port", "4711")
