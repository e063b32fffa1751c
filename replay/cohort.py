"""Who is replayed: recordings with their attacks injected, and copies under new device ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from contracts.errors import Misconfigured
from contracts.identifiers import LONGEST_LABEL, check_device_id
from replay.attacks import AttackSpec, Injection, inject_all
from replay.options import MINUTE_A_SECOND, ReplayOptions
from replay.recording import Recording


@dataclass(frozen=True, slots=True)
class Patient:
    """What one device will send, attacks included, and what only the truth topic may know."""

    recording: Recording
    injections: tuple[Injection, ...] = ()

    @property
    def device_id(self) -> str:
        return self.recording.device_id


def assemble(
    recordings: Sequence[Recording], attacks: Sequence[AttackSpec], options: ReplayOptions = MINUTE_A_SECOND
) -> list[Patient]:
    """Return every device of a replay, sorted by id.

    Raises Misconfigured for no recordings, ids that clash or are unknown, an attack that the slice leaves out, and two
    attacks of one name that begin on the same minute of the slice: the truth topic could not tell them apart.

    Onsets count from the recording's own start, not from the slice or the resumed minute: a replay that was
    interrupted goes on with exactly the attack that it began.
    """
    if not recordings:
        raise Misconfigured("there is nothing to replay: name at least one recording")
    attacked, injections = inject_all(_with_copies(recordings, options.repeat), attacks)
    for injection in chain.from_iterable(injections.values()):
        _check_inside_slice(injection, options)
    _check_distinct(attacks, options)
    patients = [Patient(recording, tuple(injections.get(recording.device_id, ()))) for recording in attacked]
    return sorted(patients, key=lambda patient: patient.device_id)


def _copy(recording: Recording, number: int) -> Recording:
    """Return what the number-th device sends that sends a recording: `icu-03`, `ICU_03`, then `icu-03-r2`, `ICU_03 (2)`."""
    if number == 1:
        return recording
    mark = f" ({number})"
    label = recording.label and recording.label[: LONGEST_LABEL - len(mark)] + mark
    return replace(recording, device_id=check_device_id(f"{recording.device_id}-r{number}"), label=label)


def _check_inside_slice(injection: Injection, options: ReplayOptions) -> None:
    spec = injection.spec
    slice_end = injection.recording.minutes if options.minutes is None else options.start_min + options.minutes
    if spec.onset_min >= slice_end or injection.end_min <= options.start_min:
        raise Misconfigured(
            f"{spec.name} on {spec.device} lasts from minute {spec.onset_min} to {injection.end_min}, outside what is "
            f"replayed: minutes {options.start_min} to {slice_end}"
        )


def _check_distinct(attacks: Sequence[AttackSpec], options: ReplayOptions) -> None:
    seen: set[tuple[str, str, int]] = set()
    for spec in attacks:
        key = (spec.device, spec.name, max(spec.onset_min, options.start_min))
        if key in seen:
            raise Misconfigured(
                f"{spec.name} strikes {spec.device} twice from minute {key[2]} of the replay on: "
                "let one begin a minute later, or use one attack"
            )
        seen.add(key)


def _with_copies(recordings: Sequence[Recording], repeat: int) -> list[Recording]:
    devices: dict[str, Recording] = {}
    for recording in recordings:
        for number in range(1, repeat + 1):
            copy = _copy(recording, number)
            if devices.setdefault(copy.device_id, copy) is not copy:
                raise Misconfigured(
                    f"two recordings are both device {copy.device_id}: give each its own id, or replay one"
                )
    return list(devices.values())
