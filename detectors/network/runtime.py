"""The network in numpy: normal scores of the minutes 38..52 of windows, and what it expected there.

Columns are windows, in tiles of 16. A matrix product sums in another order for another number of columns; with
every tile alike, a window's result is the same to the last bit whatever else is in the batch.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from detectors.array_types import Floats32, Weights
from detectors.network.density import Place, Shape, mean, normal_score, place_of, shape_of
from detectors.network.folding import Dense, Folded, folded
from detectors.network.layout import CHANNELS, CONTEXT_REACH, EMITTED, NEIGHBOURS, STEP_INPUTS, UNITS

VALUE_SHARE: Final = np.float32(0.5)
"""The network reads half of z beside the whole step from the minute before: both then have about the same size."""


def forward_steps(z: Floats32, weight: Floats32) -> Floats32:
    """Return [minutes, ..., 6, columns] in order of time: value, step from the minute before (0 at first), weight.

    Of a minute it holds nothing that a later one says.

    >>> z = np.array([0.0, 2.0], np.float32)[:, None, None]
    >>> forward_steps(z, np.ones_like(z))[1].ravel().tolist()
    [1.0, 2.0, 1.0]
    """
    step = np.zeros_like(z)
    np.subtract(z[1:], z[:-1], out=step[1:])
    return np.concatenate([VALUE_SHARE * z, step, weight], axis=-2)


def backward_steps(z: Floats32, weight: Floats32) -> Floats32:
    """Return the same read from the last minute back to the first, the first row the last minute."""
    return forward_steps(z[::-1], weight[::-1])


def neighbours(z: Floats32) -> Floats32:
    """Return [15, ..., 8, columns] for the emitted minutes: one before, two before, one after, two after."""
    shifted = [z[EMITTED.start + shift : EMITTED.stop + shift] for shift in (-1, -2, 1, 2)]
    return np.concatenate(shifted, axis=-2)


TILE: Final = 16
MOST_TILES: Final = 16
"""Tiles that are computed at once: their gates then stay in the processor's cache."""
WINDOW_MIN: Final = 60
_HALF: Final = np.float32(0.5)
_COUNT: Final = len(EMITTED)
_FORWARD: Final = EMITTED.stop - 2 + 1  # steps of minutes 0..51
_BACKWARD: Final = WINDOW_MIN - EMITTED.start - 1  # steps of minutes 59..39
_BOTH_FROM: Final = _FORWARD - _BACKWARD
_KEPT: Final = slice(_FORWARD - _COUNT + 1, _FORWARD + 1)  # states after the last 15 steps of either direction


class _Read(NamedTuple):
    """What a batch of windows gave, tile by tile: z [60, tiles, 2, 16], where the densities lie, and their shapes."""

    z: Floats32
    place: Place
    shape: Shape


class DensityNetwork:
    """Owned by one thread: all batches share its arrays. It blocks for tens of microseconds a window."""

    def __init__(self, weights: Weights) -> None:
        """Fold the weights (`layout.network_shapes`). Raises ValueError when they do not fit."""
        self._folded: Folded = folded(weights)
        pair = (2, MOST_TILES)
        self._seen = np.zeros((_FORWARD + 1, *pair, UNITS + STEP_INPUTS, TILE), np.float32)
        self._gates = np.empty((*pair, 4 * UNITS, TILE), np.float32)
        self._cell = np.empty((*pair, UNITS, TILE), np.float32)
        self._squashed = np.empty((*pair, UNITS, TILE), np.float32)
        self._features = np.empty((_COUNT, MOST_TILES, 2 * UNITS + NEIGHBOURS, TILE), np.float32)

    def normal_scores(self, z: Floats32, weight: Floats32, context: Floats32, half_cell: Floats32) -> Floats32:
        """Return float32[B, 15, 2] of windows float32[B, 60, 2] with their weights.

        `context` float32[B, 27], `half_cell` float32[B, 2] is half a grid step in z. The score is positive where the value
        lies above what was expected.
        """
        result = np.empty((len(z), _COUNT, CHANNELS), np.float32)
        for part in _parts(len(z)):
            read = self._read(z[part], weight[part], context[part])
            half = _tiled(half_cell[part])
            emitted = read.z[EMITTED.start : EMITTED.stop]
            result[part] = _untiled(normal_score(emitted, half, read.place, read.shape), len(result[part]))
        return result

    def expected(self, z: Floats32, weight: Floats32, context: Floats32) -> Floats32:
        """Return float32[B, 15, 2], the densities' means in z. Arguments as of `normal_scores`."""
        result = np.empty((len(z), _COUNT, CHANNELS), np.float32)
        for part in _parts(len(z)):
            read = self._read(z[part], weight[part], context[part])
            result[part] = _untiled(mean(read.place, read.shape), len(result[part]))
        return result

    def _read(self, z: Floats32, weight: Floats32, context: Floats32) -> _Read:
        own, by_minute, weights = self._folded, _tiled(z), _tiled(weight)
        standard = (_tiled(context) - own.context_mean) / own.context_sd
        standard = np.clip(standard, -CONTEXT_REACH, CONTEXT_REACH)
        embedded = np.tanh(_through(own.embedding, standard))
        shape = shape_of(_through(own.shape, np.tanh(_through(own.shape_hidden, embedded))))
        self._run(by_minute, weights, embedded)
        shift = self._shift(by_minute, embedded)
        before = by_minute[EMITTED.start - 1 : EMITTED.stop - 1]
        after = by_minute[EMITTED.start + 1 : EMITTED.stop + 1]
        return _Read(by_minute, place_of(shift, before, after), shape)

    def _run(self, z: Floats32, weight: Floats32, embedded: Floats32) -> None:
        """Leave the states after every step in the first rows of `_seen`, the backward ones beside the last forward ones."""
        own, tiles = self._folded, z.shape[1]
        seen = self._seen[:, :, :tiles]
        seen[:_FORWARD, 0, :, UNITS:] = forward_steps(z, weight)[:_FORWARD]
        seen[_BOTH_FROM:_FORWARD, 1, :, UNITS:] = backward_steps(z, weight)[:_BACKWARD]
        seen[0, 0, :, :UNITS] = 0
        seen[_BOTH_FROM, 1, :, :UNITS] = 0
        constant = _through(own.step_constant, embedded)
        gates, cell, squashed = (array[:, :tiles] for array in (self._gates, self._cell, self._squashed))
        cell[:] = 0
        for step in range(_BOTH_FROM):
            _step(own.step[0], seen[step, 0], constant[0], gates[0], cell[0], squashed[0], seen[step + 1, 0])
        for step in range(_BOTH_FROM, _FORWARD):
            _step(own.step, seen[step], constant, gates, cell, squashed, seen[step + 1])

    def _shift(self, z: Floats32, embedded: Floats32) -> Floats32:
        """Return [15, tiles, 2, 16]: how far the states move the location from the neighbours' mean."""
        own, tiles = self._folded, z.shape[1]
        states, features = self._seen[_KEPT, :, :tiles, :UNITS], self._features[:, :tiles]
        features[:, :, :UNITS] = states[:, 0]
        features[:, :, UNITS : 2 * UNITS] = states[::-1, 1]
        features[:, :, 2 * UNITS :] = neighbours(z)
        hidden = np.matmul(own.hidden, features)
        hidden += _through(own.hidden_constant, embedded)
        np.tanh(hidden, out=hidden)
        return _through(own.location, hidden)


def _step(
    kernel: Floats32,
    seen: Floats32,
    constant: Floats32,
    gates: Floats32,
    cell: Floats32,
    squashed: Floats32,
    after: Floats32,
) -> None:
    """One minute, in place: `seen` [..., 38, 16] holds the state and the inputs, the new state goes into `after`."""
    np.matmul(kernel, seen, out=gates)
    gates += constant
    np.tanh(gates, out=gates)
    sigmoids, content = gates[..., : 3 * UNITS, :], gates[..., 3 * UNITS :, :]
    sigmoids += 1
    cell *= gates[..., UNITS : 2 * UNITS, :]
    content *= gates[..., :UNITS, :]
    cell += content
    cell *= _HALF
    np.tanh(cell, out=squashed)
    np.multiply(gates[..., 2 * UNITS : 3 * UNITS, :], squashed, out=after[..., :UNITS, :])


def _through(layer: Dense, inputs: Floats32) -> Floats32:
    outputs: Floats32 = layer.matrix @ inputs
    outputs += layer.bias
    return outputs


def _parts(count: int) -> list[slice]:
    size = TILE * MOST_TILES
    return [slice(start, start + size) for start in range(0, count, size)]


def _tiled(rows: Floats32) -> Floats32:
    """Return float32[..., tiles, features, 16] of rows [B, ..., features], the last tile filled up with zeros."""
    tiles = -(-len(rows) // TILE)
    full = np.zeros((tiles * TILE, *rows.shape[1:]), np.float32)
    full[: len(rows)] = rows
    split = full.reshape(tiles, TILE, *rows.shape[1:])
    order = (2, 0, 3, 1) if rows.ndim == 3 else (0, 2, 1)
    return np.ascontiguousarray(split.transpose(order))


def _untiled(values: Floats32, count: int) -> Floats32:
    """Return float32[count, minutes, 2] of [minutes, tiles, 2, 16]."""
    by_window = values.transpose(1, 3, 0, 2)
    return by_window.reshape(-1, *by_window.shape[2:])[:count]
