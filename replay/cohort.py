"""Who is replayed: recordings with their attacks injected, and copies under new device ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from contracts.identifiers import check_device_id
from replay.attacks import AttackSpec, inject
from replay.recording import Recording


@dataclass(frozen=True, slots=True)
class InjectedAttack:
    """An attack as injected: `poisoned` (bool[n], n = the recording's minutes) marks the values that were changed."""

    spec: AttackSpec
    poisoned: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Patient:
    """What one device will send, attacks included, and what only the truth topic may know."""

    recording: Recording
    attacks: tuple[InjectedAttack, ...] = ()

    @property
    def device_id(self) -> str:
        return self.recording.device_id


def assemble(recordings: Sequence[Recording], attacks: Iterable[AttackSpec], repeat: int) -> list[Patient]:
    """Return every device of a replay, sorted by id; raises Misconfigured for ids that clash or are unknown.

    Onsets count from the recording's own start, not from the slice or the resumed minute: a replay that was
    interrupted goes on with exactly the attack that it began.
    """
    patients = {device_id: Patient(recording) for device_id, recording in _by_device(recordings, repeat).items()}
    for spec in attacks:
        if spec.device not in patients:
            raise Misconfigured(f"attack on {spec.device!r}, which is not replayed: choose one of {_few(patients)}")
        patients[spec.device] = _attacked(patients[spec.device], spec)
    return [patients[device_id] for device_id in sorted(patients)]


def copy_id(device_id: str, number: int) -> str:
    """Return the id of the number-th device that sends a recording: the id itself, then `-r2`, `-r3`."""
    return device_id if number == 1 else check_device_id(f"{device_id}-r{number}")


def _by_device(recordings: Sequence[Recording], repeat: int) -> dict[str, Recording]:
    devices: dict[str, Recording] = {}
    for recording in recordings:
        for number in range(1, repeat + 1):
            device_id = copy_id(recording.device_id, number)
            if device_id in devices:
                raise Misconfigured(f"two recordings are both device {device_id}: give each its own id, or replay one")
            devices[device_id] = replace(recording, device_id=device_id)
    return devices


def _attacked(patient: Patient, spec: AttackSpec) -> Patient:
    injection = inject(patient.recording, spec)
    return Patient(injection.recording, (*patient.attacks, InjectedAttack(spec, injection.poisoned)))


def _few(device_ids: Iterable[str], limit: int = 12) -> str:
    ordered = sorted(device_ids)
    return ", ".join(ordered[:limit]) + (f" and {len(ordered) - limit} more" if len(ordered) > limit else "")
