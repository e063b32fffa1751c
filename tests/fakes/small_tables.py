"""Tables of a few decisions, for tests of what is made of a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detectors.statistics.registry import columns
from detectors.training.scores.decisions import StreamDecisions
from detectors.training.scores.table import CLEAN, DecisionTable, Stream, table_of


def decisions(
    count: int, *, first: int = 0, onset: int | None = None, judged_from: int = 10, rng=None
) -> StreamDecisions:
    """Return so many decisions from the raster's place `first` on, all usable, judged from place `judged_from` on."""
    at = np.arange(first, first + count)
    ended = 15 * at + 53
    rng = rng or np.random.default_rng(0)
    return StreamDecisions(
        values=rng.standard_normal((count, len(columns()))).astype(np.float32),
        nats=np.zeros(count, np.float32),
        run=np.zeros(count, np.int32),
        usable=np.ones(count, np.bool_),
        judged=at >= judged_from,
        deteriorating=np.zeros(count, np.bool_),
        decision=at.astype(np.int32),
        event_minute=15 * at + 59,
        since=np.zeros(count, np.int32) if onset is None else np.maximum(ended - onset, 0).astype(np.int32),
    )


def table(
    patients: int = 1,
    count: int = 100,
    onsets: Sequence[int] = (),
    population: Sequence[int] | None = None,
    seed: int = 0,
) -> DecisionTable:
    """Return patients with `count` clean decisions and, for each onset (valid minute), a trace of case 0; values are drawn."""
    rng = np.random.default_rng(seed)
    streams = []
    for _ in range(patients):
        own = [Stream(decisions(count, rng=rng), CLEAN, -1, -1)]
        for which, onset in enumerate(onsets):
            first = onset // 15 - 4
            own.append(Stream(decisions(count - first, first=first, onset=onset, rng=rng), 0, onset, which))
        streams.append(own)
    places = population or [0] * patients
    known = [(f"patient-{place}", places[place], 200, 10) for place in range(patients)]
    return table_of(known, streams)
