"""The run in numbers: `summary.json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fedsecure.demo.observing.checks import Check, quarantine_after_onset
from fedsecure.demo.observing.observation import DeviceTrace, Observation, latency_samples_s, percentile

SCHEMA_VERSION = 1


def summarise(observation: Observation, checks: Sequence[Check]) -> dict[str, Any]:
    """Return what `summary.json` holds; seconds are wall time, minutes are recorded minutes."""
    samples = latency_samples_s(observation.sent, observation.applied_statuses)
    return {
        "schema_version": SCHEMA_VERSION,
        "passed": all(check.passed for check in checks),
        "checks": [{f: getattr(check, f) for f in ("name", "device_id", "passed", "detail")} for check in checks],
        "broker": observation.services.get("broker", {}),
        "redis": observation.services.get("redis", {}),
        "devices": {name: _device(observation, trace) for name, trace in sorted(observation.devices.items())},
        "rounds": [_round(observation, number) for number in sorted(observation.rounds)],
        "minutes_per_s": _rounded(minutes_per_s(observation)),
        "latency_s": {
            "p50": _rounded(percentile(samples, 0.50)),
            "p99": _rounded(percentile(samples, 0.99)),
            "messages": len(samples),
        },
        "dead_letters": sum(observation.dead_letters.values()),
        "dead_letters_by_reason": dict(sorted(observation.dead_letters.items())),
        "seconds_to_streaming": _rounded(_seconds_to(observation, observation.streaming_at)),
        "seconds_total": _rounded(_seconds_to(observation, observation.ended_at)),
        "speed": observation.speed,
        "peak_rss_mb": {name: round(rss / 2**20) for name, rss in sorted(observation.peak_rss_bytes.items())},
    }


def minutes_per_s(observation: Observation) -> float | None:
    """Return judged minutes per wall second, from the first verdict to the last; None before there are two."""
    if len(observation.applied) < 2:
        return None
    times = [at for at, _ in observation.applied]
    # The first record only starts the clock: its minutes were judged before it.
    minutes = sum(minutes for _, minutes in observation.applied) - min(observation.applied)[1]
    return minutes / max(1e-3, max(times) - min(times))


def _device(observation: Observation, trace: DeviceTrace) -> dict[str, Any]:
    status = trace.status
    onset = observation.onset_of(trace.device_id)
    quarantine = quarantine_after_onset(observation, trace.device_id)
    return {
        "label": None if status is None else status.label,
        "state": "unknown" if status is None else str(status.state),
        "minutes": 0 if status is None else status.minutes,
        "windows": 0 if status is None else status.windows,
        "flagged": 0 if status is None else status.flagged_windows,
        "attacked": [
            {"attack": t.attack, "level": t.level, "minutes": t.end_event_minute - t.first_event_minute}
            for t in observation.truth
            if t.device_id == trace.device_id
        ],
        "detected_after_min": None if quarantine is None or onset is None else quarantine.event_minute - onset,
    }


def _round(observation: Observation, number: int) -> dict[str, Any]:
    record = observation.rounds[number]
    return {
        "number": number,
        "at_s": _rounded(record.gated_at - observation.started_at),
        "cohort": sorted(record.cohort),
        "accepted": sorted(record.accepted),
        "excluded": dict(sorted(record.excluded.items())),
        "outcome": str(record.phase),
        "reason": record.reason,
        "loss": record.loss,
        "seconds": None if record.ended_at is None else _rounded(record.ended_at - record.gated_at),
    }


def _seconds_to(observation: Observation, at: float | None) -> float | None:
    return None if at is None else at - observation.started_at


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
