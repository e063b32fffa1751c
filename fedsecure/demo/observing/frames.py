"""One look at a running demo: the numbers that the screens draw, and the sentence that says what to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from contracts.messages.federation import RoundRecord
from fedsecure.demo.observing.checks import next_round, quarantine_after_onset
from fedsecure.demo.observing.observation import Observation, latency_samples_s
from fl_coordinator.gate.device_view import DeviceView

RATE_WINDOW_S = 5.0
RECENT_BARS = 12
RECENT_MESSAGES = 60
ROUNDS_SHOWN = 7


@dataclass(frozen=True, slots=True)
class Frame:
    """What a screen shows at one moment. `lag_min`: minutes sent but not judged yet, of the device furthest behind."""

    elapsed_s: float
    remaining_s: float | None
    advice: str
    minutes_judged: int
    minutes_per_s: float
    lag_min: int
    latency_p50_s: float | None
    views: Sequence[DeviceView] = ()
    recent: dict[str, list[float]] = field(default_factory=dict)
    rounds: Sequence[RoundRecord] = ()


def frame_of(observation: Observation, views: Sequence[DeviceView], now: float, planned_s: float) -> Frame:
    """Return the frame at wall time `now`. `planned_s` is how long the stream is meant to take."""
    streaming_at = observation.streaming_at
    latencies = latency_samples_s(observation.sent[-RECENT_MESSAGES:], observation.applied_statuses[-RECENT_MESSAGES:])
    return Frame(
        elapsed_s=now - observation.started_at,
        remaining_s=None if streaming_at is None else max(0.0, streaming_at + planned_s - now),
        advice=advice_of(observation),
        minutes_judged=sum(minutes for _, minutes in observation.applied),
        minutes_per_s=_rate(observation, now),
        lag_min=_lag_min(observation),
        latency_p50_s=median(latencies) if latencies else None,
        views=views,
        recent={name: _recent_scores(observation, name) for name in observation.devices},
        rounds=[record for _, record in sorted(observation.rounds.items())][-ROUNDS_SHOWN:],
    )


def advice_of(observation: Observation) -> str:
    """Return what is going on and where to look, in one or two sentences."""
    if observation.streaming_at is None:
        return "Starting: two workers load the detector; the first minute is judged in a few seconds."
    stories = [_story(observation, device_id) for device_id in sorted(observation.attacked)]
    active = [story for story in stories if story]
    if active:
        return " ".join(active)
    statuses = [trace.status for trace in observation.devices.values() if trace.status is not None]
    if not all(status.enrolled for status in statuses):
        return "Each device learns its own normal first (600 minutes); nobody may train before that, so rounds are skipped."
    soonest = min((_minutes_to_onset(observation, device_id) for device_id in observation.attacked), default=None)
    coming = "" if soonest is None else f" An attack begins in {soonest} recorded minutes."
    return f"A clean stretch: every device is benign and trains.{coming}"


def _story(observation: Observation, device_id: str) -> str | None:
    since = -_minutes_to_onset(observation, device_id)
    if since < 0:
        return None
    quarantine = quarantine_after_onset(observation, device_id)
    if quarantine is None:
        return f"{device_id} is being poisoned since {since} min: watch its score pass the threshold, four decisions in a row."
    outcome = f"{device_id} was quarantined {quarantine.event_minute - (observation.onset_of(device_id) or 0)} min after onset"
    after = next_round(observation, quarantine.at)
    if after is None:
        return f"{outcome}; the next round will go without it."
    return f"{outcome}; round {after.round} {'went without it' if device_id not in after.cohort else 'STILL HAD IT'}."


def _minutes_to_onset(observation: Observation, device_id: str) -> int:
    onset = observation.onset_of(device_id) or 0
    trace = observation.devices.get(device_id)
    if trace is None or trace.status is None:
        return 1_000_000
    return onset - trace.status.applied_through


def _rate(observation: Observation, now: float) -> float:
    recent = [minutes for at, minutes in observation.applied[-2000:] if at > now - RATE_WINDOW_S]
    return sum(recent) / RATE_WINDOW_S


def _lag_min(observation: Observation) -> int:
    last_sent: dict[str, int] = {}
    for sent in observation.sent[-RECENT_MESSAGES * 4 :]:
        last_sent[sent.device_id] = max(sent.last_event_minute, last_sent.get(sent.device_id, sent.last_event_minute))
    behind = [
        minute - trace.status.applied_through
        for name, minute in last_sent.items()
        if (trace := observation.devices.get(name)) is not None and trace.status is not None
    ]
    return max(0, *behind) if behind else 0


def _recent_scores(observation: Observation, device_id: str) -> list[float]:
    verdicts = list(observation.devices[device_id].verdicts.values())
    return [score for score, *_ in verdicts if score is not None][-RECENT_BARS:]
