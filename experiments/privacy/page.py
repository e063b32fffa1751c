"""The part of the federation report on what an update gives away: its picture, tables and words."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.privacy.attack import AttackResult
from experiments.privacy.plan import CASES, Protection
from experiments.privacy.results import Pair, attack_rows, cost_rows
from experiments.privacy.study import PrivacyStudy
from experiments.report.figures import BLUE, GREY, STYLE, VERMILION, canvas, shared_legend
from experiments.report.page import Section, Titled, said, sections_of
from experiments.report.tables import Table, table_of
from fl_device.training.privacy import DELTA

SHOWN_PATIENTS: Final = 3  # the first window of each
CHANNEL_LABELS: Final = ("heart rate, bpm", "breaths/min")
PACKAGE: Final = "experiments.privacy"


def sections(study: PrivacyStudy) -> list[Section]:
    """Return the report's part on privacy."""
    with mpl.rc_context(STYLE):
        titled: list[Titled] = [
            ("privacy", "What an update gives away", window_figure(study)),
            ("privacy-attacks", "Every attack", attack_table(study)),
            ("privacy-costs", "What protection costs", cost_table(study)),
        ]
        first, *others = sections_of(PACKAGE, titled, delta=DELTA)
    return [replace(first, reading="\n".join([*sentences(study), first.reading])), *others]


def sentences(study: PrivacyStudy) -> list[str]:
    """Return what was measured in plain words."""
    rows = {(row.attacked, row.protection): row for row in attack_rows(study)}
    costs = {row.protection: row for row in cost_rows(study)}
    bare, epoch = (rows[CASES[case], Protection().name] for case in ("window", "epoch"))
    spoken: dict[str, Any] = {"bare": bare, "epoch": epoch, "found": lambda row: said(PACKAGE, "rebuilt", row=row)}
    noisy = dict.fromkeys((study.plan.middle, study.plan.protections[-1]))
    return [
        *(said(PACKAGE, block, **spoken) for block in ("one_hour", "epoch")),
        *(
            said(
                PACKAGE,
                "hidden",
                bare=bare,
                protection=how,
                noisy=rows[CASES["window"], how.name],
                cost=costs[how.name],
                epsilon=_epsilon,
            )
            for how in noisy
        ),
    ]


def attack_table(study: PrivacyStudy) -> Table:
    """Return every attack beside the guesses."""

    def both(pair: Pair) -> str:
        return f"{pair[0]:.2f}, {pair[1]:.2f}"

    return table_of(
        {
            "attacked": row.attacked,
            "protected by": row.protection,
            "n": str(row.n),
            "error, bpm": f"{row.error[0]:.2f}",
            "error, breaths/min": f"{row.error[1]:.2f}",
            "guessing the median": both(row.median_error),
            "another patient": both(row.other_error),
            "without the scale": both(row.blind_error),
            "correlation": both(row.correlation),
            "another patient's": both(row.other_correlation),
            "nearer than another patient": f"{row.nearer:.0%}",
        }
        for row in attack_rows(study)
    )


def cost_table(study: PrivacyStudy) -> Table:
    """Return every protection's price and worth."""
    return table_of(
        {
            "protected by": row.protection,
            "loss": f"{row.ratio.value:.3f}",
            "95 % interval": "-" if math.isnan(row.ratio.low) else f"{row.ratio.low:.3f} to {row.ratio.high:.3f}",
            "updates taken": f"{row.taken:.0%}",
            "epsilon, one round": _epsilon(row.epsilon_one_round),
            f"epsilon, {row.rounds} rounds": _epsilon(row.epsilon),
        }
        for row in cost_rows(study)
    )


def _epsilon(value: float) -> str:
    return "infinite" if math.isinf(value) else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def window_figure(study: PrivacyStudy) -> Figure:
    """Return the first patients' hours, the truth and what was rebuilt, unprotected and with the most noise that was tried."""
    bare, noisy = (study.attack_results["window", how] for how in (Protection(), study.plan.protections[-1]))
    figure, grid = canvas(4.4, len(CHANNEL_LABELS), SHOWN_PATIENTS, sharex=True)
    for channel, name in enumerate(CHANNEL_LABELS):
        for at in range(SHOWN_PATIENTS):
            _draw(grid[channel, at], bare, noisy, at, channel, study.plan.protections[-1].noise)
        grid[channel, 0].set_ylabel(name)
    for axes in grid[-1]:
        axes.set_xlabel("minute")
    shared_legend(figure, grid[0, 0], 3)
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
