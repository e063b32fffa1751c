"""Apply attacks to recordings and tell exactly which minutes they changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from contracts.identifiers import shown_as
from replay.attacks.base import Attack, AttackedSpan, AttackSpec, Injection
from replay.attacks.fit import fitted_span
from replay.attacks.registry import find_attack
from replay.recording import Recording, Vitals, round_to_grid
from replay.sources.minutes.usable import HEART_LIMITS, RESP_LIMITS

# An attacker who wants his values used keeps them inside what the preprocessing accepts as physiological.
LIMITS_BPM = (HEART_LIMITS, RESP_LIMITS)
NO_LIMITS = (-np.inf, np.inf)


def inject(recording: Recording, spec: AttackSpec, donor: Recording | None = None) -> Injection:
    """Return the attacked recording and its ground truth. The same spec and donor always give the same result.

    Values are altered at the device's own resolution, limited to the physiological range (unless the attack repeats
    recorded ones) and rounded to the grid of the device's channel.
    A missing minute stays missing. PULSE is left alone: the paper's attacker reaches HR and RR only. An attack that
    takes a donor and is given none draws a synthetic patient, which takes milliseconds.
    Raises Misconfigured for a spec that does not fit the recording, or names a donor that is not the one given.

    >>> clean = Recording("p1", 0, np.full(5, 80.0), np.full(5, 16.0))
    >>> inject(clean, AttackSpec("bias", "p1", onset_min=3)).poisoned.tolist()
    [False, False, False, True, True]
    """
    attack = find_attack(spec.name)
    span = fitted_span(attack, recording, spec, donor)
    heart, breath = _altered(attack, span, spec)
    heart_grid, breath_grid = recording.grids_bpm
    heart_limits, breath_limits = (NO_LIMITS, NO_LIMITS) if attack.repeats else LIMITS_BPM
    attacked = replace(
        recording,
        heart_rate_bpm=_written(recording.heart_rate_bpm, heart, span, heart_limits, heart_grid, spec.channels != "rr"),
        resp_rate_bpm=_written(
            recording.resp_rate_bpm, breath, span, breath_limits, breath_grid, spec.channels != "hr"
        ),
    )
    return Injection(attacked, _changed(span, attacked), spec, span.end_min)


def inject_all(
    recordings: Sequence[Recording], specs: Sequence[AttackSpec]
) -> tuple[list[Recording], dict[str, list[Injection]]]:
    """Apply the specs in order, several on one device included. A donor gives what it recorded, not its own attacks.

    Returns the recordings in their order (attacked ones replaced) and each attacked device's injections; the truth
    of an injection compares with the values that it found, earlier attacks included. Raises Misconfigured for a device that is not there.
    """
    recorded = {recording.device_id: recording for recording in recordings}
    current = dict(recorded)
    injections: dict[str, list[Injection]] = {}
    for spec in specs:
        recording = _device(current, spec, spec.device, "the device")
        donor = None if spec.donor is None else _device(recorded, spec, spec.donor, "the donor")
        injection = inject(recording, spec, donor)
        current[spec.device] = injection.recording
        injections.setdefault(spec.device, []).append(injection)
    return list(current.values()), injections


def _device(recordings: Mapping[str, Recording], spec: AttackSpec, device_id: str, role: str) -> Recording:
    if device_id not in recordings:
        devices = (
            ", ".join(shown_as(device_id, recording.label) for device_id, recording in sorted(recordings.items()))
            or "none"
        )
        named = spec.given.get(device_id, device_id)
        named = repr(device_id) if named == device_id else named
        raise Misconfigured(f"{spec.name} names {role} {named}, which is not here; devices: {devices}")
    return recordings[device_id]


def _altered(attack: Attack, span: AttackedSpan, spec: AttackSpec) -> tuple[Vitals, Vitals]:
    """Return the span's vital signs after the attack, faded in, neither limited nor rounded."""
    generator = np.random.default_rng([spec.seed, crc32(spec.device.encode()), crc32(spec.name.encode())])
    heart, breath = attack.alter(span, attack.amounts(spec.level), generator)
    if not spec.ramp_min:
        return heart, breath
    share = np.minimum(1.0, (span.elapsed_min + 1.0) / spec.ramp_min)
    chance = generator.random(span.minutes)
    return faded_in(span.heart_rate_bpm, heart, share, chance), faded_in(span.resp_rate_bpm, breath, share, chance)


def faded_in(original: Vitals, altered: Vitals, share: Vitals, chance: Vitals) -> Vitals:
    """Return the mix of a span's values that has reached `share` (0..1) of the attack at each minute.

    A gap cannot come in by halves: it comes as a whole when the `chance` of its first minute, uniform in 0..1, is below
    the share by then.

    >>> faded_in(np.full(3, 80.0), np.full(3, 90.0), np.array([0.0, 0.5, 1.0]), np.zeros(3)).tolist()
    [80.0, 85.0, 90.0]
    """
    mixed = original + share * (altered - original)
    lost = np.isnan(altered) & ~np.isnan(original)
    if not lost.any():
        return mixed
    begins = lost & ~np.concatenate([[False], lost[:-1]])
    comes = (chance < share)[begins]
    return np.where(lost & ~comes[np.cumsum(begins) - 1], original, mixed)


def _written(
    before: Vitals, altered: Vitals, span: AttackedSpan, limits: tuple[float, float], grid_bpm: float, hit: bool
) -> Vitals:
    """Put the altered span into a copy of the channel. A value that the attack left alone is not even rounded."""
    if not hit:
        return before
    original = before[span.onset_min : span.end_min]
    rounded = round_to_grid(np.clip(altered, *limits), grid_bpm)
    keep = (altered == original) | np.isnan(original)
    after = before.copy()
    after[span.onset_min : span.end_min] = np.where(keep, original, rounded)
    return after


def _changed(span: AttackedSpan, attacked: Recording) -> NDArray[np.bool_]:
    """Return the minutes of the recording whose value differs or went missing. Outside the span there are none."""
    poisoned = np.zeros(attacked.minutes, dtype=np.bool_)
    inside = slice(span.onset_min, span.end_min)
    for before, after in (
        (span.heart_rate_bpm, attacked.heart_rate_bpm[inside]),
        (span.resp_rate_bpm, attacked.resp_rate_bpm[inside]),
    ):
        poisoned[inside] |= (before != after) & ~np.isnan(before)
    return poisoned
