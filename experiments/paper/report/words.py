"""What the reproduction says in words: the numbers that the blocks of words.jinja speak of."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np

from detectors.decisions.paper_threshold import EXCLUDE_ABOVE
from experiments.paper.inputs import CASES
from experiments.paper.patients import FULL
from experiments.paper.results import PAPER_ARGMAX, Results, device_run, excluded_devices
from experiments.paper.study import Study
from experiments.report.page import said

sentence: Final = partial(said, "experiments.paper.report")


def percent(share: float) -> str:
    """Return a share 0..1 as whole or tenth per cent: enough digits to tell 99.9 from 100."""
    return f"{share:.1%}".replace(".0%", "%").replace("%", " %")


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
