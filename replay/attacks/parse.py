"""Read attacks as written in flags, `data-poisoning-2:device=p000020,onset=600,level=strong`, or in a plan in YAML."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import cast

import yaml

from contracts.errors import Misconfigured
from contracts.identifiers import device_id_of, device_ids_of
from replay.attacks.base import DEFAULT_LEVEL, AttackSpec, Channels
from replay.attacks.fit import check_choices
from replay.attacks.registry import ATTACKS, find_attack

EXAMPLE = "data-poisoning-2:device=p000020,onset=600,duration=240,level=strong,seed=7"
LARGEST_PLAN_BYTES = 1_000_000
ENTRY_EXAMPLE = "- {attack: data-poisoning-2, device: p000020, onset: 600, duration: 240, level: strong, seed: 7}"
KEYS = ("device", "onset", "duration", "level", "seed", "channels", "ramp", "donor")


def parse_attack(text: str) -> AttackSpec:
    """Return the attack that the flag describes. `onset`, `duration` and `ramp` are minutes.

    Raises Misconfigured saying what is wrong and what is right.

    >>> parse_attack("bias:device=ICU_03,onset=600,level=subtle").device
    'icu-03'
    """
    name, rest = _name_and_fields(text)
    fields: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in rest.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise Misconfigured(f"{part!r} in the attack {text!r} is not key=value; an example: {EXAMPLE}")
        if key in fields:
            raise Misconfigured(f"{key!r} is given twice in the attack {text!r}")
        fields[key] = value
    return spec_from_fields(name.strip(), fields)


def _name_and_fields(text: str) -> tuple[str, str]:
    """Split at the last colon, unless it is the one inside the name of an own attack (`my_attack.py:alter`)."""
    name, colon, fields = text.rpartition(":")
    if colon and ("=" in fields or name.strip() in ATTACKS):
        return name, fields
    return text, ""


def spec_from_fields(name: str, fields: Mapping[str, object]) -> AttackSpec:
    """Return the checked spec of an attack and its fields (text or numbers), or raise Misconfigured.

    >>> spec_from_fields("motif", {"device": "p1", "onset": 600, "ramp": 30}).ramp_min
    30
    """
    attack = find_attack(name)
    for key in fields:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise Misconfigured(f"{name} has no key {key!r}{hint}; the keys are {', '.join(KEYS)}")
    for key in ("device", "onset"):
        if key not in fields:
            raise Misconfigured(f"{name} needs {key}=…; an example: {EXAMPLE}")
    named = {key: str(fields[key]) for key in ("device", "donor") if key in fields}
    spec = AttackSpec(
        name=name,
        device=device_id_of(named["device"]),
        onset_min=_whole(name, "onset", fields["onset"], least=0),
        duration_min=_whole(name, "duration", fields["duration"], least=1) if "duration" in fields else None,
        level=str(fields.get("level", DEFAULT_LEVEL)),
        seed=_whole(name, "seed", fields.get("seed", 0), least=0),
        channels=cast("Channels", str(fields.get("channels", "both"))),
        ramp_min=_whole(name, "ramp", fields.get("ramp", 0), least=0),
        donor=device_id_of(named["donor"]) if "donor" in named else None,
        given=device_ids_of(named.values()),
    )
    check_choices(attack, spec)
    return spec


def _whole(name: str, key: str, value: object, *, least: int) -> int:
    unit = "" if key == "seed" else " of minutes"
    try:
        number = int(str(value))
    except ValueError:
        raise Misconfigured(f"{name}: {key}={value} is not a whole number{unit}") from None
    if number < least:
        raise Misconfigured(f"{name}: {key}={value}; the least possible is {least}")
    return number


def read_attack_plan(path: Path) -> list[AttackSpec]:
    """Return the attacks of the plan in their order. Raises Misconfigured naming the file and the entry."""
    try:
        entries = yaml.safe_load(_text_of(path))
    except OSError as error:
        raise Misconfigured(f"the attack plan {path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Misconfigured(f"the attack plan {path} is not YAML: {_in_one_line(error)}") from None
    if not isinstance(entries, list) or not entries:
        raise Misconfigured(f"the attack plan {path} is not a list of attacks; an entry looks like {ENTRY_EXAMPLE}")
    return [_planned(path, number, entry) for number, entry in enumerate(entries, start=1)]


def _text_of(path: Path) -> str:
    with path.open("rb") as stream:
        content = stream.read(LARGEST_PLAN_BYTES + 1)
    if len(content) > LARGEST_PLAN_BYTES:
        raise Misconfigured(
            f"the attack plan {path} is larger than {LARGEST_PLAN_BYTES // 1_000_000} MB: that is no plan"
        )
    return content.decode()


def _in_one_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem}, line {error.problem_mark.line + 1}"
    return "no text" if isinstance(error, UnicodeDecodeError) else type(error).__name__


def _planned(path: Path, number: int, entry: object) -> AttackSpec:
    where = f"attack {number} of {path}"
    if not isinstance(entry, dict) or "attack" not in entry:
        raise Misconfigured(f"{where} has no `attack`; an entry looks like {ENTRY_EXAMPLE}")
    fields = {str(key): value for key, value in entry.items() if key != "attack"}
    try:
        return spec_from_fields(str(entry["attack"]), fields)
    except Misconfigured as error:
        raise Misconfigured(f"{where}: {error}") from None
