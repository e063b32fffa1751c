"""Every table and figure of an evaluation in its order, with a title and how to read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from matplotlib.figure import Figure

from experiments.grid_bars import compared_baselines, comparison_figure, family_figure
from experiments.grid_examples import example_figure
from experiments.grid_figures import delay_figure, heat_figure, roc_figure, score_figure
from experiments.grid_results import OnReal, Results
from experiments.grid_tables import (
    Table,
    clean_table,
    episode_table,
    family_table,
    goal_table,
    grid_table,
    pulse_table,
    real_attack_table,
    real_clean_table,
    vote_table,
)
from experiments.grid_words import READING, fresh_sentence


@dataclass(frozen=True, slots=True, eq=False)
class Exhibit:
    """A table or a figure; `name` is unique within a report, `reading` says how to read it."""

    name: str
    title: str
    reading: str
    shown: Table | Figure


def exhibits(results: Results) -> Iterator[Exhibit]:
    """Yield them one by one; figures are drawn in the matplotlib style that is set while they are asked for."""
    yield Exhibit("goals", "Goals", READING["goals"], goal_table(results))
    yield Exhibit("heat", "Attacks and levels", READING["heat"], heat_figure(results))
    yield Exhibit("delays", "How soon", READING["delays"], delay_figure(results))
    yield Exhibit("roc", "ROC", READING["roc"], roc_figure(results))
    yield Exhibit("scores", "Scores", READING["scores"], score_figure(results))
    examples = example_figure(results)
    if examples is not None:
        yield Exhibit("examples", "Hits and misses", READING["examples"], examples)
    yield from _clean(results)
    yield from _compared(results)
    yield from _real("real", "Real records", results.real)
    if results.own is not None:
        yield from _real("own", "Own recordings", results.own)
    yield from _grid(results)


def _clean(results: Results) -> Iterator[Exhibit]:
    fleets = results.clean if results.fresh is None else (*results.clean, results.fresh)
    reading = f"{READING['clean']} {fresh_sentence(results)}".strip()
    yield Exhibit("clean", "False exclusions", reading, clean_table(fleets))
    yield Exhibit("deterioration", "Genuine deterioration", READING["deterioration"], episode_table(results))
    if results.pulse:
        yield Exhibit("pulse", "Heart rate attacked, PULSE present", READING["pulse"], pulse_table(results))


def _compared(results: Results) -> Iterator[Exhibit]:
    judged = results.judged
    if judged.lofo:
        never = f" Never learnt in the first place: {', '.join(judged.never_learnt)}." if judged.never_learnt else ""
        yield Exhibit("families", "Leave one family out", READING["families"] + never, family_figure(results))
        yield Exhibit("families-table", "The same in numbers", "Devices in tenths.", family_table(results))
    yield Exhibit("ablations", "Ablations", READING["ablations"], comparison_figure(results, judged.ablations))
    yield Exhibit(
        "baselines", "Baselines", READING["baselines"], comparison_figure(results, compared_baselines(results))
    )
    if judged.seeds:
        yield Exhibit("seeds", "Training seeds", READING["seeds"], comparison_figure(results, judged.seeds))


def _real(name: str, title: str, found: OnReal) -> Iterator[Exhibit]:
    yield Exhibit(f"{name}-clean", f"{title}: clean time", READING[name], real_clean_table(found.clean))
    if found.attacked or found.planned:
        reading = "Onset minutes count from the start of the record; the enrolment is 10 h."
        yield Exhibit(f"{name}-attacked", f"{title}: attacked", reading, real_attack_table(found))


def _grid(results: Results) -> Iterator[Exhibit]:
    hours = results.protocol.enrolment_min // 60
    yield Exhibit("grid", f"The grid in numbers, {hours} h enrolment", READING["grid"], grid_table(results.cells))
    if results.other_cells:
        other = results.protocol.other_enrolment_min // 60
        yield Exhibit(
            "grid-other", f"The core after {other} h enrolment", READING["grid"], grid_table(results.other_cells)
        )
    yield Exhibit("votes", "Kinds of vote", "What the last column of the grid names.", vote_table())
