"""From standardised features to what the networks and the tails read: joint features, surprises and their groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.features.catalogue import (
    BREATH,
    FAST,
    FAST_MIN,
    HEART,
    MIDDLE_MIN,
    RESIDUAL,
    SLOW,
    SLOW_MIN,
    Feature,
)
from detectors.surprise import surprise

Floats = NDArray[np.float32]

R_CLIP: Final = 6.0
GROUP_CLIP: Final = 12.0


def _pairs(features: Sequence[Feature]) -> NDArray[np.int64]:
    """Places of features that both channels have: int64[2, P], heart above breathing."""
    places = {(feature.name, feature.channel, feature.minutes): at for at, feature in enumerate(features)}
    pairs = [
        (at, places[name, BREATH, minutes])
        for (name, channel, minutes), at in places.items()
        if channel == HEART and (name, BREATH, minutes) in places
    ]
    return np.array(pairs, np.int64).reshape(-1, 2).T


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the features: its joint columns and groups. Columns are [features, J+, J-]."""

    features: tuple[Feature, ...]
    pairs: NDArray[np.int64]
    group_names: tuple[str, ...]
    members: tuple[NDArray[np.int64], ...]

    @property
    def columns(self) -> int:
        """Number of columns, joint ones included."""
        return len(self.features) + 2 * len(self.pairs[0])

    @property
    def inputs(self) -> int:
        """Number of inputs that the part gives a network: its columns and, both ways, its groups."""
        return self.columns + 2 * len(self.group_names)

    def with_joint(self, r: Floats) -> Floats:
        """Return float32[B, columns]: r, then J+ = min(r_HR, r_RR) and J- = min(-r_HR, -r_RR) of every shared feature."""
        heart, breath = r[:, self.pairs[0]], r[:, self.pairs[1]]
        return np.concatenate([r, np.minimum(heart, breath), np.minimum(-heart, -breath)], axis=1)

    def grouped(self, signed: Floats) -> Floats:
        """Return float32[B, 2G]: each group's largest surprise upwards, then downwards (joint columns: upwards)."""
        high = np.stack([signed[:, places].max(axis=1) for places in self.members], axis=1)
        low = np.stack([-signed[:, places].min(axis=1) for places in self.members], axis=1)
        found: Floats = np.maximum(np.concatenate([high, low], axis=1), np.float32(0))
        return found


def _part(features: tuple[Feature, ...]) -> Part:
    pairs = _pairs(features)
    groups: dict[str, list[int]] = {}
    for at, feature in enumerate(features):
        groups.setdefault(f"{feature.group} {feature.channel} {feature.minutes}", []).append(at)
    for at, place in enumerate(pairs[0]):
        feature = features[place]
        name = f"{feature.group} joint {feature.minutes}"
        groups.setdefault(name, []).extend([len(features) + at, len(features) + pairs.shape[1] + at])
    members = tuple(np.array(places, np.int64) for places in groups.values())
    return Part(features, pairs, tuple(groups), members)


SIGNAL: Final = _part(FAST)
RESIDUAL_EVIDENCE: Final = _part(RESIDUAL)
SLOW_EVIDENCE: Final = _part(SLOW)


@dataclass(frozen=True, slots=True)
class Found:
    """What one part says: `inputs` float32[B, k] for its network, `groups` float32[B, 2G] surprises for the tails."""

    inputs: Floats
    groups: Floats


def read(part: Part, table: Floats, r: Floats) -> Found:
    """Return the evidence of one part from standardised features float32[B, F] and the part's surprise table."""
    joint = part.with_joint(np.nan_to_num(r))
    groups = part.grouped(surprise(table, joint))
    inputs = np.concatenate(
        [np.clip(joint, -R_CLIP, R_CLIP) / 2, np.sqrt(np.minimum(groups, GROUP_CLIP))], axis=1, dtype=np.float32
    )
    return Found(inputs, groups)


@dataclass(frozen=True, slots=True)
class Tail:
    """Surprises that speak for themselves, as no attack has to be learnt from: places among the groups of two parts."""

    signal: NDArray[np.int64]
    slow: NDArray[np.int64]

    def of_hour(self, signal: Found) -> Floats:
        """Return float32[B]: the largest surprise of the hour."""
        largest: Floats = signal.groups[:, self.signal].max(axis=1)
        return largest

    def of_half_day(self, slow: Found) -> Floats:
        """Return float32[k]: the largest surprise of the long windows."""
        largest: Floats = slow.groups[:, self.slow].max(axis=1)
        return largest


def _places(part: Part, names: Sequence[str], *, downwards: bool) -> NDArray[np.int64]:
    high = [place for place, name in enumerate(part.group_names) if name in names]
    low = [place + len(part.group_names) for place in high] if downwards else []
    return np.array([*high, *low], np.int64)


def _tail(names: Sequence[str], *, downwards: bool) -> Tail:
    return Tail(
        _places(SIGNAL, names, downwards=downwards),
        _places(SLOW_EVIDENCE, names, downwards=downwards),
    )


# What says enough without a network: a channel's level, up or down; how both channels move within the hour, when both are
# unlike usual in the same way; and values on a grid of their own.
LEVEL_TAIL: Final = _tail(
    [f"level {channel} {minutes}" for channel in (HEART, BREATH) for minutes in (FAST_MIN, MIDDLE_MIN)], downwards=True
)
TEXTURE_TAIL: Final = _tail([f"{name} joint {FAST_MIN}" for name in ("shape", "difference")], downwards=False)
LATTICE_TAIL: Final = _tail(
    [f"lattice both {minutes}" for minutes in (FAST_MIN, MIDDLE_MIN, SLOW_MIN)], downwards=False
)


PARTS: Final = {"signal": SIGNAL, "residual": RESIDUAL_EVIDENCE, "slow": SLOW_EVIDENCE}
NETWORK_INPUTS: Final = {
    "signal": SIGNAL.inputs,
    "residual": RESIDUAL_EVIDENCE.inputs,
    "slow": SIGNAL.inputs + SLOW_EVIDENCE.inputs,
}
