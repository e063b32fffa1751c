"""Read an attack as written in a flag: `data-poisoning-2:device=p000020,onset=600,level=strong`."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from contracts.errors import Misconfigured
from contracts.identifiers import check_device_id
from replay.attacks.base import DEFAULT_LEVEL, AttackSpec
from replay.attacks.registry import find_attack

EXAMPLE = "data-poisoning-2:device=p000020,onset=600,duration=240,level=strong,seed=7"
KEYS = ("device", "onset", "duration", "level", "seed")


def parse_attack(text: str) -> AttackSpec:
    """Return the attack that the flag describes; `onset` and `duration` are minutes.

    Raises Misconfigured saying what is wrong and what is right.
    """
    name, _, rest = text.partition(":")
    fields: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in rest.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise Misconfigured(f"{part!r} in the attack {text!r} is not key=value; an example: {EXAMPLE}")
        if key in fields:
            raise Misconfigured(f"{key!r} is given twice in the attack {text!r}")
        fields[key] = value
    return spec_from_fields(name.strip(), fields)


def spec_from_fields(name: str, fields: Mapping[str, object]) -> AttackSpec:
    """Return the checked spec of an attack and its fields (text or numbers), or raise Misconfigured."""
    attack = find_attack(name)
    for key in fields:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise Misconfigured(f"{name} has no key {key!r}{hint}; the keys are {', '.join(KEYS)}")
    for key in ("device", "onset"):
        if key not in fields:
            raise Misconfigured(f"{name} needs {key}=…; an example: {EXAMPLE}")
    level = str(fields.get("level", DEFAULT_LEVEL))
    attack.amounts(level)
    return AttackSpec(
        name=name,
        device=check_device_id(str(fields["device"])),
        onset_min=_whole(name, "onset", fields["onset"], least=0),
        duration_min=_whole(name, "duration", fields["duration"], least=1) if "duration" in fields else None,
        level=level,
        seed=_whole(name, "seed", fields.get("seed", 0), least=0),
    )


def _whole(name: str, key: str, value: object, *, least: int) -> int:
    unit = "" if key == "seed" else " of minutes"
    try:
        number = int(str(value))
    except ValueError:
        raise Misconfigured(f"{name}: {key}={value} is not a whole number{unit}") from None
    if number < least:
        raise Misconfigured(f"{name}: {key}={value}; the least possible is {least}")
    return number
