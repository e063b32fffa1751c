"""An attack of one's own, in a module or file, is used by name wherever a listed one is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import Misconfigured
from replay.attacks import AttackSpec, find_attack, inject, parse_attack, read_attack_plan
from replay.attacks.own import own_attack
from replay.recording import Recording

SOURCE = '''
from __future__ import annotations

import numpy as np

from replay.attacks import Attack, Parameter


def plus_one(span, amounts, generator):
    """One more on the heart rate.

    And nothing on the other.
    """
    return span.heart_rate_bpm + 1, span.resp_rate_bpm


def whole(span, amounts, generator):
    return np.full(span.minutes, 70), np.full(span.minutes, 15)


def raised(span, amounts, generator):
    return span.heart_rate_bpm + amounts[0], span.resp_rate_bpm


ATTACK = Attack(
    name="raised", summary="raised", parameters=(Parameter("rise", "bpm"),), levels={"low": (2.0,), "strong": (5.0,)}, alter=raised
)


def one_channel(span, amounts, generator):
    return span.heart_rate_bpm


def too_short(span, amounts, generator):
    return span.heart_rate_bpm[1:], span.resp_rate_bpm


def two_arguments(span, amounts):
    return span.heart_rate_bpm, span.resp_rate_bpm


NUMBER = 3
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with an attack in a file and one in a package."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").touch()
    (tmp_path / "mine" / "attacks.py").write_text(SOURCE)
    (tmp_path / "my-attack.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    own_attack.cache_clear()
    yield tmp_path
    own_attack.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]


def bed() -> Recording:
    return Recording("bed-1", 0, np.full(5, 80.0), np.full(5, 16.0))


def heart_after(name: str, level: str = "strong") -> list[float]:
    return list(inject(bed(), AttackSpec(name, "bed-1", 3, level=level)).recording.heart_rate_bpm)


@pytest.mark.parametrize("where", ["mine.attacks", "my-attack.py", "./my-attack.py", "mine/attacks.py"])
def test_a_function_or_an_attack_is_found_in_a_module_or_a_file(folder: Path, where: str) -> None:
    assert heart_after(f"{where}:plus_one") == [80, 80, 80, 81, 81]
    assert heart_after(f"{where}:ATTACK") == [80, 80, 80, 85, 85]
    assert heart_after(f"{where}:ATTACK", "low") == [80, 80, 80, 82, 82]


def test_an_own_attack_is_called_by_what_finds_it_again(folder: Path) -> None:
    attack = find_attack("mine.attacks:ATTACK")
    assert attack.name == "mine.attacks:ATTACK"
    assert find_attack(attack.name) is attack
    assert find_attack("my-attack.py:plus_one").summary == "One more on the heart rate."


def test_a_flag_and_a_plan_take_an_own_attack(folder: Path) -> None:
    flag = "my-attack.py:ATTACK:device=bed-1,onset=3,level=low,ramp=2"
    spec = AttackSpec("my-attack.py:ATTACK", "bed-1", 3, level="low", ramp_min=2)
    (folder / "plan.yaml").write_text("- {attack: 'my-attack.py:ATTACK', device: bed-1, onset: 3, level: low, ramp: 2}")
    assert parse_attack(flag) == spec
    assert read_attack_plan(folder / "plan.yaml") == [spec]
    assert parse_attack("mine.attacks:plus_one:device=bed-1,onset=3").name == "mine.attacks:plus_one"


def test_whole_numbers_of_an_own_attack_are_vital_signs(folder: Path) -> None:
    after = inject(bed(), AttackSpec("my-attack.py:whole", "bed-1", 3)).recording
    np.testing.assert_array_equal(after.heart_rate_bpm, [80, 80, 80, 70, 70])
    assert after.heart_rate_bpm.dtype == np.float64


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("my-attack.py:nothing", "my-attack.py:nothing: my-attack.py has no nothing"),
        ("my-attack.py:NUMBER", r"is neither an Attack nor a function alter\(span, amounts, generator\)"),
        ("my-attack.py:two_arguments", "is neither an Attack nor a function"),
        ("nowhere.py:plus_one", "the attack's file nowhere.py is not there"),
        ("nowhere.attacks:plus_one", "cannot be imported: ModuleNotFoundError: No module named 'nowhere'"),
        ("broken.py:plus_one", "broken.py:plus_one cannot be imported: ZeroDivisionError"),
        ("unparsable.py:plus_one", "unparsable.py:plus_one cannot be imported: SyntaxError"),
        ("my-attack:plus_one", "there is no attack 'my-attack:plus_one'"),
        ("mine.attacks:", "there is no attack 'mine.attacks:'"),
    ],
)
def test_what_is_no_attack_is_told_apart(folder: Path, name: str, words: str) -> None:
    (folder / "broken.py").write_text("1 / 0")
    (folder / "unparsable.py").write_text("def (")
    with pytest.raises(Misconfigured, match=words):
        find_attack(name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("one_channel", "returned ndarray for a span of 2 minutes; it must return"),
        ("too_short", r"returned arrays of \[\(1,\), \(2,\)\] for a span of 2 minutes.*each of shape \(2,\)"),
    ],
)
def test_what_an_own_attack_returns_is_checked(folder: Path, name: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        heart_after(f"my-attack.py:{name}")


def test_a_function_has_one_level(folder: Path) -> None:
    with pytest.raises(Misconfigured, match="has no level 'subtle'; its levels are strong"):
        parse_attack("my-attack.py:plus_one:device=bed-1,onset=3,level=subtle")


def test_a_flag_without_fields_says_what_is_missing(folder: Path) -> None:
    with pytest.raises(Misconfigured, match=r"my-attack\.py:plus_one needs device="):
        parse_attack("my-attack.py:plus_one")


def test_the_search_path_is_left_as_it_was(folder: Path) -> None:
    before = list(sys.path)
    find_attack("mine.attacks:plus_one")
    assert sys.path == before
