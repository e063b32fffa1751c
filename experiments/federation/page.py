"""The federation study as one HTML page: no script, no font, no picture from anywhere else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

import matplotlib as mpl

from experiments.federation.figures import DRAWN
from experiments.federation.plan import BASELINE, DEFENCE_OF_TWO, DEVICES, FLIP, FLIPPED, LEVEL, POISONED
from experiments.federation.results import goals, recovered, rows
from experiments.federation.study import Study
from experiments.report.figures import STYLE
from experiments.report.page import Cover, Section, Titled, page_of, said, sections_of
from experiments.report.tables import Table, table_of

PACKAGE: Final = "experiments.federation"
sentence: Final = partial(said, PACKAGE)


def build_page(study: Study, command: str, privacy: Sequence[Section] = ()) -> str:
    """Return the page. Blocks for some seconds, as it draws every figure. `privacy` stands below it."""
    plan, base = study.plan, next(row for row in rows(study) if row.run == BASELINE)
    cards = (
        (str(len(study.outcomes)), "runs"),
        (str(len(plan.seeds)), "seeds"),
        (str(plan.rounds), "rounds"),
        (f"{base.loss:.3f}", "loss of the baseline"),
        (f"{base.accuracy:.0%}", "of its minutes within tolerance"),
        (study.bundle_sha256[:12], "detector"),
    )
    intro = sentence("intro", devices=DEVICES, poisoned=POISONED + 1, level=LEVEL)
    spoken: dict[str, Any] = {"devices": DEVICES, "flipped": FLIPPED, "defence_of_two": DEFENCE_OF_TWO}
    with mpl.rc_context(STYLE):
        sections = [*sections_of(PACKAGE, _titled(study), **spoken), *privacy]
    made_by = f"{command} (detector {study.bundle_sha256})"
    return page_of(Cover("Federation with and without the gate", intro, cards), sections, made_by)


def _titled(study: Study) -> Iterator[Titled]:
    yield "goals", "Goals", goal_table(study)
    yield "rounds", "Round by round", DRAWN["rounds"](study)
    yield "networks", "Other networks", DRAWN["networks"](study)
    yield "devices", "Device by device", DRAWN["devices"](study)
    yield "dev2", "What the detector saw of the poisoned device", DRAWN["dev2"](study)
    yield "labels", "Flipped labels", label_table(study)
    yield "ratios", "Every run against the baseline", DRAWN["ratios"](study)
    yield "runs", "Every run", run_table(study)


def goal_table(study: Study) -> Table:
    """Return every goal beside what was measured."""
    measured = goals(study)
    rows_of_goals = (
        {
            "goal": goal.name + (f" ({goal.note})" if goal.note else ""),
            "measured": _number(goal.value),
            "95 % interval": "-" if math.isnan(goal.interval[0]) else " to ".join(map(_number, goal.interval)),
            "seeds": f"{goal.n:.0f}",
            "wanted": f"{goal.direction} {goal.goal:g}",
            "": {True: "met", False: "missed", None: "not measured"}[goal.met],
        }
        for goal in measured
    )
    return table_of(rows_of_goals, [goal.met for goal in measured])


def run_table(study: Study) -> Table:
    """Return every run's figures."""
    return table_of(
        {
            "run": row.run,
            "loss": f"{row.loss:.4f}",
            "of baseline": _number(row.ratio.value),
            "right answers": f"{row.accuracy:.1%}",
            "Dev2's updates": f"{row.taken:.1f}",
            "poisoned minutes": f"{row.poisoned_minutes:,.0f}",
            "MB": f"{row.megabytes:.1f}",
            "CPU s": f"{row.cpu_s:.0f}",
        }
        for row in rows(study)
    )


def label_table(study: Study) -> Table:
    """Return what flipped labels cost, and what each defence brings back."""
    clean, bare = (study.outcomes[name] for name in (f"classification, {BASELINE}", f"{FLIP}, no gate"))
    lines = []
    for row in rows(study):
        if row.run.startswith("classification"):
            back = recovered(clean, bare, study.outcomes[row.run])
            share = "-" if math.isnan(back.value) or row.run == f"{FLIP}, no gate" else f"{back.value:.0%}"
            lines.append((row.run.removeprefix("classification, "), f"{row.accuracy:.1%}", f"{row.loss:.4f}", share))
    return Table(("run", "hours told right", "Brier score", "of the accuracy lost, brought back"), tuple(lines))


def headlines(study: Study) -> Iterator[str]:
    """Yield what the command says at its end."""
    by_name = {row.run: row for row in rows(study)}
    for attack in study.plan.attacks:
        bare, gated = by_name[f"{attack}, no gate"], by_name[f"{attack}, live gate"]
        yield (
            f"{attack}: loss {_number(bare.ratio.value)} of the baseline's without the gate, {_number(gated.ratio.value)} with it; "
            f"{bare.poisoned_minutes:,.0f} poisoned minutes trained on, {gated.poisoned_minutes:,.0f} with the gate."
        )
    measured = [goal.met for goal in goals(study) if goal.met is not None]
    yield f"{sum(measured)} of {len(measured)} goals met."


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
