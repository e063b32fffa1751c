"""Every table and figure of the report in its order, named as in the paper, each with its one sentence."""

from __future__ import annotations

from typing import Final

import matplotlib as mpl

from experiments.paper.inputs import LEVEL
from experiments.paper.report.device_figures import distribution_figure, threshold_figure
from experiments.paper.report.figures import confusion_figure, curve_figure, error_figure, example_figure, roc_figure
from experiments.paper.report.tables import (
    attack_table,
    classifier_table,
    label_table,
    patient_table,
    reconstruction_table,
    table_one,
    threshold_table,
)
from experiments.paper.report.words import data_sentence, sentence, spoken_of
from experiments.paper.results import Results
from experiments.paper.study import Study
from experiments.report.figures import STYLE
from experiments.report.page import Cover, Section, page_of, sections_of

TITLE: Final = "The paper's tables and figures, and the honest ones"


def exhibits(study: Study, results: Results) -> list[Section]:
    """Return them in their order; blocks for some seconds, as it draws every figure."""
    with mpl.rc_context(STYLE):
        return _drawn(study, results)


def _drawn(study: Study, results: Results) -> list[Section]:
    titled = (
        ("errors", "Fig. 8 (a): reconstruction errors", error_figure(study)),
        ("curves", "Fig. 8 (b, c): loss and accuracy by epoch", curve_figure(study, results)),
        ("reconstruction", "The accuracy of Sec. VII-B, and what it leaves out", reconstruction_table(results)),
        ("example", "Fig. 8 (d): actual and rebuilt", example_figure(study)),
        ("table-1", "Table I: five-fold cross-validation of the DNN", table_one(study)),
        ("labels", "What the labels of Table I mark", label_table(study)),
        ("classifier", "The same DNN against the truth", classifier_table(results)),
        ("confusion", "Fig. 9 (a): confusion matrices", confusion_figure(results)),
        ("roc", "Fig. 9 (b): ROC", roc_figure(results)),
        ("attacks", "By attack", attack_table(results)),
        ("thresholds", "Fig. 3: adaptive thresholds in Runs 1 to 5", threshold_figure(results)),
        ("runs", "The same in numbers, for Dev2", threshold_table(study, results)),
        ("distributions", "Fig. 11: scores and errors of Dev2", distribution_figure(study, results)),
    )
    return list(sections_of("experiments.paper.report", titled, reading_first=False, **spoken_of(study, results)))


def build_page(study: Study, shown: list[Section], command: str) -> str:
    """Return the report; `shown` are the exhibits."""
    plan = study.plan
    cards = (
        (str(len(study.recordings)), "patients"),
        (f"{sum(recording.minutes for recording in study.recordings):,}", "minutes"),
        (str(plan.autoencoder_epochs), "epochs of the autoencoder"),
        (str(plan.classifier_epochs), "epochs of the DNN"),
        (LEVEL, "level of the attacks"),
        (str(plan.seed), "seed"),
    )
    data = Section("data", "Data", data_sentence(study).replace("`", ""), (patient_table(study),))
    left_out = Section("left-out", "Not reproduced", sentence("not_reproduced"))
    return page_of(Cover(TITLE, sentence("intro"), cards), (data, *shown, left_out), command)
