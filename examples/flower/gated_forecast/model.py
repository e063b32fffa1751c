"""A linear forecaster in numpy: the next minute's heart and respiratory rate from the last half hour of both."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

PAST_MIN: Final = 30
MEAN: Final = np.array([80.0, 18.0])
SPREAD: Final = np.array([15.0, 5.0])
Numbers = NDArray[np.float64]


def initial_weights() -> Numbers:
    """Return the weights to begin with: float64[2 * PAST_MIN + 1, 2], the last row added to each forecast."""
    return np.zeros((2 * PAST_MIN + 1, 2))


def windows(minutes: Numbers) -> tuple[Numbers, Numbers]:
    """Return what is known and what is to be forecast, a row each, of `minutes` float64[n, 2] (bpm, NaN = missing)."""
    scaled = (minutes - MEAN) / SPREAD
    past = np.lib.stride_tricks.sliding_window_view(scaled, PAST_MIN, axis=0)[:-1].reshape(-1, 2 * PAST_MIN)
    known, wanted = np.hstack([past, np.ones((len(past), 1))]), scaled[PAST_MIN:]
    is_whole = np.isfinite(known).all(axis=1) & np.isfinite(wanted).all(axis=1)
    return known[is_whole], wanted[is_whole]


def train(weights: Numbers, known: Numbers, wanted: Numbers, epochs: int) -> Numbers:
    """Return the weights after so many steps of gradient descent on all windows, each as long as none overshoots."""
    rate = 1.0 / np.linalg.norm(known, 2) ** 2
    for _ in range(epochs):
        weights = weights - rate * known.T @ (known @ weights - wanted)
    return weights


def loss(weights: Numbers, known: Numbers, wanted: Numbers) -> float:
    """Return the mean squared error of the forecasts, in spreads."""
    return float(np.mean((known @ weights - wanted) ** 2))
