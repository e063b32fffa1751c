"""Replay's own attacks, as training and evaluation inject them into recordings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from detectors.training.cohort import AttackCase, Recording, Vitals
from replay.attacks import ATTACKS, AttackSpec, find_attack, inject
from replay.recording import Recording as Replayed

CORE: Final = ("data-poisoning-1", "data-poisoning-2", "amplitude", "motif", "stuck-at")
LEVELS: Final = ("subtle", "medium", "strong")


def attack_cases() -> tuple[tuple[str, str], ...]:
    """Return every (attack, level) that replay can inject, in a fixed order."""
    return tuple((name, level) for name in sorted(ATTACKS) for level in ATTACKS[name].levels)


def core_cases() -> tuple[tuple[str, str], ...]:
    """Return the five core attacks at their three levels: what the classifiers learn from beside random distortions."""
    return tuple((name, level) for name in CORE for level in LEVELS)


def inject_case(recording: Recording, case: AttackCase, donor: Replayed | None = None) -> tuple[Vitals, Vitals]:
    """Attack a recording. Return its heart and respiratory rate afterwards."""
    if not isinstance(recording, Replayed):
        raise TypeError(f"{recording.device_id} is not a recording of replay's")
    giver = donor if donor is not None and find_attack(case.name).takes_donor else None
    name = None if giver is None else giver.device_id
    spec = AttackSpec(
        case.name, recording.device_id, case.onset_min, case.duration_min, case.level, case.seed, donor=name
    )
    attacked = inject(recording, spec, giver).recording
    return attacked.heart_rate_bpm, attacked.resp_rate_bpm


@dataclass(frozen=True, slots=True)
class DonorInjector:
    """Injects replay's attacks. `donor` is whose data an attack such as spoof sends (None: a drawn synthetic patient's).

    An attack that cannot begin so early (it needs some of the device's own past) leaves the recording as it is:
    `is_possible` tells.
    """

    donor: Replayed | None = None

    def __call__(self, recording: Recording, case: AttackCase) -> tuple[Vitals, Vitals]:
        if isinstance(recording, Replayed) and not is_possible(case.name, case.level, case.onset_min):
            return recording.heart_rate_bpm, recording.resp_rate_bpm
        return inject_case(recording, case, self.donor)


def is_possible(name: str, level: str, onset_min: int) -> bool:
    """Return whether an attack can begin at a minute of a recording."""
    return onset_min >= find_attack(name).smallest_onset_min(level)
