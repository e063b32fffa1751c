"""The tables of the page, as text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from experiments.grid_ablations import KIND_WORDS
from experiments.grid_cells import Cell, share_within
from experiments.grid_clean import FalseExclusions, excluded_episodes
from experiments.grid_goals import Goal, goals
from experiments.grid_intervals import Estimate
from experiments.grid_protocol import CORE, LEVELS, WITHIN_H
from experiments.grid_pulse import within_an_hour
from experiments.grid_real import RealAttack, RealClean
from experiments.grid_results import OnReal, Results


@dataclass(frozen=True, slots=True)
class Table:
    """Column titles and rows of cells; the first cell of a row says what it is about. `marks` colours the last cell: met or missed."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marks: tuple[bool | None, ...] = ()


def goal_table(results: Results) -> Table:
    """Return every goal with what was measured."""
    found = goals(results)
    rows = [
        (
            one.name + (f" ({one.note})" if one.note else ""),
            _goal_value(one, one.value),
            "-"
            if math.isnan(one.interval[0])
            else f"{_goal_value(one, one.interval[0])} to {_goal_value(one, one.interval[1])}",
            f"{one.n:.0f}" if float(one.n).is_integer() else f"{one.n:.1f}",
            f"{one.direction} {_goal_value(one, one.goal)}",
            {True: "met", False: "missed", None: "not measured"}[one.met],
        )
        for one in found
    ]
    return Table(("goal", "measured", "95 % interval", "n", "wanted", ""), tuple(rows), tuple(one.met for one in found))


def grid_table(cells: Iterable[Cell]) -> Table:
    """Return every cell: shares found, median, AUC, and which votes found it."""
    rows = [
        (
            f"{one.attack}, {one.level}",
            one.monitor,
            str(one.devices) + (f" (+{one.excluded_before})" if one.excluded_before else ""),
            *(share(one.within[hours]) for hours in WITHIN_H),
            minutes(one.median_min),
            number(one.auc),
            ", ".join(
                f"{kind} {value:.0%}" for kind, value in sorted(one.found_by.items(), key=lambda item: -item[1])[:3]
            )
            or "-",
        )
        for one in cells
    ]
    head = ("attack", "monitor", "n", *(f"within {hours} h" for hours in WITHIN_H), "median, min", "AUC", "found by")
    return Table(head, tuple(rows))


def vote_table() -> Table:
    """Return what the kinds of vote are."""
    return Table(("kind of vote", "what it is"), tuple(KIND_WORDS.items()))


def clean_table(fleets: Sequence[FalseExclusions]) -> Table:
    """Return false exclusions by fleet."""
    rows = [
        (
            one.fleet,
            f"{one.enrolment_min // 60} h",
            str(one.devices),
            f"{one.device_weeks:.1f}",
            str(one.episodes),
            number(one.per_device_week),
            share(one.devices_with_any),
            str(one.by_guards),
        )
        for one in fleets
    ]
    head = ("devices", "enrolment", "n", "device-weeks", "exclusions", "a device-week", "any in 6 days", "by guards")
    return Table(head, tuple(rows))


def episode_table(results: Results) -> Table:
    """Return deterioration episodes excluded, by kind."""
    found = excluded_episodes(results.episodes)
    return Table(
        ("deterioration", "episodes", "excluded"),
        tuple((name, f"{one.n:.0f}", share(one)) for name, one in found.items()),
    )


def pulse_table(results: Results) -> Table:
    """Return shares excluded within an hour of a 5 bpm gap, where PULSE tells."""
    rows = []
    for case in dict.fromkeys(one.case for one in results.pulse):
        for monitor, tenths in (("tenths", True), ("whole", False)):
            seen = [one for one in results.pulse if one.case == case and one.tenths == tenths]
            if seen:
                both = (share(within_an_hour(seen)), share(within_an_hour(seen, pulse_alone=True)))
                rows.append((f"{case[0]}, {case[1]}", monitor, str(len(seen)), *both))
    return Table(("attack on HR only", "monitor", "n", "by any vote", "by the pulse vote"), tuple(rows))


def real_clean_table(clean: Sequence[RealClean]) -> Table:
    """Return how much of each recording's time was excluded."""
    rows = [
        (
            one.device_id, f"{one.enrolment_min // 60} h", "yes" if one.pulse else "no", str(one.minutes), str(one.excluded_minutes),
            "-" if math.isnan(one.excluded_share) else f"{one.excluded_share:.1%}", str(one.exclusions), str(one.not_benign_minutes),
        )
        for one in clean
    ]  # fmt: skip
    head = ("record", "enrolment", "PULSE", "minutes judged", "excluded", "share", "exclusions", "minutes not benign")
    return Table(head, tuple(rows))


def real_attack_table(found: OnReal) -> Table:
    """Return minutes to the exclusion of attacks on real recordings, an onset a column."""
    rows = []
    everything = (*found.attacked, *found.planned)
    for key in dict.fromkeys((one.device_id, one.attack, one.level) for one in everything):
        seen = [one for one in everything if (one.device_id, one.attack, one.level) == key]
        for pulse in (False, True):
            chosen = [one for one in seen if one.pulse == pulse]
            if chosen:
                delays = "; ".join(_real_delay(one) for one in chosen)
                rows.append((key[0], f"{key[1]}, {key[2]}", "given" if pulse else "withheld", delays))
    return Table(("record", "attack", "PULSE", "minutes to the exclusion (onset at minute)"), tuple(rows))


def family_table(results: Results) -> Table:
    """Return families left out: found in time when nothing like them was learnt."""
    rows = []
    for name, rulings in results.judged.lofo.items():
        for level in LEVELS:
            delays = rulings.delays_of(results.cases, [(name, level)])
            if len(delays):
                rows.append(
                    (
                        f"{name}, {level}",
                        "yes" if name in CORE else "no",
                        *(share(share_within(delays, hours)) for hours in WITHIN_H),
                    )
                )
    return Table(("family left out", "core", *(f"within {hours} h" for hours in WITHIN_H)), tuple(rows))


def share(one: Estimate) -> str:
    """Return a share with its interval, in percent."""
    return "-" if math.isnan(one.value) else f"{100 * one.value:.0f} ({100 * one.low:.0f} to {100 * one.high:.0f}) %"


def number(one: Estimate) -> str:
    """Return a value with its interval."""
    return "-" if math.isnan(one.value) else f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def minutes(one: Estimate) -> str:
    """Return a time with its interval; never is a word."""
    if math.isnan(one.value):
        return "-"
    value, low, high = ("never" if math.isinf(edge) else f"{edge:.0f}" for edge in (one.value, one.low, one.high))
    return f"{value} ({low} to {high})"


def _real_delay(one: RealAttack) -> str:
    if math.isnan(one.delay_min):
        return f"excluded before ({one.onset_min})"
    return f"{f'not in {one.lasted_min}' if math.isinf(one.delay_min) else f'{one.delay_min:.0f}'} ({one.onset_min})"


def _goal_value(goal: Goal, value: float) -> str:
    if math.isnan(value):
        return "-"
    if goal.unit == "share":
        return f"{100 * value:.1f} %"
    return f"{value:.2f} {goal.unit}" if goal.unit == "a device-week" else f"{value:.0f}"
