"""Bounds an update, adds noise and accounts for the privacy spent (DP-FedAvg, McMahan et al., ICLR 2018).

The noise is the device's own (local): the coordinator is the one that is not to learn. A bound alone promises nothing; it is what
makes the noise count.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from secrets import randbits
from typing import Final

import numpy as np
import structlog

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from detectors.array_types import Floats, Floats32
from detectors.network.layout import CONTEXT_STATISTICS
from transport.blobs.weights import Weights

SEED_BITS: Final = 256


@dataclass(frozen=True, slots=True)
class UpdatePrivacy:
    """`clip` is the longest an update may be (L2 norm over all weights). `noise` the deviation of the noise in units of `clip`."""

    clip: float
    noise: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.clip) and self.clip > 0 and np.isfinite(self.noise) and self.noise >= 0):
            raise Misconfigured(f"clip {self.clip:g} must be above 0, noise {self.noise:g} 0 or above, both finite")

    def applied(self, trained: Weights, base: Weights, rng: np.random.Generator) -> dict[str, Floats32]:
        """Return the weights to be sent instead of `trained`: those of `base` and the change, shortened and with noise added.

        The context's statistics are never trained and tell nothing: they go back as they came. Pure but for `rng`, of which each
        call takes as many normal numbers as there are trained weights, in order of name.
        """
        learnt = sorted(base.keys() - set(CONTEXT_STATISTICS))
        changes = {name: trained[name].astype(np.float64) - base[name] for name in learnt}
        factor = min(1.0, self.clip / max(length(changes), np.finfo(np.float64).tiny))
        deviation = self.noise * self.clip
        sent = {
            name: (base[name] + factor * change + deviation * rng.standard_normal(change.shape)).astype(np.float32)
            for name, change in changes.items()
        }
        return {name: sent.get(name, array) for name, array in base.items()}


def length(changes: Weights | dict[str, Floats]) -> float:
    """Return the L2 norm over all arrays together."""
    return float(np.sqrt(sum(np.square(change, dtype=np.float64).sum() for change in changes.values())))


def secret_generator() -> np.random.Generator:
    """Return a generator seeded by the operating system: whoever knew its seed could take the noise off again."""
    return np.random.default_rng(randbits(SEED_BITS))


def privacy_of(clip: float | None, noise: float | None) -> UpdatePrivacy | None:
    """Return what is set, or None when nothing is. Raises Misconfigured for noise without a clip."""
    if clip is None:
        if noise:
            raise Misconfigured("noise on updates needs a bound on their length: set FEDSECURE_DP_CLIP (--dp-clip) too")
        return None
    return UpdatePrivacy(clip, noise or 0.0)


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


log = structlog.get_logger()


class PrivateAnswers:
    """Changes nothing unless FEDSECURE_DP_CLIP is set. Raises Misconfigured for settings that make no sense."""

    def __init__(self, settings: Settings, generator: Callable[[], np.random.Generator] = secret_generator) -> None:
        self._privacy = privacy_of(settings.dp_clip, settings.dp_noise)
        self._generator = generator

    def sent(self, device_id: str, round_number: int, trained: Weights, base: Weights) -> Weights:
        """Return what leaves the device instead of `trained`. To be called once a round, as a second draw would give more away.

        Noisy answers are accounted for: a device answers a round once at most, and rounds count from one, so that a round's number
        bounds how often it answered, before a restart too.
        """
        if self._privacy is None:
            return trained
        if self._privacy.noise > 0:
            spent = epsilon(self._privacy.noise, round_number)
            log.info("privacy_spent", round=round_number, device_id=device_id, epsilon_at_most=spent, delta=DELTA)
        return self._privacy.applied(trained, base, self._generator())
