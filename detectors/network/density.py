"""The density of a minute's value, integrated over the grid cell, and its normal score.

A channel's density is three logistic components and two point masses at the values of the minutes before and
after. The recurrent states move its location only: where they set the widths too, a noisy neighbourhood widens
the density and added noise excuses itself. Arrays are [..., columns], a column a window.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from scipy.special import ndtri

from detectors.array_types import Floats32
from detectors.network.layout import CHANNELS, COMPONENTS

NEIGHBOUR_SHARE: Final = np.float32(0.45)
LOG_WIDTH_RANGE: Final = (-6.0, 3.0)
LEAST_PROBABILITY: Final = 2e-6
"""Normal scores end here, at +-4.6: float32 tells no more of the tails."""


class Shape(NamedTuple):
    """What the enrolment says of a density.

    `share` [..., 2, 5, columns] of the components and of the masses before and after; `offset` [..., 2, 3, columns] in z;
    `steepness` likewise, half of 1/width.
    """

    share: Floats32
    offset: Floats32
    steepness: Floats32


class Place(NamedTuple):
    """Where the densities of some minutes lie.

    `location`, and the neighbours' values `before` and `after`, all [minutes, ..., 2, columns] in z.
    """

    location: Floats32
    before: Floats32
    after: Floats32


def shape_of(outputs: Floats32) -> Shape:
    """Return the shapes from the network's last layer [..., 22, columns]: log shares, offsets, log widths a channel."""
    parts = outputs.reshape(*outputs.shape[:-2], CHANNELS, 3 * COMPONENTS + 2, outputs.shape[-1])
    logs, offset, log_width = np.split(parts, (COMPONENTS + 2, 2 * COMPONENTS + 2), axis=-2)
    share = np.exp(logs - logs.max(axis=-2, keepdims=True))
    share /= share.sum(axis=-2, keepdims=True)
    return Shape(share, offset, np.float32(0.5) * np.exp(-np.clip(log_width, *LOG_WIDTH_RANGE)))


def place_of(shift: Floats32, before: Floats32, after: Floats32) -> Place:
    """Return where the densities lie: near the neighbours' mean, moved by what the states say."""
    return Place(NEIGHBOUR_SHARE * (before + after) + shift, before, after)


def cumulative(edge: Floats32, place: Place, shape: Shape) -> Floats32:
    """Return the probability below `edge` [minutes, ..., 2, columns]."""
    reach = (edge - place.location)[..., None, :] - shape.offset
    reach *= shape.steepness
    np.tanh(reach, out=reach)  # the logistic distribution is (1 + tanh(x/2))/2
    reach += 1
    reach *= np.float32(0.5) * shape.share[..., :COMPONENTS, :]
    below: Floats32 = reach.sum(axis=-2)
    for mass, value in enumerate((place.before, place.after), COMPONENTS):
        below += shape.share[..., mass, :] * (value < edge)
    return below


def normal_score(z: Floats32, half_cell: Floats32, place: Place, shape: Shape) -> Floats32:
    """Return the normal score of the middle of the cell z +- half_cell: 0 as expected, beyond +-2 rarely."""
    middle = cumulative(z - half_cell, place, shape)
    middle += cumulative(z + half_cell, place, shape)
    middle *= np.float32(0.5)
    score: Floats32 = ndtri(np.clip(middle, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY))
    return score


def mean(place: Place, shape: Shape) -> Floats32:
    """Return the densities' means [minutes, ..., 2, columns] in z."""
    components = shape.share[..., :COMPONENTS, :]
    expected: Floats32 = components.sum(axis=-2) * place.location + (components * shape.offset).sum(axis=-2)
    expected += shape.share[..., COMPONENTS, :] * place.before + shape.share[..., COMPONENTS + 1, :] * place.after
    return expected
