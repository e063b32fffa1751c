"""Replay's own attacks, as training and evaluation inject them into recordings."""

from __future__ import annotations

from typing import Final

from detectors.training.cohort import AttackCase, Recording, Vitals
from replay.attacks import ATTACKS, AttackSpec, inject
from replay.recording import Recording as Replayed

CORE: Final = ("data-poisoning-1", "data-poisoning-2", "amplitude", "motif", "stuck-at")
LEVELS: Final = ("subtle", "medium", "strong")


def attack_cases() -> tuple[tuple[str, str], ...]:
    """Return every (attack, level) that replay can inject, in a fixed order."""
    return tuple((name, level) for name in sorted(ATTACKS) for level in ATTACKS[name].levels)


def core_cases() -> tuple[tuple[str, str], ...]:
    """Return the five core attacks at their three levels: what the classifiers learn from beside random distortions."""
    return tuple((name, level) for name in CORE for level in LEVELS)


def inject_case(recording: Recording, case: AttackCase) -> tuple[Vitals, Vitals]:
    """Attack a recording; return its heart and respiratory rate afterwards."""
    if not isinstance(recording, Replayed):
        raise TypeError(f"{recording.device_id} is not a recording of replay's")
    spec = AttackSpec(case.name, recording.device_id, case.onset_min, case.duration_min, case.level, case.seed)
    attacked = inject(recording, spec).recording
    return attacked.heart_rate_bpm, attacked.resp_rate_bpm
