"""The federation study as one HTML page: no script, no font, no picture from anywhere else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import matplotlib as mpl

from experiments.federation.figures import DRAWN
from experiments.federation.plan import BASELINE, DEFENCE_OF_TWO, DEVICES, FLIP, FLIPPED, LEVEL, POISONED
from experiments.federation.results import Row, goals, recovered, rows
from experiments.federation.study import Study
from experiments.report.figures import STYLE, to_svg
from experiments.report.page import Cover, Section, Shown, page_of
from experiments.report.tables import Table

TITLE: Final = "Federation with and without the gate"
INTRO: Final = (
    f"The paper's experiment (Table II) and its honest form: {DEVICES} devices learn what their own hours look like, device "
    f"{POISONED + 1} is poisoned ({LEVEL} level) from shortly after the first round, and the model is measured on clean hours of all "
    "devices that nobody trained on. The gate is the live detector's verdict at the time of each round; no label enters it."
)
READING: Final = {
    "goals": "Ratios are paired: each seed's run against the same seed's baseline; the interval is Student's over seeds, of the logarithm.",
    "rounds": "Lines are means over seeds, bands their range. The oracle gate knows the onset.",
    "devices": "The paper's Fig. 10: the poisoned device and another one, after the last rounds.",
    "ratios": "Squares: nothing done about it. Dots: with a gate or an update defence, or without an attack.",
    "networks": (
        "The reference is the detector's own network, which says of a minute what the minutes around it let expect. The paper's network "
        "(per-step) rebuilds a minute from a state that has seen it, a forecaster says the next one. Each is measured against its own "
        "clean federation."
    ),
    "dev2": (
        "The paper's Fig. 11: every decision on the poisoned device after the onset: how the frozen detector scored it (above 0 it is flagged), "
        "and the mean square of its network's normal scores. Whiskers hold 90 %, boxes half, over all seeds."
    ),
    "labels": (
        f"A classifier tells hours with noise, spikes or a stuck sensor from hours as they were; {FLIPPED} of {DEVICES} devices turn their labels round. No look at vital "
        f"signs can see that, the live gate's included; the update defence here is the coordinate-wise {DEFENCE_OF_TWO}."
    ),
    "runs": (
        "Loss is the mean squared error of what a network says, in a device's own units (of a label: the Brier score); right answers are minutes within tolerance, of a "
        "classifier hours told right. Poisoned minutes are those in windows that a counted update was trained on, "
        "summed over rounds. Traffic counts the model sent to each device asked and its answer; time is of local training."
    ),
}


def build_page(study: Study, command: str, privacy: Sequence[Section] = ()) -> str:
    """Return the page; blocks for some seconds, as it draws every figure. `privacy` stands below it."""
    with mpl.rc_context(STYLE):
        figures = {name: to_svg(draw(study), name, READING[name]) for name, draw in DRAWN.items()}
    plan, base = study.plan, next(row for row in rows(study) if row.run == BASELINE)
    cards = (
        (str(len(study.outcomes)), "runs"),
        (str(len(plan.seeds)), "seeds"),
        (str(plan.rounds), "rounds"),
        (f"{base.loss:.3f}", "loss of the baseline"),
        (f"{base.accuracy:.0%}", "of its minutes within tolerance"),
        (study.bundle_sha256[:12], "detector"),
    )
    titled: tuple[tuple[str, str, Shown], ...] = (
        ("goals", "Goals", goal_table(study)),
        ("rounds", "Round by round", figures["rounds"]),
        ("networks", "Other networks", figures["networks"]),
        ("devices", "Device by device", figures["devices"]),
        ("dev2", "What the detector saw of the poisoned device", figures["dev2"]),
        ("labels", "Flipped labels", label_table(study)),
        ("ratios", "Every run against the baseline", figures["ratios"]),
        ("runs", "Every run", run_table(study)),
    )
    sections = [Section(name, title, READING[name], (shown,)) for name, title, shown in titled]
    made_by = f"{command} (detector {study.bundle_sha256})"
    return page_of(Cover(TITLE, INTRO, cards), [*sections, *privacy], made_by)


def goal_table(study: Study) -> Table:
    """Return every goal beside what was measured."""
    found = goals(study)
    lines = [
        (
            one.name + (f" ({one.note})" if one.note else ""),
            _number(one.value),
            "-" if math.isnan(one.interval[0]) else f"{_number(one.interval[0])} to {_number(one.interval[1])}",
            f"{one.n:.0f}",
            f"{one.direction} {one.goal:g}",
            {True: "met", False: "missed", None: "not measured"}[one.met],
        )
        for one in found
    ]
    return Table(
        ("goal", "measured", "95 % interval", "seeds", "wanted", ""), tuple(lines), tuple(o.met for o in found)
    )


def run_table(study: Study) -> Table:
    """Return every run's figures."""
    head = ("run", "loss", "of baseline", "right answers", "Dev2's updates", "poisoned minutes", "MB", "CPU s")
    return Table(head, tuple(_line(row) for row in rows(study)))


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
    found = {row.run: row for row in rows(study)}
    for attack in study.plan.attacks:
        bare, gated = found[f"{attack}, no gate"], found[f"{attack}, live gate"]
        yield (
            f"{attack}: loss {_number(bare.ratio.value)} of the baseline's without the gate, {_number(gated.ratio.value)} with it; "
            f"{bare.poisoned_minutes:,.0f} poisoned minutes trained on, {gated.poisoned_minutes:,.0f} with the gate."
        )
    known = [one for one in goals(study) if one.met is not None]
    yield f"{sum(bool(one.met) for one in known)} of {len(known)} goals met."


def _line(row: Row) -> tuple[str, ...]:
    return (
        row.run,
        f"{row.loss:.4f}",
        _number(row.ratio.value),
        f"{row.accuracy:.1%}",
        f"{row.taken:.1f}",
        f"{row.poisoned_minutes:,.0f}",
        f"{row.megabytes:.1f}",
        f"{row.cpu_s:.0f}",
    )


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
