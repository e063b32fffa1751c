"""The report of a run: one HTML page that fetches nothing, and the same numbers as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from contracts.messages.federation import RoundPhase, RoundRecord
from experiments.report.numbers import json_bytes
from experiments.report.page import Cover, rendered
from fedsecure.demo.observing.checks import Check, quarantine_after_onset
from fedsecure.demo.observing.observation import (
    DeviceTrace,
    Observation,
    encode_observation,
    latency_samples_s,
    percentile,
)
from fedsecure.report.figures import describe_device, device_figure, latency_figure, throughput_figure

SCHEMA_VERSION = 1


def summarise(observation: Observation, checks: Sequence[Check]) -> dict[str, Any]:
    """Return what `summary.json` holds. Seconds are wall time, minutes are recorded minutes."""
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
    """Return judged minutes per wall second, from the first verdict to the last. None before there are two."""
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


INTRO = (
    "Vital signs streamed through Kafka, each device was judged as its minutes arrived, and only devices in good "
    "standing took part in a federated round. The attacks' ground truth was known to this report and to no detector."
)


def write_report(folder: Path, observation: Observation, checks: Sequence[Check]) -> dict[str, Any]:
    """Write `report.html`, `summary.json` and `observation.json`. Returns the summary. Files of an older run are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    summary = summarise(observation, checks)
    (folder / "summary.json").write_bytes(json_bytes(summary))
    (folder / "observation.json").write_bytes(encode_observation(observation))
    (folder / "report.html").write_text(build_page(observation, summary), encoding="utf-8")
    return summary


def build_page(observation: Observation, summary: dict[str, Any]) -> str:
    """Return the page. `summary` is what `summarise` made of the same observation."""
    names = sorted(observation.devices)
    return rendered(
        "run.html",
        Cover("FedSecure run report", INTRO, _cards(summary)),
        package="fedsecure.report",
        summary=summary,
        names=names,
        devices=list(_devices(observation)),
        rounds=[
            {**row, "at_s": record.gated_at - observation.started_at, "seats": [_seat(name, record) for name in names]}
            for row, (_, record) in zip(summary["rounds"], sorted(observation.rounds.items()), strict=True)
        ],
        throughput=throughput_figure(observation),
        latency=latency_figure(latency_samples_s(observation.sent, observation.applied_statuses)),
    )


def _cards(summary: dict[str, Any]) -> list[tuple[str, str]]:
    latency, devices = summary["latency_s"], summary["devices"].values()
    committed = sum(1 for each in summary["rounds"] if each["outcome"] == RoundPhase.COMMITTED)
    delays_min = [device["detected_after_min"] for device in devices if device["detected_after_min"] is not None]
    return [
        (str(len(devices)), f"devices, {sum(1 for device in devices if device['attacked'])} attacked"),
        (" / ".join(f"{minutes} min" for minutes in delays_min) or "none", "from onset to quarantine"),
        (f"{committed} of {len(summary['rounds'])}", "rounds committed"),
        (_number(summary["minutes_per_s"], "{:.0f}"), "minutes judged per second"),
        (f"{_ms(latency['p50'])} / {_ms(latency['p99'])}", "latency p50 / p99, sent to Redis"),
        (str(summary["dead_letters"]), "dead letters"),
        (_number(summary["seconds_to_streaming"], "{:.1f} s"), "from start to the first verdict"),
        (_service(summary["broker"]), "broker, as it says itself"),
        (_service(summary["redis"]), "view, as it says itself"),
    ]


def _devices(observation: Observation) -> Iterator[dict[str, str]]:
    for device_id, trace in sorted(observation.devices.items()):
        caption, svg = describe_device(observation, trace), device_figure(observation, trace)
        yield {"device_id": device_id, "name": trace.name, "caption": caption, "svg": svg}


def _seat(name: str, record: RoundRecord) -> tuple[str, str]:
    """Return how the style sheet names a device's cell of a round, and what stands in it."""
    if name in record.accepted:
        return "in", "trained"
    if name in record.excluded:
        reason = record.excluded[name]
        is_idle = reason in {"enrolling", "finished", "not_enrolled"}
        return "idle" if is_idle else "out", reason.replace("_", " ")
    return "idle", "no update" if name in record.cohort else "-"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"


def _service(service: dict[str, Any]) -> str:
    return f"{service.get('product', 'unknown')} {service.get('version', '')}".strip()
