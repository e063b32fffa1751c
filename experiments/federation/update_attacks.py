"""Attacks on updates that no look at a device's data can see: what a lying device sends instead of what it learnt.

Changes are measured from the model that the round trained from. The attacker knows all honest changes, as its authors grant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SCALE: Final = 10.0
GAUSSIAN_SD: Final = 10.0  # in root mean squares of the honest change
IPM_EPSILON: Final = 0.5
ALIE_Z: Final = 1.0
SYBILS: Final = 2


class Seen(NamedTuple):
    """What a liar knows: the change float64[d] that it learnt itself, those of all honest devices float64[n, d], and a dice."""

    own: Floats
    honest: Floats
    rng: np.random.Generator


UpdateAttack = Callable[[Seen], Floats]  # returns the change float64[d] that is sent


def sign_flip(seen: Seen) -> Floats:
    """Send the opposite of what was learnt (Li et al., AAAI 2019), at four times its length."""
    return -4 * seen.own


def scaling(seen: Seen) -> Floats:
    """Send ten times what was learnt (model replacement: Bagdasaryan et al., AISTATS 2020)."""
    return SCALE * seen.own


def alie(seen: Seen) -> Floats:
    """Stay a standard deviation below the mean of the honest (A Little Is Enough: Baruch et al., NeurIPS 2019)."""
    lie: Floats = seen.honest.mean(axis=0) - ALIE_Z * seen.honest.std(axis=0)
    return lie


def ipm(seen: Seen) -> Floats:
    """Send the negative mean of the honest, made small (inner product manipulation: Xie et al., UAI 2019)."""
    lie: Floats = -IPM_EPSILON * seen.honest.mean(axis=0)
    return lie


def gaussian(seen: Seen) -> Floats:
    """Send noise (Blanchard et al., NeurIPS 2017)."""
    return seen.rng.normal(0, GAUSSIAN_SD * float(np.sqrt(np.square(seen.honest).mean())), seen.own.shape)


def free_rider(seen: Seen) -> Floats:
    """Send the model back, having learnt nothing (Lin et al., 2019)."""
    return np.zeros_like(seen.own)


ATTACKS: Final[Mapping[str, UpdateAttack]] = MappingProxyType(
    {
        "sign-flip": sign_flip,
        "scaling": scaling,
        "alie": alie,
        "ipm": ipm,
        "gaussian": gaussian,
        "free-rider": free_rider,
        "sybil": sign_flip,  # the same lie from many devices
    }
)


def liars(attack: str, poisoned: int, devices: int) -> list[int]:
    """Return who lies: the poisoned device, and with a Sybil attack another one with it."""
    return [poisoned] if attack != "sybil" else [(poisoned + at) % devices for at in range(SYBILS)]
