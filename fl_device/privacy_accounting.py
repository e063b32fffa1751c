"""How much a device's noisy updates give away at most, all rounds together: epsilon by a maintained accountant."""

from __future__ import annotations

import math
from typing import Final

DELTA: Final = 1e-5
_FARTHEST_APART: Final = 2.0
"""In clips: two updates of length clip that point in opposite directions."""


def epsilon(noise: float, rounds: int, delta: float = DELTA) -> float:
    """Return epsilon of (epsilon, delta) differential privacy for a device that answered `rounds` rounds, each with `noise`.

    Device level and local: neighbours are all the data of one device, and any other data of it (replacement), so updates differ by
    two clips at most. The Gaussian mechanism is composed over the rounds exactly (Dong et al., JRSS B 2022, Cor. 3.3: as one
    with noise / sqrt(rounds)), and turned into epsilon by dp-accounting (Balle & Wang, ICML 2018). Infinite without noise.
    """
    if rounds < 1:
        return 0.0
    if noise <= 0:
        return math.inf
    from dp_accounting import get_epsilon_gaussian  # noqa: PLC0415 - a second's import, needed by hosts with noise alone

    return float(get_epsilon_gaussian(noise / (_FARTHEST_APART * math.sqrt(rounds)), delta))
