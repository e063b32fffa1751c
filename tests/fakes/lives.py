"""Lives of a made-up device: minutes for the engine, cut anyhow, and all that the engine said of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.messages.verdicts import DeviceSnapshot, DeviceState
from detectors.decisions.votes import KINDS
from detectors.engine.chunks import MinuteChunk, Transition, Verdicts
from detectors.engine.engine import DetectionEngine
from detectors.engine.model import Model

NAN = float("nan")
ENROLMENT = 130
START = 400_000_003  # a year that nanosecond timestamps cannot hold
BENIGN_AT = 209
"""Of a device that enrols from minute 0 and is calm: its first decision whose hour lies after the enrolment."""


def calm(minutes: int, seed: int = 0) -> list[float]:
    return np.round(np.random.default_rng(seed).normal(80, 3, minutes), 1).tolist()


def chunk(
    heart: object, first: int = 0, device: str = "a", session: int = 1, *, pulse: object = None, resp: float = 15.0
) -> MinuteChunk:
    beats = np.array(heart, np.float64)
    gap = None if pulse is None else np.array(pulse, np.float64)
    return MinuteChunk(device, session, START + first, beats, np.where(beats > 0, resp, NAN), gap)


def open_engine(model: Model, device: str = "a", **kwargs: int) -> DetectionEngine:
    engine = DetectionEngine(model, **{"enrolment_min": ENROLMENT} | kwargs)
    engine.open(device, None)
    return engine


def one(engine: DetectionEngine, *args: object, **kwargs: object) -> Verdicts:
    return engine.apply([chunk(*args, **kwargs)])[0]  # type: ignore[arg-type]


def changes(*verdicts: Verdicts) -> list[tuple[int, DeviceState, DeviceState]]:
    return [(t.event_minute - START, t.before, t.after) for v in verdicts for t in v.transitions]


# --- all that is said of a device --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """All that is said of a device, minute by minute, whatever the packing; `numbers` float64[minutes, columns]."""

    minutes: list[int]
    states: list[DeviceState]
    flagged: list[bool]
    numbers: np.ndarray
    transitions: list[Transition]
    dropped: dict[str, int]
    snapshot: DeviceSnapshot


def outcome(verdicts: list[Verdicts], snapshot: DeviceSnapshot) -> Outcome:
    dropped: dict[str, int] = {}
    for v in verdicts:
        for reason, count in v.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    numbers = [
        np.stack([v.reconstruction_error, v.score, v.threshold, *(v.scores[kind] for kind in KINDS)], axis=1)
        for v in verdicts
    ]
    return Outcome(
        [minute for v in verdicts for minute in v.event_minute.tolist()],
        [state for v in verdicts for state in v.state],
        [flag for v in verdicts for flag in v.flagged.tolist()],
        np.concatenate(numbers).astype(np.float64),
        [t for v in verdicts for t in v.transitions],
        dropped,
        snapshot,
    )


def assert_same(found: Outcome, expected: Outcome) -> None:
    """Equal but for the order of sums: numbers to 1e-6 of what they are made of."""
    np.testing.assert_allclose(found.numbers, expected.numbers, rtol=1e-6, atol=2e-6)
    for part in ("minutes", "states", "flagged", "transitions", "dropped"):
        assert getattr(found, part) == getattr(expected, part), part
    assert_same_snapshot(found.snapshot, expected.snapshot)


def assert_same_snapshot(found: DeviceSnapshot, expected: DeviceSnapshot) -> None:
    assert _words(found) == _words(expected)
    np.testing.assert_allclose(_sums(found), _sums(expected), rtol=1e-6, atol=2e-6)


def _words(snapshot: DeviceSnapshot) -> DeviceSnapshot:
    """Return a snapshot without its sums."""
    base = snapshot.baseline
    kept = None if base is None else replace(base, total=b"", squares=b"", waiting_logits=b"")
    return replace(snapshot, votes=b"", baseline=kept)


def _sums(snapshot: DeviceSnapshot) -> np.ndarray:
    base = snapshot.baseline
    sums = b"" if base is None else base.total + base.squares + base.waiting_logits
    return np.frombuffer(snapshot.votes + sums, "<f8")


# --- lives -------------------------------------------------------------------------------------------------------------

# Runs of a life: (heart rate level, minutes). 125 races and is flagged, -1 sends again what was sent 120 minutes before,
# -2 sends again what was sent 20 minutes before, -3 sends a value every fifth minute, 70 is a heart that stands still.
AGAIN, COPIES, SPARSE, STILL = -1.0, -2.0, -3.0, 70.0
LIVES = st.lists(
    st.tuples(
        st.sampled_from([80.0, 80.0, 80.0, 80.0, 125.0, NAN, AGAIN, COPIES, SPARSE, STILL]),
        st.sampled_from([1, 3, 9, 12, 40, 70, 140, 230, 400]),
    ),
    min_size=1,
    max_size=10,
)


@dataclass(frozen=True)
class Life:
    """Heart rate and breathing (NaN = missing) and pulse of one device; the pulse strays while the heart races."""

    heart: np.ndarray
    breath: np.ndarray
    pulse: np.ndarray

    def __len__(self) -> int:
        return len(self.heart)

    def part(self, first: int, end: int, device: str = "a") -> MinuteChunk:
        part = slice(first, end)
        return MinuteChunk(device, 1, START + first, self.heart[part], self.breath[part], self.pulse[part])


def life(runs: list[tuple[float, int]]) -> Life:
    level = np.concatenate([np.full(minutes, value) for value, minutes in runs])
    rng = np.random.default_rng(len(level))
    noise = np.where(level == STILL, 0.0, rng.normal(0, 3, len(level)))
    heart = np.round(np.where(level == SPARSE, 80.0, np.abs(level)) + noise, 1)
    heart[(level == SPARSE) & (np.arange(len(level)) % 5 > 0)] = NAN
    breath = np.round(np.where(level == STILL, 16.0, 16 + rng.normal(0, 0.5, len(level))), 1)
    breath[::83] = NAN  # one channel alone has gaps of its own
    for at in np.flatnonzero((level == AGAIN) | (level == COPIES)):
        lag = 120 if level[at] == AGAIN else 20
        heart[at], breath[at] = (heart[at - lag], breath[at - lag]) if at >= lag else (80.0, 16.0)
    return Life(heart, breath, heart - np.where(level > 100, 12.0, 0.5))


def cuts(draw: Callable[[object], list[int]], minutes: int) -> list[tuple[int, int]]:
    inner = draw(st.lists(st.integers(1, max(1, minutes - 1)), max_size=8, unique=True))
    edges = [0, *sorted(cut for cut in inner if cut < minutes), minutes]
    return list(pairwise(edges))
