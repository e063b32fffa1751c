"""Attacks on recordings: one file each, behind one registry, with exact ground truth."""

from __future__ import annotations

from replay.attacks.base import Amounts, Attack, AttackedSpan, AttackSpec, Injection, Parameter
from replay.attacks.inject import inject, inject_all
from replay.attacks.parse import parse_attack, read_attack_plan
from replay.attacks.registry import ATTACKS, find_attack

__all__ = [
    "ATTACKS", "Amounts", "Attack", "AttackSpec", "AttackedSpan", "Injection", "Parameter", "find_attack", "inject",
    "inject_all", "parse_attack", "read_attack_plan",
]  # fmt: skip
