"""Examples: attacks that were found and attacks that were missed, vital signs above, the vote against its threshold below."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from detectors.training.cohort import AttackCase
from detectors.training.judging import GUARDS
from detectors.training.trace_jobs import ATTACK_MIN, LEAD_MIN
from experiments.grid_cohorts import attacked_recordings
from experiments.grid_headline import Sighting
from experiments.grid_inject import inject_both
from experiments.grid_protocol import LEVELS
from experiments.grid_results import Results
from experiments.grid_style import BLUE, GREY, ORANGE, PURPLE, VERMILION

HITS: Final = ("data-poisoning-1", "data-poisoning-2", "backdoor-2")
MISSES: Final = 3


class Example(NamedTuple):
    """An attacked device and its vital signs as sent, float64[n] each, from two hours before the onset."""

    sighting: Sighting
    heart_rate_bpm: NDArray[np.float64]
    resp_rate_bpm: NDArray[np.float64]


def example_figure(results: Results) -> Figure | None:
    """Return hits in the left column and misses in the right one, or None when the grid has neither."""
    hits, misses = _hits(results), _misses(results)
    rows = max(len(hits), len(misses))
    if not rows:
        return None
    figure = Figure(figsize=(9.6, 2.6 * rows), layout="constrained")
    grid = figure.subplots(2 * rows, 2, squeeze=False, sharex=True, height_ratios=(1.2, 1) * rows)
    for column, chosen in enumerate((hits, misses)):
        for row in range(rows):
            pair = grid[2 * row : 2 * row + 2, column]
            if row < len(chosen):
                _draw(pair[0], pair[1], _example(results, chosen[row]), results.headline.judge.threshold)
            else:
                for axes in pair:
                    axes.set_axis_off()
    for axes in grid[-1]:
        axes.set_xlabel("hours since the onset")
    return figure


def _hits(results: Results) -> list[Sighting]:
    """Of each attack the device of median delay: an ordinary hit, not the best one."""
    found: list[Sighting] = []
    for name in (*HITS, *(name for name, _ in results.cases)):
        seen = sorted(
            (one for one in results.headline.attacked if one.case[0] == name and one.case[1] != "subtle" and np.isfinite(one.delay_min)),
            key=lambda one: one.delay_min,
        )  # fmt: skip
        if seen and name not in [one.case[0] for one in found]:
            found.append(seen[len(seen) // 2])
    return found[:MISSES]


def _misses(results: Results) -> list[Sighting]:
    """Missed attacks of different families, the strongest first."""
    missed = [one for one in results.headline.attacked if one.delay_min == np.inf and one.case[0] != "dropout"]
    missed.sort(key=lambda one: -LEVELS.index(one.case[1]) if one.case[1] in LEVELS else 0)
    found: dict[str, Sighting] = {}
    for one in missed:
        found.setdefault(one.case[0], one)
    return list(found.values())[:MISSES]


def _example(results: Results, one: Sighting) -> Example:
    """Attack the device again, in the same way: traces hold no vital signs."""
    protocol = results.protocol
    cohorts = [attacked_recordings(protocol, cohort, tenths=one.tenths) for cohort in range(protocol.cohort_seeds)]
    recording = [recording for cohort in cohorts for recording in cohort][one.device]
    onset_min = one.onset_event_minute - recording.first_event_minute
    heart, breath = inject_both(recording, AttackCase(*one.case, onset_min, ATTACK_MIN, one.seed))
    shown = slice(onset_min - LEAD_MIN, onset_min + ATTACK_MIN)
    return Example(one, heart[shown], breath[shown])


def _draw(vitals: Axes, votes: Axes, example: Example, threshold: float) -> None:
    one = example.sighting
    hours = (np.arange(len(example.heart_rate_bpm)) - LEAD_MIN) / 60
    vitals.plot(hours, example.heart_rate_bpm, color=BLUE, linewidth=0.8, label="heart rate (bpm)")
    vitals.plot(hours, example.resp_rate_bpm, color=ORANGE, linewidth=0.8, linestyle="--", label="respiration (/min)")
    found = "missed" if np.isinf(one.delay_min) else f"excluded after {one.delay_min:.0f} min"
    vitals.set_title(f"{one.case[0]}, {one.case[1]}: {found}", fontsize=9, pad=14)
    vitals.legend(loc="lower left", bbox_to_anchor=(0, 0.97), borderaxespad=0.0, ncols=2, fontsize=7)
    kinds = [kind for kind in one.judged.votes if kind not in GUARDS]
    best = np.maximum.reduce([one.judged.votes[kind] for kind in kinds])
    votes.plot(one.minute / 60, np.clip(one.g, -1.5, 10), color=GREY, linewidth=0.7, label="score")
    best = np.where(np.isfinite(best), np.minimum(best, 10), np.nan)  # too few decisions yet: no vote
    votes.plot(one.minute / 60, best, color=VERMILION, linewidth=1.4, label="vote")
    votes.axhline(threshold, color=PURPLE, linestyle="--", linewidth=1.0, label="threshold")
    votes.set_ylabel("score", fontsize=8)
    low, high = votes.get_ylim()
    votes.set_ylim(low, high + 0.35 * (high - low))  # room for the legend
    votes.legend(loc="upper left", ncols=3, fontsize=7)
    for axes in (vitals, votes):
        axes.axvspan(0, ATTACK_MIN / 60, facecolor=PURPLE, alpha=0.10, linewidth=0)
