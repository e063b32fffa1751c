"""The picture of what an update gives away: hours of patients beside what a curious coordinator makes of their gradients."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.privacy.attack import Found
from experiments.privacy.plan import Protection
from experiments.privacy.study import PrivacyStudy
from experiments.report.figures import BLUE, GREY, VERMILION

SHOWN: Final = 3  # patients, the first window of each
CHANNELS: Final = ("heart rate, bpm", "breaths/min")


def window_figure(study: PrivacyStudy) -> Figure:
    """Return the first patients' hours, the truth and what was rebuilt, unprotected and with the most noise that was tried."""
    bare, noisy = (study.found["window", how] for how in (Protection(), study.plan.protections[-1]))
    figure = Figure(figsize=(9.6, 4.4), layout="constrained")
    grid = figure.subplots(len(CHANNELS), SHOWN, sharex=True)
    for channel, name in enumerate(CHANNELS):
        for at in range(SHOWN):
            _draw(grid[channel, at], bare, noisy, at, channel, study.plan.protections[-1].noise)
        grid[channel, 0].set_ylabel(name)
    for axes in grid[-1]:
        axes.set_xlabel("minute")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=3, fontsize=8)
    return figure


def _draw(axes: Axes, bare: Found, noisy: Found, at: int, channel: int, noise: float) -> None:
    owner = bare.owner[at]
    minutes = np.arange(bare.truth.shape[1])

    def course(windows: np.ndarray) -> np.ndarray:
        values: np.ndarray = windows[at, :, channel] * bare.scale[owner, channel] + bare.median[owner, channel]
        return values

    axes.plot(minutes, course(bare.truth), color=GREY, linewidth=1.6, label="the patient's hour")
    axes.plot(minutes, course(bare.rebuilt), color=VERMILION, linewidth=1.1, label="rebuilt from its gradient")
    label = f"rebuilt when clipped, with noise {noise:g}"
    axes.plot(minutes, course(noisy.rebuilt), color=BLUE, linewidth=1.1, linestyle="--", label=label)
