"""Judge traces with trained knowledge: the batch form of the ballot. A test compares it with the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.common_scale import APART_MIN, WEEK_MIN, CommonScale, Series, vote_values
from detectors.features.catalogue import FEATURES, MINUTE_PART, SLOW_PART
from detectors.guards import SUSPICIOUS_SHARE
from detectors.model import on_common_scale
from detectors.reading import Reading, evidence_of, speak
from detectors.scorer import SCORED_KINDS
from detectors.training.traces import Trace
from detectors.votes import KINDS
from detectors.windows import BLOCK_MIN

Floats = NDArray[np.float32]
Networks = Mapping[str, Mapping[str, Floats]]

GUARDS: Final = ("replay", "copies", "pulse")


def reading_of(tables: Mapping[str, Floats], r: NDArray[np.floating], ignored: Sequence[int] = ()) -> Reading:
    """Read standardised features [k, 184]; those at the places `ignored` count as usual, as if they did not exist."""
    values = r.astype(np.float32)
    values[:, list(ignored)] = 0
    slow_at = np.flatnonzero(np.isfinite(r[:, len(FEATURES) - 1].astype(np.float32)))
    return evidence_of(tables, values[:, MINUTE_PART], values[slow_at, SLOW_PART], slow_at)


def raw_scores(tables: Mapping[str, Floats], networks: Networks, trace: Trace, ignored: Sequence[int] = ()) -> Floats:
    """Return a trace's raw scores float32[k, 5]."""
    return speak(networks, reading_of(tables, trace.r, ignored))


@dataclass(frozen=True, slots=True)
class Judged:
    """One device: `block` int64[k], and by kind the vote's value on the common scale float64[k] (a guard's: on a threshold of 1)."""

    block: NDArray[np.int64]
    votes: Mapping[str, NDArray[np.float64]]

    def excluded(self, threshold: float, kinds: Sequence[str] = tuple(KINDS)) -> NDArray[np.bool_]:
        """Return bool[k]: whether the votes of any of these kinds exclude the device at each decision."""
        out = np.zeros(len(self.block), np.bool_)
        for kind in kinds:
            out |= self.votes[kind] > (1.0 if kind in GUARDS else threshold)
        return out

    def episodes(self, threshold: float, kinds: Sequence[str] = tuple(KINDS)) -> int:
        """Return how many exclusions there are, those less than 240 minutes apart counted once."""
        minutes = self.block[self.excluded(threshold, kinds)] * BLOCK_MIN
        return int((np.diff(minutes, prepend=-(1 << 40)) > APART_MIN).sum())


def judge(trace: Trace, raw: Floats, scales: Mapping[str, CommonScale]) -> Judged:
    """Return a trace's votes from its raw scores."""
    g = on_common_scale(raw, scales)
    votes = {
        kind: vote_values(Series(trace.block, g[:, place]), KINDS[kind]) for place, kind in enumerate(SCORED_KINDS)
    }
    guards = (trace.replayed / SUSPICIOUS_SHARE, trace.copied / SUSPICIOUS_SHARE, trace.pulse)
    for kind, values in zip(GUARDS, guards, strict=True):
        votes[kind] = vote_values(Series(trace.block, values.astype(np.float32)), KINDS[kind])
    return Judged(trace.block, votes)


def weeks_of(fleet: Sequence[Judged]) -> float:
    """Return the device-weeks that a fleet was judged for."""
    return sum(len(one.block) for one in fleet) * BLOCK_MIN / WEEK_MIN


def false_rate(fleet: Sequence[Judged], threshold: float, kinds: Sequence[str] = tuple(KINDS)) -> float:
    """Return false exclusions a device-week."""
    return sum(one.episodes(threshold, kinds) for one in fleet) / max(weeks_of(fleet), 1e-9)
