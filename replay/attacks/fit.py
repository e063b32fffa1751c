"""Whether an attack's spec fits the attack and the recording: everything that can be wrong, said in a sentence."""

from __future__ import annotations

from contracts.errors import Misconfigured
from replay.attacks.base import CHANNELS, Attack, AttackedSpan, AttackSpec
from replay.recording import Recording

CHANNEL_NAMES = {"hr": "heart rate", "rr": "respiratory rate"}


def check_choices(attack: Attack, spec: AttackSpec) -> None:
    """Raise Misconfigured for a level, channel, ramp, seed or donor that the attack does not have."""
    attack.amounts(spec.level)
    if spec.channels not in CHANNELS:
        raise Misconfigured(f"{spec.name} on {spec.device}: channels={spec.channels}; use {', '.join(CHANNELS)}")
    if "both" not in (attack.channels, spec.channels) and attack.channels != spec.channels:
        raise Misconfigured(
            f"{spec.name} changes the {CHANNEL_NAMES[attack.channels]} only: channels={spec.channels} leaves it nothing"
        )
    if spec.ramp_min < 0:
        raise Misconfigured(f"{spec.name} on {spec.device}: ramp {spec.ramp_min}; it is 0 (at once) or more minutes")
    if spec.seed < 0:
        raise Misconfigured(f"{spec.name} on {spec.device}: seed {spec.seed}; a seed is 0 or above")
    if spec.donor is not None and not attack.takes_donor:
        raise Misconfigured(f"{spec.name} takes no donor: leave donor={spec.donor} out, or use spoof")
    if spec.donor == spec.device:
        raise Misconfigured(f"{spec.name} on {spec.device}: the donor is another device; its own past is replay")


def fitted_span(attack: Attack, recording: Recording, spec: AttackSpec, donor: Recording | None) -> AttackedSpan:
    """Return the span that the attack alters, or raise Misconfigured for a spec that does not fit the recording."""
    check_choices(attack, spec)
    if spec.device != recording.device_id:
        raise Misconfigured(f"{spec.name} is meant for {spec.device!r}, not for {recording.device_id!r}")
    if spec.donor is not None and (donor is None or donor.device_id != spec.donor):
        raise Misconfigured(f"{spec.name} on {spec.device} takes its data from {spec.donor!r}, which is not given")
    return AttackedSpan(recording, _onset_min(attack, recording, spec), _end_min(recording, spec), donor)


def _onset_min(attack: Attack, recording: Recording, spec: AttackSpec) -> int:
    where = f"{spec.name} on {spec.device}: onset {spec.onset_min}"
    if not 0 <= spec.onset_min < recording.minutes:
        raise Misconfigured(
            f"{where} is outside the recording; "
            f"it is {recording.minutes} minutes long, so 0..{recording.minutes - 1} is possible"
        )
    smallest = attack.smallest_onset_min(spec.level)
    if smallest >= recording.minutes:
        raise Misconfigured(
            f"{spec.name} ({spec.level}) needs {smallest} minutes before its onset; "
            f"{spec.device} is only {recording.minutes} minutes long: use another level or recording"
        )
    if spec.onset_min < smallest:
        raise Misconfigured(f"{where} is too early for {spec.level}; the smallest onset possible is {smallest}")
    return spec.onset_min


def _end_min(recording: Recording, spec: AttackSpec) -> int:
    if spec.duration_min is None:
        return recording.minutes
    if spec.duration_min < 1:
        raise Misconfigured(f"{spec.name} on {spec.device}: duration {spec.duration_min}; at least 1 minute is needed")
    return min(recording.minutes, spec.onset_min + spec.duration_min)
