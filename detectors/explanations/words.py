"""Which channel, what about it is unusual, and over which time: the groups that made the family-free score, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from detectors.array_types import Floats
from detectors.decisions.votes import KINDS
from detectors.scoring.components import GROUPS, group_values
from detectors.scoring.tails import TailColumn, fast_columns
from detectors.statistics import lattice
from detectors.statistics.registry import Column, columns, statistics

MOST_REASONS: Final = 3
LEAST_U: Final = 1.0
_SPANS: Final = {60: "last hour", 180: "last three hours", 360: "last six hours"}
CHANNELS_IN_WORDS: Final = ("heart rate", "breathing")
_CHANNELS: Final = {"heart": CHANNELS_IN_WORDS[0], "breath": CHANNELS_IN_WORDS[1], "both": "heart rate and breathing"}
RULES_IN_WORDS: Final = {
    "copy": "the last hour repeats, value by value, what came before it",
    "frozen": "neither heart rate nor breathing has changed for an hour",
    "replay": "heart rate and breathing repeat what this device sent before",
    "pulse": "the heart rate is not what the pulse says",
}


def in_words(r: Floats, u: Floats) -> str:
    """Return the one to three groups that made the score of a decision: statistics r float64[C], columns' u float64[K]."""
    values = group_values(u[None])[0]
    order = np.argsort(values)[::-1][:MOST_REASONS]
    chosen = [int(place) for place in order if values[place] >= LEAST_U] or [int(order[0])]
    return "; ".join(_group_in_words(GROUPS[place], r, u) for place in chosen)


def rules_in_words(kinds: Floats, threshold: float) -> str:
    """Return the rules over their limit in words ("" for none). `kinds` float64[7] on the threshold's scale.

    >>> rules_in_words(np.array([0, 0, 0, 0, 5.0, 0, 0]), threshold=3.0)
    'neither heart rate nor breathing has changed for an hour'
    """
    reasons = [
        RULES_IN_WORDS[kind]
        for kind, value in zip(KINDS, kinds, strict=True)
        if kind in RULES_IN_WORDS and value >= threshold
    ]
    return "; ".join(reasons)


def column_in_words(column: Column, *, high: bool) -> str:
    """Return what a high or low value of a column means."""
    return f"{_CHANNELS[column.channel]} {_words(column.statistic, high)}"


def _group_in_words(group: str, r: Floats, u: Floats) -> str:
    members = [(float(u[place]), column) for place, column in enumerate(fast_columns()) if column.group == group]
    _, column = max(members, key=lambda member: member[0])
    return f"{_channel(column, r)} {_words(column.statistic, column.side > 0)} ({_SPANS[column.minutes]})"


def _channel(column: TailColumn, r: Floats) -> str:
    """Name the channel that is clearly the more unusual one, or both."""
    names: Sequence[str] = columns()[column.heart].channel, columns()[column.breath].channel
    if names[0] == names[1]:
        return _CHANNELS[names[0]]
    heart, breath = column.side * r[column.heart], column.side * r[column.breath]
    if heart > 2 * max(breath, 1.0):
        return _CHANNELS["heart"]
    return _CHANNELS["breath"] if breath > 2 * max(heart, 1.0) else _CHANNELS["both"]


def _words(statistic: str, high: bool) -> str:
    if statistic == lattice.NAME:
        return lattice.HIGH
    definition = next(candidate for candidate in statistics() if candidate.name == statistic)
    return definition.high if high else definition.low


def unscored_in_words(unscored_min: int, interval_min: int, *, too_sparse: bool) -> str:
    """Say why a device is unscored. `interval_min` is the usual distance between its measured minutes.

    >>> unscored_in_words(60, 5, too_sparse=True)
    'values come every 5 minutes: a value a minute is needed to judge'
    """
    if interval_min > 1:
        return f"values come every {interval_min} minutes: a value a minute is needed to judge"
    if too_sparse:
        return "too many of the last minutes are missing to judge: those measured lie too far apart"
    return f"no decision for {unscored_min} minutes" if unscored_min else "no decision yet"
