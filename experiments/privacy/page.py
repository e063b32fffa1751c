"""The part of the federation report on what an update gives away: its picture, tables and words."""

from __future__ import annotations

import math
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.privacy.attack import AttackResult
from experiments.privacy.plan import CASES, Protection
from experiments.privacy.results import AttackRow, CostRow, attack_rows, cost_rows
from experiments.privacy.study import PrivacyStudy
from experiments.report.figures import BLUE, GREY, STYLE, VERMILION, to_svg
from experiments.report.page import Section
from experiments.report.tables import Table
from fl_device.training.privacy import DELTA

SHOWN_PATIENTS: Final = 3  # the first window of each
CHANNEL_LABELS: Final = ("heart rate, bpm", "breaths/min")
TITLE: Final = "What an update gives away"
READING: Final = (
    "Grey: the hour. Red: what its bare gradient was turned back into. Blue: the same, clipped and with the most noise tried. All in the "
    "device's own scale, which the coordinator is not told."
)
NOTES: Final = (
    "Medians over windows; heart rate, then breathing rate. Noise is the deviation of each number's noise in units of the clip, which is the "
    "median length of such updates unless --dp-clip says otherwise. \u201cNearer than another patient\u201d: the share of windows to which the attack "
    "comes nearer than the most similar window of the other patients (one window), or than as many windows of theirs (batch, epoch). "
    "The attacked model is the first round's, whose gradients say most; the attacker is told which minutes were measured, and the device's context and grid. It is a general search: that it finds little proves nothing about others."
)
COST_NOTES: Final = (
    "Loss of the global model after the last rounds, in units of unprotected updates', paired by seed, with Student's interval; trimmed "
    "mean and the cohort's screen at work. Epsilon is local and for the whole device (all its data replaced by any other), at delta "
    f"{DELTA:g}, by dp-accounting."
)


def sections(study: PrivacyStudy) -> list[Section]:
    """Return the report's part on privacy."""
    with mpl.rc_context(STYLE):
        figure = to_svg(window_figure(study), "privacy", READING)
    return [
        Section("privacy", TITLE, "\n".join([*sentences(study), READING]), (figure,)),
        Section("privacy-attacks", "Every attack", NOTES, (attack_table(study),)),
        Section("privacy-costs", "What protection costs", COST_NOTES, (cost_table(study),)),
    ]


def sentences(study: PrivacyStudy) -> list[str]:
    """Return what was measured in plain words."""
    rows = {(row.attacked, row.protection): row for row in attack_rows(study)}
    bare = rows[CASES["window"], Protection().name]
    epoch = rows[CASES["epoch"], Protection().name]
    told = (
        f"From the gradient of a single hour a coordinator that looks can rebuild that hour with {_of(bare)}; it comes nearer to "
        f"{bare.nearer:.0%} of {bare.n} hours than the most similar hour of any other patient does."
    )
    sent = (
        f"From what a device really sends, an epoch over up to 256 windows, hours are rebuilt with {_of(epoch)}; as many hours of other "
        f"patients come as near as {epoch.other_error[0]:.1f} bpm and {epoch.other_error[1]:.1f} breaths/min."
    )
    noisy = dict.fromkeys((study.plan.middle, study.plan.protections[-1]))
    return [told, sent, *(_hidden(study, rows, how) for how in noisy)]


def _hidden(study: PrivacyStudy, rows: dict[tuple[str, str], AttackRow], how: Protection) -> str:
    bare, noisy = (rows[CASES["window"], one.name] for one in (Protection(), how))
    cost = next(row for row in cost_rows(study) if row.protection == how.name)
    return (
        f"With noise of {how.noise:g} clips a single hour's heart rate is rebuilt with a correlation of {noisy.correlation[0]:.2f} instead of "
        f"{bare.correlation[0]:.2f} and an error of {noisy.error[0]:.1f} bpm instead of {bare.error[0]:.1f}; after {cost.rounds} rounds the model's loss is "
        f"{cost.ratio.value:.2f} times as high, and epsilon {_epsilon(cost.epsilon)}."
    )


def attack_table(study: PrivacyStudy) -> Table:
    """Return every attack beside the guesses."""
    head = (
        "attacked", "protected by", "n", "error, bpm", "error, breaths/min", "guessing the median", "another patient",
        "without the scale", "correlation", "another patient's", "nearer than another patient",
    )  # fmt: skip
    return Table(head, tuple(_attack_line(row) for row in attack_rows(study)))


def cost_table(study: PrivacyStudy) -> Table:
    """Return every protection's price and worth."""
    rounds = cost_rows(study)[0].rounds
    head = ("protected by", "loss", "95 % interval", "updates taken", "epsilon, one round", f"epsilon, {rounds} rounds")
    return Table(head, tuple(_cost_line(row) for row in cost_rows(study)))


def _attack_line(row: AttackRow) -> tuple[str, ...]:
    return (
        row.attacked,
        row.protection,
        str(row.n),
        f"{row.error[0]:.2f}",
        f"{row.error[1]:.2f}",
        *(f"{pair[0]:.2f}, {pair[1]:.2f}" for pair in (row.median_error, row.other_error, row.blind_error)),
        *(f"{pair[0]:.2f}, {pair[1]:.2f}" for pair in (row.correlation, row.other_correlation)),
        f"{row.nearer:.0%}",
    )


def _cost_line(row: CostRow) -> tuple[str, ...]:
    known = not math.isnan(row.ratio.low)
    return (
        row.protection,
        f"{row.ratio.value:.3f}",
        f"{row.ratio.low:.3f} to {row.ratio.high:.3f}" if known else "-",
        f"{row.taken:.0%}",
        _epsilon(row.epsilon_one_round),
        _epsilon(row.epsilon),
    )


def _of(row: AttackRow) -> str:
    return (
        f"an error of {row.error[0]:.1f} bpm and {row.error[1]:.1f} breaths/min against {row.median_error[0]:.1f} and {row.median_error[1]:.1f} "
        f"of guessing the device's median, correlations of {row.correlation[0]:.2f} and {row.correlation[1]:.2f}"
    )


def _epsilon(value: float) -> str:
    return "infinite" if math.isinf(value) else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def window_figure(study: PrivacyStudy) -> Figure:
    """Return the first patients' hours, the truth and what was rebuilt, unprotected and with the most noise that was tried."""
    bare, noisy = (study.attack_results["window", how] for how in (Protection(), study.plan.protections[-1]))
    figure = Figure(figsize=(9.6, 4.4), layout="constrained")
    grid = figure.subplots(len(CHANNEL_LABELS), SHOWN_PATIENTS, sharex=True)
    for channel, name in enumerate(CHANNEL_LABELS):
        for at in range(SHOWN_PATIENTS):
            _draw(grid[channel, at], bare, noisy, at, channel, study.plan.protections[-1].noise)
        grid[channel, 0].set_ylabel(name)
    for axes in grid[-1]:
        axes.set_xlabel("minute")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=3, fontsize=8)
    return figure


def _draw(axes: Axes, bare: AttackResult, noisy: AttackResult, at: int, channel: int, noise: float) -> None:
    owner = bare.owner[at]
    minutes = np.arange(bare.truth.shape[1])

    def course(windows: np.ndarray) -> np.ndarray:
        values: np.ndarray = windows[at, :, channel] * bare.scale[owner, channel] + bare.median[owner, channel]
        return values

    axes.plot(minutes, course(bare.truth), color=GREY, linewidth=1.6, label="the patient's hour")
    axes.plot(minutes, course(bare.rebuilt), color=VERMILION, linewidth=1.1, label="rebuilt from its gradient")
    label = f"rebuilt when clipped, with noise {noise:g}"
    axes.plot(minutes, course(noisy.rebuilt), color=BLUE, linewidth=1.1, linestyle="--", label=label)
