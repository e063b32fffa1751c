"""Finds every statistic of this folder and lays out their terms and columns."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.array_types import Floats, Floats32
from detectors.statistics import lattice
from detectors.statistics.base import BOTH, CHANNELS, FAST_MIN, SLOW_MIN, BlockMinutes, Statistic, Term

HORIZONS_MIN: Final = (FAST_MIN, SLOW_MIN)


class Column(NamedTuple):
    """One number that is judged: which statistic, of which residual, of which channel, over how many minutes."""

    statistic: str
    residual: str
    channel: str
    minutes: int

    @property
    def key(self) -> str:
        """The column's name in a bundle and in the documentation."""
        return f"{self.statistic} {self.residual} {self.channel} {self.minutes}"


def _statistics() -> Iterator[Statistic]:
    folders = importlib.import_module("detectors.statistics").__path__
    for module in sorted(pkgutil.iter_modules(folders), key=lambda module: module.name):
        statistic = getattr(importlib.import_module(f"detectors.statistics.{module.name}"), "STATISTIC", None)
        if isinstance(statistic, Statistic):
            yield statistic


@cache
def statistics() -> tuple[Statistic, ...]:
    """Return every statistic with a file here, in the order of the files' names (the lattice stands apart)."""
    return tuple(_statistics())


@cache
def terms() -> tuple[tuple[Term, str], ...]:
    """Return each (term, residual) that some statistic sums, once."""
    return tuple(
        dict.fromkeys(
            (term, _of_term(term, residual))
            for statistic in statistics()
            for residual in statistic.residuals
            for term in statistic.terms
        )
    )


_OF_EVERY_RESIDUAL: Final = ("weight", "both_weight")


def _of_term(term: Term, residual: str) -> str:
    return "" if term.__name__ in _OF_EVERY_RESIDUAL else residual


@cache
def columns() -> tuple[Column, ...]:
    """Return every column of the statistics, then the lattice's."""
    ordinary = [
        Column(statistic.name, residual, channel, minutes)
        for statistic in statistics()
        for residual in statistic.residuals
        for minutes in HORIZONS_MIN
        for channel in ((BOTH,) if statistic.is_joint else CHANNELS)
    ]
    phases = [
        Column(lattice.NAME, "values", channel, minutes)
        for minutes in lattice.HORIZONS_MIN
        for channel in lattice.CHANNELS
    ]
    return tuple(ordinary + phases)


@cache
def term_places() -> dict[tuple[Term, str], slice]:
    """Return where each term's sums lie in a block's row: two places, or one for both channels together."""
    places: dict[tuple[Term, str], slice] = {}
    start = 0
    probe = _probe()
    for term, residual in terms():
        width = 2 if term(probe, residual).ndim == 3 else 1
        places[term, residual] = slice(start, start + width)
        start += width
    return places


@cache
def terms_width() -> int:
    """Return how many numbers a block's row holds."""
    return int(max(place.stop for place in term_places().values()))


def _probe() -> BlockMinutes:
    nothing = np.zeros((1, 15, 2))
    residuals = {name: nothing for statistic in statistics() for name in statistic.residuals}
    return BlockMinutes(nothing, residuals, nothing > 0, nothing[:, :1])


def block_sums(minutes: BlockMinutes) -> Floats32:
    """Return float32[R, terms_width()]: the terms of R blocks, each summed over its 15 minutes."""
    rows = np.empty((len(minutes.weight), terms_width()), np.float32)
    for (term, residual), place in term_places().items():
        rows[:, place] = term(minutes, residual or "level").sum(axis=1).reshape(len(rows), -1)
    return rows


def statistic_values(sums: dict[int, Floats], phases: dict[int, NDArray[np.int32]]) -> Floats:
    """Return float64[R, len(columns())] of sums by horizon in minutes: float64[R, terms_width()] and int32[R, 2, 144]."""
    rows = len(next(iter(sums.values())))
    parts: list[Floats] = []
    places = term_places()
    for statistic in statistics():
        for residual in statistic.residuals:
            for minutes in HORIZONS_MIN:
                summed = [_taken(sums[minutes], places[term, _of_term(term, residual)]) for term in statistic.terms]
                parts.append(np.asarray(statistic.value(*summed)).reshape(rows, -1))
    parts += [lattice.values(phases[minutes]) for minutes in lattice.HORIZONS_MIN]
    return np.nan_to_num(np.concatenate(parts, axis=1))


def _taken(sums: Floats, place: slice) -> Floats:
    return sums[:, place] if place.stop - place.start == 2 else sums[:, place.start]
