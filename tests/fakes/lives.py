"""Lives of a made-up device: minutes for the engine, cut anyhow, and all that the engine said of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from contracts.verdicts import DeviceSnapshot, DeviceState
from detectors.chunks import MinuteChunk, Transition, Verdicts
from detectors.scorer import TrainedModel
from detectors.tracks import DeviceTracks
from detectors.votes import KINDS

NAN = float("nan")
ENROLMENT = 130
START = 400_000_003  # a year that nanosecond timestamps cannot hold


def calm(minutes: int, seed: int = 0) -> list[float]:
    return np.round(np.random.default_rng(seed).normal(80, 3, minutes), 1).tolist()


def chunk(
    heart: object, first: int = 0, device: str = "a", session: int = 1, *, pulse: object = None, resp: float = 15.0
) -> MinuteChunk:
    beats = np.array(heart, np.float64)
    gap = None if pulse is None else np.array(pulse, np.float64)
    return MinuteChunk(device, session, START + first, beats, np.where(beats > 0, resp, NAN), gap)


def open_tracks(model: TrainedModel, device: str = "a", **kwargs: int) -> DeviceTracks:
    tracks = DeviceTracks(model, **{"enrolment_min": ENROLMENT} | kwargs)
    tracks.open(device, None)
    return tracks


def one(tracks: DeviceTracks, *args: object, **kwargs: object) -> Verdicts:
    return tracks.apply([chunk(*args, **kwargs)])[0]  # type: ignore[arg-type]


def changes(*verdicts: Verdicts) -> list[tuple[int, DeviceState, DeviceState]]:
    return [(t.event_minute - START, t.before, t.after) for v in verdicts for t in v.transitions]


@dataclass(frozen=True)
class Outcome:
    """All that is said of a device, minute by minute, whatever the packing."""

    lines: list[tuple[object, ...]]
    transitions: list[Transition]
    dropped: dict[str, int]
    snapshot: DeviceSnapshot


def outcome(verdicts: list[Verdicts], snapshot: DeviceSnapshot) -> Outcome:
    lines = []
    dropped: dict[str, int] = {}
    for v in verdicts:
        numbers = [v.reconstruction_error, v.score, v.threshold, *(v.scores[kind] for kind in KINDS)]
        printed = [[repr(value) for value in column.tolist()] for column in numbers]
        lines += zip(v.event_minute.tolist(), *printed, v.flagged.tolist(), v.state, strict=True)
        for reason, count in v.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    return Outcome(lines, [t for v in verdicts for t in v.transitions], dropped, snapshot)


# Runs of a life: (heart rate level, minutes). 125 races and is flagged, -1 sends again what was sent 120 minutes before.
AGAIN = -1.0
LIVES = st.lists(
    st.tuples(st.sampled_from([80.0, 80.0, 80.0, 125.0, NAN, AGAIN]), st.sampled_from([1, 3, 9, 12, 40, 70, 140, 400])),
    min_size=1,
    max_size=10,
)


@dataclass(frozen=True)
class Life:
    """Heart rate (bpm, NaN = missing) and pulse of one device; the pulse strays while the heart races."""

    heart: np.ndarray
    pulse: np.ndarray

    def __len__(self) -> int:
        return len(self.heart)

    def part(self, first: int, end: int, device: str = "a") -> MinuteChunk:
        return chunk(self.heart[first:end], first, device, pulse=self.pulse[first:end])


def life(runs: list[tuple[float, int]]) -> Life:
    level = np.concatenate([np.full(minutes, value) for value, minutes in runs])
    heart = np.round(np.abs(level) + np.random.default_rng(len(level)).normal(0, 3, len(level)), 1)
    for at in np.flatnonzero(level == AGAIN):
        heart[at] = heart[at - 120] if at >= 120 else 80.0
    return Life(heart, heart - np.where(level > 100, 12.0, 0.5))


def cuts(draw: Callable[[object], list[int]], minutes: int) -> list[tuple[int, int]]:
    inner = draw(st.lists(st.integers(1, max(1, minutes - 1)), max_size=8, unique=True))
    edges = [0, *sorted(cut for cut in inner if cut < minutes), minutes]
    return list(pairwise(edges))
