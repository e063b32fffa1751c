"""Read an attack as written in a flag: `data-poisoning-2:device=p000020,onset=600,level=strong`."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import cast

from contracts.errors import Misconfigured
from contracts.identifiers import device_id_of, device_ids_of
from replay.attacks.base import DEFAULT_LEVEL, AttackSpec, Channels
from replay.attacks.fit import check_choices
from replay.attacks.registry import ATTACKS, find_attack

EXAMPLE = "data-poisoning-2:device=p000020,onset=600,duration=240,level=strong,seed=7"
KEYS = ("device", "onset", "duration", "level", "seed", "channels", "ramp", "donor")


def parse_attack(text: str) -> AttackSpec:
    """Return the attack that the flag describes; `onset`, `duration` and `ramp` are minutes.

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
