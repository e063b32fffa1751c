"""Simulated patients who teach bundles and try them, for `fedsecure train` and `fedsecure promote`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.training.cohort import Stay

DAY_MIN = 1440
DETERIORATING_SHARE = 1 / 3
SIMULATED_ALONE = 120
# Simulated patients by use: (number added to the seed's thousand, patients, days each; quick: patients, days).
SIMULATED = {"references": (0, SIMULATED_ALONE, 5, 16, 3), "network": (1, 80, 4, 12, 3), "canary": (2, 24, 3, 8, 3)}


def simulated_stays(use: str, seed: int, quick: bool, patients: int | None = None) -> Sequence[Stay]:
    """Return the simulated patients of a use ("references", "network", "canary"): their seeds, and so they, differ."""
    from replay.sources.synthetic import synthetic_stays

    offset, many, days, few, short = SIMULATED[use]
    count = (few if quick else many) if patients is None else patients
    minutes = (short if quick else days) * DAY_MIN
    return synthetic_stays(1000 * (seed + 1) + offset, count, minutes, deteriorating_share=DETERIORATING_SHARE)
