"""What a judge made of every device: minutes to the exclusion of attacked ones, false exclusions of clean ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.training.judging import Judged
from detectors.training.trace_jobs import AttackTrace
from detectors.training.traces import Trace
from detectors.training.workfolder import Arrays
from detectors.votes import KINDS
from detectors.windows import BLOCK_MIN
from experiments.grid_judges import Judge
from experiments.grid_protocol import COUNTED_DAYS, DAY_MIN, Case

NOT_AT_RISK: Final = float("nan")
NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Rulings:
    """Of n attacked devices and m clean ones.

    `case` int64[n] (place in the list of cases), `tenths` bool[n], `delay_min` float64[n] from the onset to the first decision that
    excludes (infinity: never; NaN: excluded already at the onset, not counted), `found_by` int64[n] bits of `votes.KINDS` that
    excluded then. `episodes` int64[m] false exclusions, `weeks` float64[m] judged, `first_days` int64[m] those of the first six days,
    `clean_tenths` bool[m].
    """

    case: NDArray[np.int64]
    tenths: NDArray[np.bool_]
    delay_min: NDArray[np.float64]
    found_by: NDArray[np.int64]
    episodes: NDArray[np.int64]
    weeks: NDArray[np.float64]
    first_days: NDArray[np.int64]
    clean_tenths: NDArray[np.bool_]

    def arrays(self) -> Arrays:
        """Return the fields by name, to be kept on disk."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def delays_of(
        self, cases: Sequence[Case], wanted: Iterable[Case], *, tenths: bool | None = True
    ) -> NDArray[np.float64]:
        """Return the delays of some cases (places in `cases`), of devices in tenths, whole numbers or both (None), those at risk."""
        places = [cases.index(case) for case in wanted if case in cases]
        chosen = np.isin(self.case, places) & ~np.isnan(self.delay_min)
        return self.delay_min[chosen if tenths is None else chosen & (self.tenths == tenths)]


def delay_of(judged: Judged, onset_event_minute: int, threshold: float, kinds: Sequence[str]) -> tuple[float, int]:
    """Return (minutes from the onset to the first decision that excludes, bits of the kinds of vote that did)."""
    excluded = judged.excluded(threshold, kinds)
    minutes = judged.block * BLOCK_MIN - onset_event_minute
    before = excluded[minutes < 0]
    if len(before) and before[-1]:
        return NOT_AT_RISK, 0
    at = np.flatnonzero(excluded & (minutes >= 0))
    if not len(at):
        return NEVER, 0
    alone = [kind for kind in kinds if judged.excluded(threshold, (kind,))[at[0]]]
    return float(minutes[at[0]]), sum(1 << list(KINDS).index(kind) for kind in alone)


def false_exclusions(judged: Judged, threshold: float, kinds: Sequence[str]) -> tuple[int, float, int]:
    """Return (exclusions, device-weeks, exclusions within the first six days) of a clean device."""
    early = judged.block < (judged.block[0] if len(judged.block) else 0) + COUNTED_DAYS * DAY_MIN // BLOCK_MIN
    first = Judged(judged.block[early], {kind: judged.votes[kind][early] for kind in kinds})
    weeks = len(judged.block) * BLOCK_MIN / (7 * DAY_MIN)
    return judged.episodes(threshold, kinds), weeks, first.episodes(threshold, kinds)


def rule(
    judge: Judge,
    cases: Sequence[Case],
    attacked: Iterable[tuple[AttackTrace, bool]],
    clean: Iterable[tuple[Trace, bool]],
) -> Rulings:
    """Judge attacked and clean devices, each with whether its monitor writes tenths."""
    found = [
        (
            cases.index(one.case),
            tenths,
            *delay_of(judge.judged(one.trace), one.onset_event_minute, judge.threshold, judge.kinds),
        )
        for one, tenths in attacked
    ]
    fleet = [(*false_exclusions(judge.judged(one), judge.threshold, judge.kinds), tenths) for one, tenths in clean]
    return rulings_from(found, fleet)


def rulings_from(
    found: Sequence[tuple[int, bool, float, int]], fleet: Sequence[tuple[int, float, int, bool]]
) -> Rulings:
    """Return rulings from rows: (case, tenths, delay, found by) and (episodes, weeks, in the first days, tenths)."""
    case, tenths, delay, found_by = zip(*found, strict=True) if found else ((), (), (), ())
    episodes, weeks, first, clean_tenths = zip(*fleet, strict=True) if fleet else ((), (), (), ())
    return Rulings(
        np.array(case, np.int64), np.array(tenths, np.bool_), np.array(delay, np.float64), np.array(found_by, np.int64),
        np.array(episodes, np.int64), np.array(weeks, np.float64), np.array(first, np.int64), np.array(clean_tenths, np.bool_),
    )  # fmt: skip
