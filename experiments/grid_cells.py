"""The grid's cells: one attack at one level on devices of one kind of monitor, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.votes import KINDS
from experiments.grid_auc import window_auc
from experiments.grid_headline import CleanSighting, Headline, Sighting
from experiments.grid_intervals import Estimate, median_of, wilson
from experiments.grid_protocol import WITHIN_H, Case

MONITORS: Final[Mapping[str, bool | None]] = {"tenths": True, "whole": False, "both": None}


@dataclass(frozen=True, slots=True)
class Cell:
    """`within` by hours; `median_min` in minutes (infinity: more than half are never found); `found_by` shares by kind of vote.

    A device that several kinds exclude at once counts for each of them in equal parts. `excluded_before` devices were excluded
    already at the onset and are not counted.
    """

    attack: str
    level: str
    monitor: str
    enrolment_min: int
    devices: int
    excluded_before: int
    within: Mapping[int, Estimate]
    median_min: Estimate
    auc: Estimate
    found_by: Mapping[str, float]


def cells_of(headline: Headline, cases: Sequence[Case], enrolment_min: int, seed: int, draws: int) -> list[Cell]:
    """Return a cell for each case and kind of monitor, in the order of the cases."""
    found = []
    for place, case in enumerate(cases):
        of_case = [one for one in headline.attacked if one.case == case]
        for at, monitor in enumerate(MONITORS):
            rng = np.random.default_rng([seed, place, at])
            chosen = [one for one in of_case if _fits(one.tenths, monitor)]
            fleet = [one for one in headline.clean if _fits(one.tenths, monitor)]
            if chosen:
                found.append(_cell(case, monitor, enrolment_min, chosen, fleet, rng, draws))
    return found


def share_within(delays: NDArray[np.float64], hours: float) -> Estimate:
    """Return the share found within so many hours; devices not at risk must be left out already."""
    return wilson(int((delays <= hours * 60).sum()), len(delays))


def _fits(tenths: bool, monitor: str) -> bool:
    return MONITORS[monitor] in (None, tenths)


def _cell(
    case: Case, monitor: str, enrolment_min: int, chosen: Sequence[Sighting], fleet: Sequence[CleanSighting],
    rng: np.random.Generator, draws: int,
) -> Cell:  # fmt: skip
    at_risk = [one for one in chosen if not np.isnan(one.delay_min)]
    delays = np.array([one.delay_min for one in at_risk])
    return Cell(
        *case,
        monitor,
        enrolment_min,
        len(at_risk),
        len(chosen) - len(at_risk),
        {hours: share_within(delays, hours) for hours in WITHIN_H},
        median_of(delays, rng, draws),
        window_auc(
            [one.attacked_g for one in chosen],
            [one.own_clean_g for one in chosen],
            [one.g for one in fleet if len(one.g)],
            rng,
            draws,
        ),
        found_by_shares([one.found_by for one in at_risk if one.found_by]),
    )


def found_by_shares(found_by: Sequence[int]) -> dict[str, float]:
    """Return, of the devices found, the share that each kind of vote found, those that found one together sharing it."""
    counted = dict.fromkeys(KINDS, 0.0)
    for bits in found_by:
        kinds = [kind for place, kind in enumerate(KINDS) if bits >> place & 1]
        for kind in kinds:
            counted[kind] += 1 / len(kinds)
    return {kind: share / len(found_by) for kind, share in counted.items() if share}
