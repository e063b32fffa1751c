"""The paper's Fig. 8 and 9 on our data, each panel with the honest figure beside it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullFormatter, PercentFormatter
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from experiments.paper.classifiers import left_out_rows
from experiments.paper.inputs import CASES, in_trial, is_clean
from experiments.paper.results import PAPER_ARGMAX, Results, Scored
from experiments.paper.study import Study
from experiments.report.figures import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, canvas, legend_above, shared_legend

Style = tuple[str, Any]  # colour and line
CASE_STYLES: Final[tuple[Style, ...]] = (
    (BLUE, "-"),
    (VERMILION, "--"),
    (ORANGE, "-."),
    (PURPLE, ":"),
    (GREEN, (0, (5, 1, 1, 1, 1, 1))),
)
ROC_POINTS: Final = 120


def error_figure(study: Study) -> Figure:
    """Return Fig. 8 (a): errors of the windows trained on. Beside it those of patients left out, clean and attacked."""
    figure, (left, right) = canvas(3.1, 1, 2, sharex=True)
    known, new = study.known.rows, left_out_rows(study.left_out)
    new = new[in_trial(new)]
    low, high = np.quantile(np.concatenate([known["error"], new["error"]]), [0.0005, 0.9995])
    edges = np.geomspace(low, high, 46)
    _histogram(left, known["error"][is_clean(known)], edges, 0, "clean windows")
    for case, name in enumerate(CASES):
        _histogram(right, new["error"][new["case"] == case], edges, case, "clean" if case == 0 else name)
    left.set_title("the paper's way: patients it was trained on", pad=20)
    right.set_title("patients left out, strong attacks", pad=34)
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xlabel("reconstruction error of a window (mean squared, logarithmic)")
        axes.set_yticks([])
        legend_above(axes, 3, fontsize=8)
    left.set_ylabel("density")
    return figure


def curve_figure(study: Study, results: Results) -> Figure:
    """Return Fig. 8 (b) and (c): loss and argmax accuracy by epoch. In (c) also a guess and the tolerance accuracy."""
    figure, (left, right) = canvas(3.1, 1, 2)
    loss, val_loss, accuracy, val_accuracy, tolerance = study.known.curves.T
    epochs = np.arange(1, len(loss) + 1)
    left.plot(epochs, loss, color=BLUE, label="training")
    left.plot(epochs, val_loss, color=ORANGE, linestyle="--", label="validation")
    left.set_yscale("log")
    left.set_ylabel("loss (mean squared error, logarithmic)")
    right.plot(epochs, accuracy, color=BLUE, label="argmax, training")
    right.plot(epochs, val_accuracy, color=ORANGE, linestyle="--", label="argmax, validation")
    right.axhline(results.accuracy.argmax_by_guess, color=GREY, linestyle=":", label="argmax, one answer always")
    right.plot(epochs, tolerance, color=GREEN, linestyle="-.", label="within tolerance, validation")
    right.plot(
        epochs[-1], PAPER_ARGMAX, color=VERMILION, marker="x", linestyle="", label="argmax, printed in the paper"
    )
    right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    right.set_ylim(0, 1.02)
    right.set_ylabel("share of minutes")
    for axes in (left, right):
        axes.set_xlabel("epoch")
        legend_above(axes, 2, fontsize=8)
    return figure


def example_figure(study: Study) -> Figure:
    """Return Fig. 8 (d): an hour and its reconstruction. Beside it the same hour poisoned, and its reconstruction."""
    figure, grid = canvas(3.8, 2, 2, sharex=True, sharey="row")
    for column, title in enumerate(("the paper's way: a clean hour", f"the same hour under {CASES[1]}")):
        actual, rebuilt = study.known.example[column]
        for row, name in enumerate(("heart rate (bpm)", "resp. rate (/min)")):
            axes = grid[row, column]
            axes.plot(actual[:, row], color=BLUE, linewidth=1.2, label="actual")
            axes.plot(rebuilt[:, row], color=VERMILION, linewidth=1.2, linestyle="--", label="rebuilt")
            if column == 0:
                axes.set_ylabel(name)
        grid[0, column].set_title(title)
        grid[1, column].set_xlabel("minutes")
    shared_legend(figure, grid[0, 0], 2)
    return figure


def confusion_figure(results: Results) -> Figure:
    """Return Fig. 9 (a): labels against decisions of the DNN, once a way of judging it."""
    figure = Figure(figsize=(9.6, 2.9), layout="constrained")
    for axes, evaluation in zip(figure.subplots(1, len(results.evaluations)), results.evaluations, strict=True):
        _draw_confusion(axes, evaluation.scored.confusion())
        axes.set_title(_two_lines(evaluation.name), fontsize=8)
    return figure


def roc_figure(results: Results) -> Figure:
    """Return Fig. 9 (b): the ROC of the DNN, once a way of judging it. Beside it by attack. Folds are pooled."""
    figure, (left, right) = canvas(4.6, 1, 2, sharey=True)
    for style, evaluation in zip(CASE_STYLES, results.evaluations, strict=False):
        _draw_roc(left, evaluation.scored, style, f"{evaluation.name}: AUC {evaluation.mean.auc:.3f}")
    on_attacks = results.evaluations[-1].scored
    for case, attack in enumerate(results.attacks, start=1):
        of_attack = is_clean(on_attacks.rows) | (on_attacks.rows["case"] == case)
        _draw_roc(right, on_attacks.part(of_attack), CASE_STYLES[case], f"{attack.attack}: AUC {attack.mean:.3f}")
    left.set_ylabel("true positive share")
    for axes in (left, right):
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
        axes.set_xlabel("false positive share")
        axes.set_box_aspect(0.72)
        legend_above(axes, 1, fontsize=8)
    right.legend_.set_title(f"{results.evaluations[-1].name}, by attack", prop={"size": 8})
    return figure


def _histogram(axes: Axes, errors: NDArray[np.float64], edges: NDArray[np.float64], case: int, label: str) -> None:
    colour, line = CASE_STYLES[case]
    share = np.histogram(errors, bins=edges)[0] / max(1, len(errors))
    axes.stairs(share, edges, color=colour, linestyle=line, linewidth=1.3, label=label)
    if case == 0:
        axes.stairs(share, edges, color=colour, alpha=0.2, fill=True)
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_confusion(axes: Axes, counts: NDArray[np.float64]) -> None:
    shares = counts / max(1.0, counts.sum())
    for (row, column), share in np.ndenumerate(shares):
        right = row == column
        axes.add_patch(
            Rectangle(
                (column, row), 1, 1, facecolor=BLUE if right else VERMILION, alpha=0.12 + 0.6 * share, linewidth=0
            )
        )
        axes.text(column + 0.5, row + 0.5, f"{share:.1%}", ha="center", va="center", fontsize=10)
    axes.set(xlim=(0, 2), ylim=(2, 0), aspect="equal", xticks=(0.5, 1.5), yticks=(0.5, 1.5))
    axes.set_xticklabels(("normal", "anomaly"))
    axes.set_yticklabels(("normal", "anomaly"), rotation=90, va="center")
    axes.set_xlabel("the DNN says", fontsize=8)
    axes.set_ylabel("label", fontsize=8)
    axes.tick_params(length=0, labelsize=8)
    axes.spines[:].set_visible(False)


def _draw_roc(axes: Axes, scored: Scored, style: Style, label: str) -> None:
    if 0 < scored.label.sum() < len(scored.label):
        axes.plot(*_roc(scored), color=style[0], linestyle=style[1], label=label)


def _roc(scored: Scored) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The curve at a bounded number of points: each costs its place in the page."""
    false, true, _ = roc_curve(scored.label, scored.score, sample_weight=scored.weight)
    shown = np.unique(np.concatenate([[0.0, 1.0], np.geomspace(1e-4, 1, ROC_POINTS), np.linspace(0, 1, ROC_POINTS)]))
    return shown, np.asarray(np.interp(shown, false, true))


def _two_lines(text: str) -> str:
    """Break at the space nearest to the middle."""
    spaces = [at for at, letter in enumerate(text) if letter == " "]
    at = min(spaces, key=lambda place: abs(place - len(text) / 2))
    return f"{text[:at]}\n{text[at + 1 :]}"
