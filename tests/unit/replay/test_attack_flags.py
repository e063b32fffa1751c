"""An attack is read from a flag or a plan; a wrong one is told what is right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contracts.errors import Misconfigured
from replay.attacks import AttackSpec, inject_all, parse_attack, read_attack_plan
from replay.recording import Recording

FULL = "data-poisoning-2:device=p000020,onset=600,duration=240,level=medium,seed=7"


def test_a_full_flag_is_read() -> None:
    assert parse_attack(FULL) == AttackSpec("data-poisoning-2", "p000020", 600, 240, "medium", 7)


def test_what_is_left_out_has_a_default_and_spaces_do_no_harm() -> None:
    assert parse_attack("backdoor-1: device=s00001, onset=60") == AttackSpec(
        "backdoor-1", "s00001", 60, None, "strong", 0
    )


def test_channels_ramp_and_donor_are_read() -> None:
    spec = parse_attack("spoof:device=a,onset=60,channels=hr,ramp=30,donor=b")
    assert spec == AttackSpec("spoof", "a", 60, channels="hr", ramp_min=30, donor="b")


@pytest.mark.parametrize("name", ["ICU_03", "icu 03", " Icu-03"])
def test_devices_are_named_as_the_hospital_writes_them(name: str, tmp_path: Path) -> None:
    asked = AttackSpec("spoof", "icu-03", 60, donor="u5e8a-5")
    assert parse_attack(f"spoof:device={name},onset=60,donor=床5") == asked
    plan = tmp_path / "plan.yaml"
    plan.write_text(f"- {{attack: spoof, device: '{name}', onset: 60, donor: 床5}}\n", encoding="utf-8")
    assert read_attack_plan(plan) == [asked]


def test_a_name_that_no_device_has_is_said_with_its_id() -> None:
    bed = Recording("bed-4", 1000, np.full(700, 80.0), np.full(700, 15.0), label="bed 4")
    expected = r"names the device ICU_03 \(icu-03\), which is not here; devices: bed 4 \(bed-4\)"
    with pytest.raises(Misconfigured, match=expected):
        inject_all([bed], [parse_attack("bias:device=ICU_03,onset=60")])


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        (
            "data-poisonin-2:device=a,onset=1",
            r"did you mean data-poisoning-2\?\); the attacks are amplitude, backdoor-1",
        ),
        ("", "there is no attack ''; the attacks are"),
        (
            "backdoor-1:device=a,onset=1,lenght=3",
            "no key 'lenght'.*the keys are device, onset, duration, level, seed, c",
        ),
        ("backdoor-1:device=a,onset=1,level=huge", "no level 'huge'; its levels are subtle, medium, strong"),
        ("backdoor-1:device=a,onset=ten", "onset=ten is not a whole number of minutes"),
        ("backdoor-1:device=a,onset=1.5", "onset=1.5 is not a whole number of minutes"),
        ("backdoor-1:device=a,onset=-1", "onset=-1; the least possible is 0"),
        ("backdoor-1:device=a,onset=1,duration=0", "duration=0; the least possible is 1"),
        ("backdoor-1:device=a,onset=1,seed=x", "seed=x is not a whole number$"),
        ("backdoor-1:onset=1", "needs device=…; an example: data-poisoning-2:device="),
        ("backdoor-1:device=a", "needs onset="),
        ("backdoor-1", "needs device="),
        ("backdoor-1:device", "'device' in the attack .* is not key=value"),
        ("backdoor-1:device=a,onset=1,onset=2", "'onset' is given twice"),
        ("backdoor-1:device=!!,onset=1", "'!!' is no name for a device: it needs a letter or a digit"),
        ("bias:device=a,onset=1,channels=pulse", "channels=pulse; use both, hr, rr"),
        ("bias:device=a,onset=1,ramp=-5", "ramp=-5; the least possible is 0"),
        ("bias:device=a,onset=1,donor=b", "bias takes no donor"),
        ("spoof:device=a,onset=1,donor=?", "'\\?' is no name for a device"),
        ("time-shift:device=a,onset=200,channels=rr", "changes the heart rate only"),
    ],
)
def test_a_wrong_flag_says_what_is_wrong_and_what_is_right(flag: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        parse_attack(flag)


def test_a_plan_is_a_list_of_attacks(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "- {attack: data-poisoning-2, device: p000020, onset: 600, duration: 240, level: medium, seed: 7}\n"
        "- attack: backdoor-1\n  device: s00001\n  onset: 60\n  ramp: 15\n  channels: rr\n"
    )
    second = parse_attack("backdoor-1:device=s00001,onset=60,ramp=15,channels=rr")
    assert read_attack_plan(plan) == [parse_attack(FULL), second]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- {attack: backdoor-1, device: a}", r"attack 1 of .*plan.yaml: backdoor-1 needs onset"),
        ("- {attack: backdoor-1, device: a, onset: 1}\n- {device: a}", "attack 2 of .* has no `attack`"),
        ("- {attack: backdoor-1, device: a, onset: }", "onset=None is not a whole number"),
        ("attack: backdoor-1", "is not a list of attacks"),
        ("", "is not a list of attacks"),
        ("- {attack", "is not YAML"),
        ("- !!python/object/apply:os.getcwd []", "is not YAML"),
    ],
)
def test_a_wrong_plan_names_the_file_and_the_entry(tmp_path: Path, text: str, words: str) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(text)
    with pytest.raises(Misconfigured, match=words):
        read_attack_plan(plan)


def test_a_plan_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"nowhere.yaml cannot be read"):
        read_attack_plan(tmp_path / "nowhere.yaml")
