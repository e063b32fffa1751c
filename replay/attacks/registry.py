"""The attacks there are: every file of this folder that defines `ATTACK`, so that adding a file adds an attack."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from contracts.errors import Misconfigured
from replay.attacks.base import Attack
from replay.attacks.own import is_reference, own_attack


def _discover() -> Mapping[str, Attack]:
    """Import this folder's other files by name order and collect their attacks."""
    here = Path(__file__)
    machinery = {"__init__", "base", "fit", "inject", "own", "parse", "past", here.stem}
    modules = (file.stem for file in sorted(here.parent.glob("*.py")) if file.stem not in machinery)
    attacks = (import_module(f"{__package__}.{module}").ATTACK for module in modules)
    return MappingProxyType({attack.name: attack for attack in attacks})


ATTACKS: Mapping[str, Attack] = _discover()


def find_attack(name: str) -> Attack:
    """Return the attack of that name, or of your own module or file: `my_pkg.my_attack:ATTACK`, `my_attack.py:alter`.

    Imports an own attack once. Raises Misconfigured with the nearest name and the list, or what is wrong with an own one.

    >>> find_attack("bias").describe("strong")
    'HR offset 12 bpm, RR offset 4 /min'
    """
    if name in ATTACKS:
        return ATTACKS[name]
    if is_reference(name):
        return own_attack(name)
    near = get_close_matches(name.partition(":")[0], ATTACKS, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    raise Misconfigured(f"there is no attack {name!r}{hint}; the attacks are {', '.join(ATTACKS)}")
