"""The verdict on a run: was each attack found, did its device sit out, did every clean device go on training."""

from __future__ import annotations

import msgspec

from contracts.messages.federation import RoundPhase, RoundRecord
from contracts.messages.verdicts import DeviceState
from detectors.explanations.words import RULES_IN_WORDS
from fedsecure.demo.observing.observation import Observation, StateSeen


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One promise, whether it was kept, and what was seen."""

    name: str
    passed: bool
    detail: str
    device_id: str | None = None


def quarantine_after_onset(observation: Observation, device_id: str) -> StateSeen | None:
    """Return the first quarantine of a device that began at or after its attack's onset (ground truth), or None."""
    onset = observation.onset_of(device_id)
    return next(
        (
            seen
            for seen in observation.states
            if onset is not None
            and seen.device_id == device_id
            and seen.state == DeviceState.QUARANTINED
            and seen.event_minute >= onset
        ),
        None,
    )


def next_round(observation: Observation, at: float) -> RoundRecord | None:
    """Return the first round whose gate was read after wall time `at`, or None."""
    return next((r for _, r in sorted(observation.rounds.items()) if r.gated_at > at), None)


def judge(observation: Observation) -> list[Check]:
    """Return every check of a run, in the order in which a person would ask.

    For each attacked device: it was quarantined at or after onset; it was neither in the cohort nor accepted in the next
    round, i.e. the first one gated after the quarantine stood in Redis; and that round was committed with an accepted update of
    every clean device.
    """
    attacked = sorted(observation.attacked)
    clean = sorted({*observation.planned_devices, *observation.devices} - observation.attacked)
    checks = [_attacked_something(attacked), streamed_to_the_end(observation)]
    for device_id in attacked:
        quarantine = quarantine_after_onset(observation, device_id)
        after = None if quarantine is None else next_round(observation, quarantine.at)
        checks += [
            _was_quarantined(observation, device_id, quarantine),
            _was_excluded(device_id, quarantine, after),
            _clean_took_part(device_id, clean, after),
        ]
    return checks


def _attacked_something(attacked: list[str]) -> Check:
    detail = "attacked: " + ", ".join(attacked) if attacked else "the ground truth names no attacked device"
    return Check(name="attacks_were_injected", passed=bool(attacked), detail=detail)


def streamed_to_the_end(observation: Observation) -> Check:
    """Return whether every planned minute of every planned device was sent, judged and shown as final."""
    faults = [_not_streamed_because(observation, device_id) for device_id in sorted(observation.planned_devices)]
    causes = [fault for fault in faults if fault is not None]
    detail = "; ".join(causes) or (
        f"{len(faults)} recordings judged to their end, {observation.planned_minutes} minutes each"
    )
    return Check(name="streamed_to_the_end", passed=not causes, detail=detail)


def _not_streamed_because(observation: Observation, device_id: str) -> str | None:
    """Return what a planned device lacks (a final status, minutes sent, minutes judged), or None."""
    trace = observation.devices.get(device_id)
    if trace is None or trace.status is None or not trace.status.finished:
        return f"no final status of {device_id}"
    planned, sent, judged = observation.planned_minutes, len(trace.vitals), len(trace.vitals.keys() & trace.verdicts)
    if sent != planned:
        return f"{device_id}: {sent} of {planned} planned minutes sent"
    return None if judged == planned else f"{device_id}: {judged} of {planned} minutes judged"


def _was_quarantined(observation: Observation, device_id: str, quarantine: StateSeen | None) -> Check:
    onset = observation.onset_of(device_id)
    if quarantine is not None and onset is not None:
        detail = f"{quarantine.event_minute - onset} min after onset, {found_by(quarantine)}"
    elif any(s.device_id == device_id and s.state == DeviceState.QUARANTINED for s in observation.states):
        detail = "quarantined before its onset only: a false alarm, not a detection"
    else:
        detail = "never quarantined"
    return Check(name="was_quarantined", passed=quarantine is not None, detail=detail, device_id=device_id)


def found_by(quarantine: StateSeen) -> str:
    """Say what found an attack: a rule that needs no training, or networks and statistics."""
    is_rule = any(words in quarantine.reason for words in RULES_IN_WORDS.values())
    return f"found by {'a rule' if is_rule else 'network and statistics'}: {quarantine.reason}"


def _was_excluded(device_id: str, quarantine: StateSeen | None, after: RoundRecord | None) -> Check:
    name = "sat_out_the_next_round"
    if quarantine is None or after is None:
        detail = "no quarantine to follow" if quarantine is None else "no round was gated after the quarantine"
        return Check(name=name, passed=False, detail=detail, device_id=device_id)
    out = device_id not in after.cohort and device_id not in after.accepted
    why = after.excluded.get(device_id, "not named among the excluded")
    detail = f"round {after.round}: " + (f"excluded, {why}" if out else "it was in the cohort")
    return Check(name=name, passed=out, detail=detail, device_id=device_id)


def _clean_took_part(device_id: str, clean: list[str], after: RoundRecord | None) -> Check:
    name = "clean_devices_took_part"
    if after is None or not clean:
        detail = "no clean device to look at" if not clean else "no next round to look at"
        return Check(name=name, passed=False, detail=detail, device_id=device_id)
    absent = {
        d: after.excluded.get(d, "no accepted update")
        for d in clean
        if d not in after.cohort or d not in after.accepted
    }
    if absent:
        detail = f"round {after.round} went without " + ", ".join(f"{d} ({why})" for d, why in absent.items())
    elif after.phase != RoundPhase.COMMITTED:
        detail = f"round {after.round} is {after.phase}: {after.reason or 'not committed'}"
    else:
        detail = f"round {after.round} committed with all {len(clean)} clean devices"
    passed = not absent and after.phase == RoundPhase.COMMITTED
    return Check(name=name, passed=passed, detail=detail, device_id=device_id)
