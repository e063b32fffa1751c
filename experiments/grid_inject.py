"""Inject an evaluation's attacks, own ones included: picklable, so that worker processes can do it."""

from __future__ import annotations

from detectors.training.cohort import AttackCase, Recording, Vitals
from replay.attacks import AttackSpec, inject
from replay.attacks.base import Channels
from replay.recording import Recording as Replayed


def inject_both(recording: Recording, case: AttackCase) -> tuple[Vitals, Vitals]:
    """Attack heart and respiratory rate; return both afterwards."""
    return _injected(recording, case, "both")


def inject_heart_rate(recording: Recording, case: AttackCase) -> tuple[Vitals, Vitals]:
    """Attack the heart rate only; return both channels afterwards."""
    return _injected(recording, case, "hr")


def _injected(recording: Recording, case: AttackCase, channels: Channels) -> tuple[Vitals, Vitals]:
    assert isinstance(recording, Replayed)
    spec = AttackSpec(
        case.name, recording.device_id, case.onset_min, case.duration_min, case.level, case.seed, channels=channels
    )
    attacked = inject(recording, spec).recording
    return attacked.heart_rate_bpm, attacked.resp_rate_bpm
