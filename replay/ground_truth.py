"""What really was an attack: told on the truth topic only, so that no worker can ever learn from it."""

from __future__ import annotations

import msgspec

from contracts.truth import TruthInterval
from replay.attacks import Injection
from replay.cohort import Patient
from replay.sessions import Session

_encoder = msgspec.json.Encoder()


def encode_truth(interval: TruthInterval) -> bytes:
    """Return the interval as JSON."""
    return _encoder.encode(interval)


def truth_of(patient: Patient, injection: Injection, session: Session) -> TruthInterval | None:
    """Return one attack's interval, cut to the session's slice; None when it lies outside.

    A resumed replay says the same again: readers take the last record of a (device, session, attack, first minute).
    """
    spec = injection.spec
    first = max(spec.onset_min, session.slice_first_min)
    end = min(injection.end_min, session.end_min)
    if first >= end:
        return None
    start = patient.recording.first_event_minute
    return TruthInterval(
        device_id=patient.device_id,
        session_id=session.session_id,
        attack=spec.name,
        level=spec.level,
        seed=spec.seed,
        first_event_minute=start + first,
        end_event_minute=start + end,
        poisoned="".join("1" if bit else "0" for bit in injection.poisoned[first:end]),
    )
