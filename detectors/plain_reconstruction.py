"""The bottleneck autoencoder in plain numpy, for showing what it expects: no TensorFlow, a day of one device in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.preprocessing import (
    WINDOW_MIN,
    Rows,
    calendar_features,
    cut_windows,
    pushed_rows,
    scaled,
    usable_window_ends,
)
from detectors.scoring.folding import fold_autoencoder
from detectors.weight_layout import REACH_Z

Floats = NDArray[np.float32]


def reconstruct(weights: Mapping[str, Floats], z: Floats, event_minute: NDArray[np.int64]) -> Floats:
    """Return float32[B, 60, 2] rebuilt from scaled windows float32[B, 60, 2] and their event minutes int64[B, 60]."""
    folded = fold_autoencoder(weights)
    ones = np.ones((*z.shape[:2], 1), np.float32)
    window = np.concatenate([z, calendar_features(event_minute), ones], axis=-1).transpose(1, 2, 0)
    states = [
        _run(folded["encoder_forward"], window)[-1],
        _run(folded["encoder_backward"], window[::-1])[-1],
    ]
    latent = folded["latent"] @ np.concatenate([*states, ones[:, 0].T], axis=0)
    latent = np.concatenate([latent, ones[:, 0].T], axis=0)
    total = folded["output_bias"]
    for direction, step in (("forward", 1), ("backward", -1)):
        given = np.broadcast_to(folded[f"decoder_input_{direction}"] @ latent, (WINDOW_MIN, *_gates(folded, latent)))
        decoded = _decode(folded[f"decoder_{direction}"], given)[::step]
        total = total + folded[f"output_{direction}"] @ decoded
    rebuilt: Floats = (REACH_Z * np.tanh(total)).transpose(2, 0, 1).astype(np.float32)
    return rebuilt


def rebuild(
    weights: Mapping[str, Floats],
    event_minute: NDArray[np.int64],
    heart_rate_bpm: ArrayLike,
    resp_rate_bpm: ArrayLike,
    median: ArrayLike,
    scale: ArrayLike,
) -> tuple[NDArray[np.int64], Floats]:
    """Return (event minutes int64[n], float32[n, 2] in bpm and breaths/min) of all minutes that lie in a usable window.

    `event_minute` rises, minutes may be missing. Windows end with each hour and at the last minute; a minute is shown as the
    first window that holds it rebuilds it.
    """
    rows = _rows(event_minute, np.asarray(heart_rate_bpm, np.float64), np.asarray(resp_rate_bpm, np.float64))
    ends = usable_window_ends(rows)
    if not len(ends):
        return np.empty(0, np.int64), np.empty((0, 2), np.float32)
    chosen = ends[(rows.event_minute[ends] % WINDOW_MIN == WINDOW_MIN - 1) | (ends == ends[-1])]
    values, minutes = cut_windows(rows, chosen)
    rebuilt = reconstruct(weights, scaled(values, median, scale), minutes)
    bpm = rebuilt * np.asarray(scale, np.float32) + np.asarray(median, np.float32)
    shown, first = np.unique(minutes.ravel(), return_index=True)
    return shown, bpm.reshape(-1, 2)[first]


def _rows(event_minute: NDArray[np.int64], heart: NDArray[np.float64], breath: NDArray[np.float64]) -> Rows:
    first = int(event_minute[0]) if len(event_minute) else 0
    span = int(event_minute[-1]) - first + 1 if len(event_minute) else 0
    series = np.full((2, span), np.nan)
    series[:, event_minute - first] = heart, breath
    return pushed_rows(first, series[0], series[1])


def _gates(folded: Mapping[str, Floats], latent: Floats) -> tuple[int, int]:
    return folded["decoder_forward"].shape[0], latent.shape[1]


def _run(gates: Floats, window: Floats) -> Floats:
    """Return the states [60, H, B] of one direction over a window [60, 7, B]."""
    units = gates.shape[0] // 4
    return _decode(gates[:, :units], gates[:, units:] @ window)


def _decode(recurrent: Floats, given: Floats) -> Floats:
    """Return the states [60, H, B] for what each step's input adds to the gates, [60, 4H, B] (sigmoid gates halved)."""
    state = np.zeros((recurrent.shape[1], given.shape[-1]), np.float32)
    cell = np.zeros_like(state)
    states = np.empty((len(given), *state.shape), np.float32)
    for step, added in enumerate(given):
        take_in, forget, content, give_out = np.split(np.tanh(recurrent @ state + added), 4)
        cell = 0.5 * ((1.0 + forget) * cell + (1.0 + take_in) * content)
        state = 0.5 * (1.0 + give_out) * np.tanh(cell)
        states[step] = state
    return states
