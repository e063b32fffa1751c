"""Every goal of the specification beside what was measured: on devices in tenths, point value against goal, interval shown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from experiments.grid_ablations import WITHOUT_LATTICE
from experiments.grid_cells import share_within
from experiments.grid_clean import excluded_episodes
from experiments.grid_intervals import UNKNOWN, Estimate
from experiments.grid_protocol import CORE, Case
from experiments.grid_pulse import within_an_hour
from experiments.grid_results import Results
from experiments.grid_rulings import Rulings

Direction = Literal["at least", "at most"]
ALL_LEVELS: Final = ("subtle", "medium", "strong")


@dataclass(frozen=True, slots=True)
class Goal:
    """A row: what, measured how, against what. `unit` is "share" (0..1) or "a device-week"; `met` None: not measured."""

    name: str
    value: float
    interval: tuple[float, float]
    n: float
    direction: Direction
    goal: float
    unit: str
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the point value reaches the goal."""
        if math.isnan(self.value):
            return None
        return self.value >= self.goal if self.direction == "at least" else self.value <= self.goal


def goals(results: Results) -> list[Goal]:
    """Return the rows in the order of the specification's table."""
    return [
        *_core(results),
        *_single_families(results),
        *_repeats(results),
        *_hard(results),
        *_with_pulse(results),
        *_clean(results),
        *_real(results),
    ]


def _core(results: Results) -> Iterator[Goal]:
    strong, medium = _core_cases("strong"), _core_cases("medium")
    yield _least("core strong within 2 h", share_within(_core_delays(results.rulings, results, strong), 2), 0.99)
    yield _training_seeds(results, strong)
    yield _least("core strong within 2 h, leave-one-out", share_within(_lofo(results, strong), 2), 0.97)
    yield _lowest_family(results)
    yield _least("core medium within 12 h", share_within(_core_delays(results.rulings, results, medium), 12), 1.0)
    yield _least("core medium within 12 h, leave-one-out", share_within(_lofo(results, medium), 12), 0.95)


def _single_families(results: Results) -> Iterator[Goal]:
    lattice = results.judged.ablations.get(WITHOUT_LATTICE)
    wide = [("data-poisoning-2", "medium")]
    rows: tuple[tuple[str, str, str, int, float], ...] = (
        ("DP1 medium within 4 h", "data-poisoning-1", "medium", 4, 0.97),
        ("DP1 subtle within 12 h", "data-poisoning-1", "subtle", 12, 0.80),
        ("DP2 x1.3 within 12 h, lattice features in", "data-poisoning-2", "medium", 12, 0.95),
    )
    for name, attack, level, hours, goal in rows:
        yield _least(name, share_within(results.delays((attack, level)), hours), goal)
    out = share_within(_delays(lattice, results, wide), 12)
    yield _least("DP2 x1.3 within 12 h, lattice features out", out, 0.75, "networks learnt without them")
    yield _least("backdoor-2 strong within 4 h", share_within(results.delays(("backdoor-2", "strong")), 4), 0.98)
    yield _least("backdoor-2 medium within 12 h", share_within(results.delays(("backdoor-2", "medium")), 12), 0.90)
    alone = share_within(_lofo(results, [("backdoor-2", "strong")]), 4)
    yield _least("backdoor-2 strong within 4 h, leave-one-out", alone, 0.75)


def _repeats(results: Results) -> Iterator[Goal]:
    for name, goal in (("replay", 1.0), ("jittered-replay", 0.5)):
        delays = results.delays(*((name, level) for level in ALL_LEVELS))
        shown = "exact replay" if name == "replay" else "jittered replay"
        yield _least(f"{shown} within 2 h", share_within(delays, 2), goal, "all lags")
    false = sum(one.by_guards for one in results.clean) + (results.fresh.by_guards if results.fresh else 0)
    weeks = sum(one.device_weeks for one in results.clean) + (results.fresh.device_weeks if results.fresh else 0.0)
    yield Goal(
        "replay guard, false exclusions", float(false), (math.nan, math.nan), weeks, "at most", 0.0, "exclusions"
    )


def _hard(results: Results) -> Iterator[Goal]:
    yield _least("backdoor-1 strong within 12 h", share_within(results.delays(("backdoor-1", "strong")), 12), 0.40)
    for name in ("spoof", "time-shift", "mirror-flip"):
        yield _least(f"{name} strong within 12 h", share_within(results.delays((name, "strong")), 12), 0.60)


def _with_pulse(results: Results) -> Iterator[Goal]:
    outcomes = [one for one in results.pulse if one.tenths]
    yield _least(
        "backdoor-1 or bias on HR only, PULSE present, within 60 min of a 5 bpm gap",
        within_an_hour(outcomes),
        0.95,
        "all levels that reach it",
    )


def _clean(results: Results) -> Iterator[Goal]:
    fresh = results.fresh
    shown = fresh or next((one for one in results.clean if one.fleet == "stable, tenths"), None)
    note = "untouched cohort" if fresh else "the evaluation's own stable cohort; the untouched one was not drawn"
    rate, any_early = (shown.per_device_week, shown.devices_with_any) if shown else (UNKNOWN, UNKNOWN)
    yield Goal("false exclusions", rate.value, (rate.low, rate.high), rate.n, "at most", 0.20, "a device-week", note)
    yield _most("devices with any false exclusion in 6 days", any_early, 0.08, note)
    yield _most("deterioration episodes excluded", excluded_episodes(results.episodes)["tenths"], 0.02)


def _real(results: Results) -> Iterator[Goal]:
    judged = [one for one in results.real.clean if one.enrolment_min == 600]
    minutes = sum(one.minutes for one in judged)
    share = sum(one.excluded_minutes for one in judged) / minutes if minutes else math.nan
    note = f"{len(judged)} records, 10 h enrolment; n counts minutes"
    yield Goal("real clean time excluded", share, (math.nan, math.nan), minutes, "at most", 0.0, "share", note)


def _training_seeds(results: Results, strong: Sequence[Case]) -> Goal:
    shares = [share_within(_core_delays(one, results, strong), 2) for one in results.judged.seeds.values()]
    mean = float(np.mean([one.value for one in shares])) if shares else math.nan
    edges = (min(one.value for one in shares), max(one.value for one in shares)) if shares else (math.nan, math.nan)
    note = f"mean of {len(shares)} training seeds, with their range" if shares else ""
    return Goal("core strong within 2 h, training seeds", mean, edges, len(shares), "at least", 0.99, "share", note)


def _lowest_family(results: Results) -> Goal:
    shares = {name: share_within(_lofo(results, [(name, "strong")]), 2) for name in CORE}
    name = min(shares, key=lambda one: (not math.isnan(shares[one].value), shares[one].value))
    note = "" if math.isnan(shares[name].value) else f"the lowest is {name}"
    return _least("core strong within 2 h, leave-one-out, every family", shares[name], 0.90, note)


def _core_cases(level: str) -> list[Case]:
    return [(name, level) for name in CORE]


def _core_delays(rulings: Rulings, results: Results, wanted: Sequence[Case]) -> NDArray[np.float64]:
    """Delays of all core families together; none unless every family was evaluated: a part of them is another number."""
    return _delays(rulings, results, wanted) if set(wanted) <= set(results.cases) else np.empty(0)


def _lofo(results: Results, wanted: Sequence[Case]) -> NDArray[np.float64]:
    """Each family's delays under the networks that never learnt of it; none unless all of them were left out once."""
    lofo = results.judged.lofo
    if not all(case[0] in lofo for case in wanted):
        return np.empty(0)
    return np.concatenate([_delays(lofo[case[0]], results, [case]) for case in wanted])


def _delays(rulings: Rulings | None, results: Results, wanted: Sequence[Case]) -> NDArray[np.float64]:
    return np.empty(0) if rulings is None else rulings.delays_of(results.cases, wanted)


def _least(name: str, one: Estimate, goal: float, note: str = "") -> Goal:
    return Goal(name, one.value, (one.low, one.high), one.n, "at least", goal, "share", note)


def _most(name: str, one: Estimate, goal: float, note: str = "") -> Goal:
    return Goal(name, one.value, (one.low, one.high), one.n, "at most", goal, "share", note)
