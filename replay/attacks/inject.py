"""Apply attacks to recordings and tell exactly which minutes they changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np

from contracts.errors import Misconfigured
from replay.attacks.base import AttackedSpan, AttackSpec, Injection
from replay.attacks.registry import find_attack
from replay.recording import Recording, Vitals, round_to_grid

# An attacker who wants his values used keeps them inside what the preprocessing accepts as physiological.
HEART_RATE_LIMITS_BPM = (20.0, 300.0)
RESP_RATE_LIMITS_BPM = (3.0, 100.0)


def inject(recording: Recording, spec: AttackSpec) -> Injection:
    """Return the attacked recording and its ground truth; the same spec always gives the same result.

    Values are altered at the device's own resolution, limited to the physiological range and rounded to the device's grid.
    A missing minute stays missing. PULSE is left alone: the paper's attacker reaches HR and RR only.
    Raises Misconfigured for a spec that does not fit the recording.
    """
    attack = find_attack(spec.name)
    span = AttackedSpan(recording, spec.onset_min, _end_min(recording, spec))
    heart_rate_bpm, resp_rate_bpm = attack.alter(span, attack.amounts(spec.level), _generator(spec))
    attacked = replace(
        recording,
        heart_rate_bpm=_written(recording.heart_rate_bpm, heart_rate_bpm, span, HEART_RATE_LIMITS_BPM),
        resp_rate_bpm=_written(recording.resp_rate_bpm, resp_rate_bpm, span, RESP_RATE_LIMITS_BPM),
    )
    poisoned = np.zeros(recording.minutes, dtype=np.bool_)
    for before, after in zip(recording.channels().values(), attacked.channels().values(), strict=True):
        poisoned |= ~np.isnan(before) & (before != after)
    return Injection(attacked, poisoned, spec, span.end_min)


def inject_all(
    recordings: Sequence[Recording], specs: Sequence[AttackSpec]
) -> tuple[list[Recording], dict[str, list[Injection]]]:
    """Apply the specs in order, several on one device included.

    Returns the recordings in their order (attacked ones replaced) and each attacked device's injections; the truth
    of an injection compares with the values that it found, earlier attacks included. Raises Misconfigured for a device that is not there.
    """
    current = {recording.device_id: recording for recording in recordings}
    injections: dict[str, list[Injection]] = {}
    for spec in specs:
        if spec.device not in current:
            devices = ", ".join(sorted(current)) or "none"
            raise Misconfigured(f"{spec.name} names the device {spec.device!r}, which is not here; devices: {devices}")
        injection = inject(current[spec.device], spec)
        current[spec.device] = injection.recording
        injections.setdefault(spec.device, []).append(injection)
    return list(current.values()), injections


def _end_min(recording: Recording, spec: AttackSpec) -> int:
    if spec.device != recording.device_id:
        raise Misconfigured(f"{spec.name} is meant for {spec.device!r}, not for {recording.device_id!r}")
    if not 0 <= spec.onset_min < recording.minutes:
        raise Misconfigured(
            f"{spec.name} on {spec.device}: onset {spec.onset_min} is outside the recording; "
            f"it is {recording.minutes} minutes long, so 0..{recording.minutes - 1} is possible"
        )
    if spec.duration_min is None:
        return recording.minutes
    if spec.duration_min < 1:
        raise Misconfigured(f"{spec.name} on {spec.device}: duration {spec.duration_min}; at least 1 minute is needed")
    return min(recording.minutes, spec.onset_min + spec.duration_min)


def _generator(spec: AttackSpec) -> np.random.Generator:
    if spec.seed < 0:
        raise Misconfigured(f"{spec.name} on {spec.device}: seed {spec.seed}; a seed is 0 or above")
    return np.random.default_rng([spec.seed, crc32(spec.device.encode()), crc32(spec.name.encode())])


def _written(before: Vitals, altered: Vitals, span: AttackedSpan, limits: tuple[float, float]) -> Vitals:
    """Put the altered span into a copy of the channel; a value that the attack left alone is not even rounded."""
    original = before[span.onset_min : span.end_min]
    rounded = round_to_grid(np.clip(altered, *limits), span.recording.resolution_bpm)
    keep = (altered == original) | np.isnan(original)
    after = before.copy()
    after[span.onset_min : span.end_min] = np.where(keep, original, rounded)
    return after
