"""Every table and figure of the report in its order, named as in the paper, each with what it says of the paper's way."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import matplotlib as mpl
import numpy as np

from detectors.decisions.paper_fig3_rule import EXCLUDE_ABOVE
from experiments.paper.inputs import CASES, LEVEL
from experiments.paper.patients import FULL
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
from experiments.paper.results import PAPER_ARGMAX, Results, device_run, excluded_devices
from experiments.paper.study import Study
from experiments.report.figures import STYLE
from experiments.report.numbers import percent
from experiments.report.page import Cover, Section, page_of, said, sections_of

sentence: Final = partial(said, "experiments.paper.report")


def data_sentence(study: Study) -> str:
    """Return what the study ran on and how to run it on the paper's kind of data."""
    return sentence(
        "data",
        plan=study.plan,
        patients=study.recordings,
        minutes=sum(recording.minutes for recording in study.recordings),
        is_quick=study.plan.autoencoder_epochs < FULL.autoencoder_epochs,
        is_synthetic=all(recording.origin.startswith("synthetic") for recording in study.recordings),
        every=lambda minutes: "minute" if minutes == 1 else f"{minutes} minutes",
    )


def spoken_of(study: Study, results: Results) -> dict[str, Any]:
    """Return what the sentences beside tables and figures speak of."""
    as_printed, _, by_labels, by_truth = results.evaluations
    (clean, clean_rebuilt), (attacked, attacked_rebuilt) = study.known.example[..., 0]
    normal, anomaly = study.known.label_error
    runs = {"paper": results.paper_runs, "honest": results.honest_runs}
    return {
        "percent": percent,
        "patients": study.recordings,
        "paper_argmax": PAPER_ARGMAX,
        "known": results.accuracy,
        "new": results.new_accuracy,
        "as_printed": as_printed,
        "by_labels": by_labels,
        "by_truth": by_truth,
        "moved_bpm": np.abs(attacked - clean).mean(),
        "left_bpm": np.abs(attacked - attacked_rebuilt).mean(),
        "left_clean_bpm": np.abs(clean - clean_rebuilt).mean(),
        "normal_share": 1 - float(as_printed.scored.label.mean()),
        "on_one_day": results.labels_on_one_day,
        "vitals_times": anomaly[:2].sum() / normal[:2].sum(),
        "calendar_times": anomaly[2:].sum() / normal[2:].sum(),
        "networks_auc": np.mean([attack.mean for attack in results.attacks]),
        "steps_auc": np.mean([attack.step_mean for attack in results.attacks]),
        "attacked_devices": len(study.recordings) * (len(CASES) - 1),
        "excluded": {rule: [excluded_devices(of, case) for case in range(len(CASES))] for rule, of in runs.items()},
        "flagged": [percent(device_run(results.paper_runs, case).flagged) for case in range(len(CASES))],
        "exclude_above": EXCLUDE_ABOVE,
    }


TITLE: Final = "The paper's tables and figures, and the honest ones"


def exhibits(study: Study, results: Results) -> list[Section]:
    """Return them in their order. Blocks for some seconds, as it draws every figure."""
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
    """Return the report. `shown` are the exhibits."""
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
