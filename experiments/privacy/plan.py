"""What the privacy study tries: which updates are looked into, how they are protected, and what the protection is measured to cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

Case = Literal["window", "batch", "epoch"]
CASES: Final[dict[Case, str]] = {
    "window": "gradient of one window",
    "batch": "gradient of a batch of 32",
    "epoch": "update after an epoch, as devices send it",
}


@dataclass(frozen=True, slots=True)
class Protection:
    """How an update is protected: `clip` in L2 norm, or None for the median length of such updates. `noise` in clips."""

    is_clipped: bool = False
    noise: float = 0.0

    @property
    def name(self) -> str:
        """What tables call it."""
        if not self.is_clipped:
            return "nothing"
        return f"clip, noise {self.noise:g}" if self.noise else "clip"


@dataclass(frozen=True, slots=True)
class PrivacyPlan:
    """`windows` single windows and `repeats` batches and epochs are attacked. Costs are measured over `rounds` and `seeds`."""

    clip: float | None = None
    noises: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0)
    windows: int = 20
    repeats: int = 3
    dummies: int = 32
    steps: int = 150
    rounds: int = 10
    seeds: tuple[int, ...] = (1, 2, 3)

    @property
    def protections(self) -> tuple[Protection, ...]:
        """Return all of them, the weakest first."""
        return (Protection(), Protection(True), *(Protection(True, noise) for noise in self.noises))

    @property
    def middle(self) -> Protection:
        """Return the noise in the middle."""
        return self.protections[2 + (len(self.noises) - 1) // 2]

    @property
    def attacks(self) -> list[tuple[Case, Protection]]:
        """Return what is attacked under which protection. Many windows only where it could make a difference."""
        many: list[tuple[Case, Protection]] = [
            (case, how) for case in ("batch", "epoch") for how in (Protection(), self.middle)
        ]
        return [*(("window", how) for how in self.protections), *many]


FULL: Final = PrivacyPlan()
QUICK: Final = replace(FULL, noises=(0.01,), windows=6, repeats=1, steps=10, rounds=3, seeds=(1,))
