"""Every table and figure of the report in its order, named as in the paper, each with its one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from matplotlib.figure import Figure

from experiments.paper_device_figures import distribution_figure, threshold_figure
from experiments.paper_figures import confusion_figure, curve_figure, error_figure, example_figure, roc_figure
from experiments.paper_results import Results
from experiments.paper_study import Study
from experiments.paper_tables import (
    Table,
    attack_table,
    classifier_table,
    label_table,
    reconstruction_table,
    table_one,
    threshold_table,
)
from experiments.paper_words import differences


@dataclass(frozen=True, slots=True, eq=False)
class Exhibit:
    """A table or a figure; `name` is unique within a report, `difference` says how the paper's way differs from the honest one."""

    name: str
    title: str
    difference: str
    shown: Table | Figure


def exhibits(study: Study, results: Results) -> Iterator[Exhibit]:
    """Yield them one by one; figures are drawn in the matplotlib style that is set while they are asked for."""
    told = differences(study, results)
    titled = (
        ("errors", "Fig. 8 (a): reconstruction errors", lambda: error_figure(study)),
        ("curves", "Fig. 8 (b, c): loss and accuracy by epoch", lambda: curve_figure(study, results)),
        ("reconstruction", "The accuracy of Sec. VII-B, and what it leaves out", lambda: reconstruction_table(results)),
        ("example", "Fig. 8 (d): actual and rebuilt", lambda: example_figure(study)),
        ("table-1", "Table I: five-fold cross-validation of the DNN", lambda: table_one(study)),
        ("labels", "What the labels of Table I mark", lambda: label_table(study)),
        ("classifier", "The same DNN against the truth", lambda: classifier_table(results)),
        ("confusion", "Fig. 9 (a): confusion matrices", lambda: confusion_figure(results)),
        ("roc", "Fig. 9 (b): ROC", lambda: roc_figure(results)),
        ("attacks", "By attack", lambda: attack_table(results)),
        ("thresholds", "Fig. 3: adaptive thresholds in Runs 1 to 5", lambda: threshold_figure(results)),
        ("runs", "The same in numbers, for Dev2", lambda: threshold_table(study, results)),
        ("distributions", "Fig. 11: scores and errors of Dev2", lambda: distribution_figure(study, results)),
    )
    for name, title, show in titled:
        yield Exhibit(name, title, told[name], show())
