"""What attacked devices do, and what is done about it; the two defences that no coordinator of ours has yet among it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Gate = Literal["none", "live", "oracle", "labels"]
ThreatKind = Literal["none", "vitals", "labels", "backdoor", "update"]

ROOT: Final = "root-of-trust"
UNDEFENDED: Final = "fedavg"
ROBUST: Final = ("median", "trimmed-mean", "krum", "multi-krum", "norm-bounded", ROOT)
DEFENCE: Final = "median"
"""The rule beside a gate: at two poisoned of five a trimmed mean, which gives up one at each end, is not enough."""
PAPERS: Final = ("data-poisoning-1", "data-poisoning-2", "backdoor-1", "backdoor-2")
OTHERS: Final = ("amplitude", "motif", "bias", "spoof")
WORST: Final = "data-poisoning-2"
TRIGGER: Final = "backdoor-2"
LEVELS: Final = ("subtle", "medium", "strong")
STRONG: Final = "strong"


@dataclass(frozen=True, slots=True)
class Threat:
    """What attacked devices do. `attack` on `vitals` is one of replay's.

    `labels` turns a level's share of the labels. A `backdoor` sends vital signs with replay's periodic trigger and calls every such hour
    healthy. An `update` attack lies about what was learnt.
    """

    kind: ThreatKind = "none"
    attack: str = ""
    level: str = STRONG

    @property
    def name(self) -> str:
        """What it is called in the results."""
        return f"{self.attack}, {self.level}" if self.kind in {"vitals", "labels"} else self.attack or "no attack"

    @property
    def case(self) -> tuple[str, str] | None:
        """The attack on vital signs by name and level, None where they stay as they are."""
        return (self.attack if self.kind == "vitals" else TRIGGER, self.level) if self.is_on_vitals else None

    @property
    def is_on_vitals(self) -> bool:
        """Whether the vital signs that the device sends are altered."""
        return self.kind in {"vitals", "backdoor"}


NOTHING: Final = Threat()
FLIPS: Final = tuple(Threat("labels", "label-flip", level) for level in LEVELS)
BACKDOOR: Final = Threat("backdoor", "targeted backdoor")
FREE_RIDER: Final = Threat("update", "free-rider")
SYBIL: Final = Threat("update", "sybil")


def vitals(attack: str, level: str = STRONG) -> Threat:
    """Return an attack on vital signs."""
    return Threat("vitals", attack, level)


@dataclass(frozen=True, slots=True)
class Defence:
    """Who is kept out (`gate`), by what `rule` updates become a model, and whether the cohort is looked at before (`screen`).

    The gate is nobody, the `live` detector, an `oracle` that knows who is attacked and since when, or the check of `labels`.
    """

    name: str
    gate: Gate = "none"
    rule: str = UNDEFENDED
    screen: bool = False


BARE: Final = Defence("no defence")
LIVE: Final = Defence("live gate", "live")
ORACLE: Final = Defence("oracle gate", "oracle")
CHECK: Final = Defence("label check", "labels")
RULES: Final = tuple(Defence(rule, rule=rule) for rule in ROBUST)
LIVE_AND_RULE: Final = Defence(f"live gate, screen, {DEFENCE}", "live", DEFENCE, screen=True)
CHECK_AND_RULE: Final = Defence(f"label check, screen, {DEFENCE}", "labels", DEFENCE, screen=True)
SCREEN_AND_RULE: Final = Defence(f"screen, {DEFENCE}", "none", DEFENCE, screen=True)
GATES: Final = (BARE, LIVE, ORACLE)


LEAST_OF_A_KIND: Final = 3
"""Hours of a label that a device must hold out, of ill and of well ones, for its labels to be checked."""


def root_of_trust(changes: Floats, own: Floats) -> Floats:
    """Return the change float64[d] of FLTrust (Cao et al., NDSS 2021, Eqs. 1 to 4) of `changes` float64[n, d].

    `own` float64[d] is what the coordinator learnt from hours that it trusts. A change counts by its cosine to that, not at all
    where it points against it, and is brought to its length.

    >>> root_of_trust(np.array([[3.0, 0.0], [0.0, 9.0], [-7.0, 0.0]]), np.array([2.0, 0.0])).tolist()
    [2.0, 0.0]
    """
    lengths, length = np.linalg.norm(changes, axis=1), float(np.linalg.norm(own))
    products = lengths * length
    cosines = np.divide(changes @ own, products, out=np.zeros_like(lengths), where=products > 0)
    trust = np.maximum(cosines, 0.0)
    if trust.sum() <= 0:
        return np.zeros_like(own)
    scale = np.divide(length, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    change: Floats = (trust * scale) @ changes / trust.sum()
    return change


def slope(chances: Floats, labels: NDArray[np.floating]) -> float | None:
    """Return how much higher a model's chances float64[n] are on a device's ill hours than on its well ones. None with too few of either.

    >>> slope(np.array([0.9, 0.8, 0.7, 0.1, 0.2, 0.3]), np.array([1, 1, 1, 0, 0, 0]))
    0.6
    """
    ill = labels > 0.5
    if min(ill.sum(), (~ill).sum()) < LEAST_OF_A_KIND:
        return None
    return round(float(chances[ill].mean() - chances[~ill].mean()), 9)


def disagreeing(slopes: Mapping[int, float]) -> set[int]:
    """Return the devices whose own labels say the opposite of the global model, while most others' say the same as it.

    `slopes` by device: how much higher the model that a round begins with puts the hours that the device calls ill than the others, on
    hours that it holds out. Out is who lies at least half as far on the wrong side as the median lies on the right one. The check
    knows no truth: a majority of turned labels passes, and a device that lies about its slope.

    >>> disagreeing({0: 0.2, 1: 0.3, 2: 0.1, 3: -0.2, 4: -0.04}), disagreeing({0: -0.1, 1: -0.3, 2: 0.2})
    ({3}, set())
    """
    middle = float(np.median(list(slopes.values()))) if len(slopes) > 2 else 0.0
    return {at for at, own in slopes.items() if middle > 0 and own <= -middle / 2}
