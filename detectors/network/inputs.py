"""What the network reads of a window, minute-first: arrays [minutes, ..., channels, columns], a column a window."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.network.layout import EMITTED
from detectors.types import Floats32

VALUE_SHARE: Final = np.float32(0.5)
"""The network reads half of z beside the whole step from the minute before: both then have about the same size."""
_A, _B = EMITTED.start, EMITTED.stop


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
    shifted = [z[_A + shift : _B + shift] for shift in (-1, -2, 1, 2)]
    return np.concatenate(shifted, axis=-2)
