"""What the reproduction says in words: for each table and figure, how the paper's way differs from the honest one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from detectors.decisions.paper_fig3_rule import EXCLUDE_ABOVE
from experiments.paper.devices import DeviceRun, excluded_devices
from experiments.paper.inputs import CASES
from experiments.paper.known_patients import DEVICE_SHOWN
from experiments.paper.patients import FULL
from experiments.paper.results import PAPER_ARGMAX, Results
from experiments.paper.study import Study

NOT_REPRODUCED: Final = (
    "Figs. 1, 2 and 4 to 7 are drawings. Fig. 10, the global model's curves in Sec. VIII-B and the gain of Run 6 are about "
    "federated training, not about detection, and are left to the federated runs."
)
INTRO: Final = (
    "The tables and figures of the FedSecure paper that concern detection, made again with our code, each beside the honest "
    "figure: patients unknown to both networks, attacks that were really injected, chance stated."
)
QUICK_SAID: Final = "A quick run, too short to train anything well: its numbers show only that it works. "


def data_sentence(study: Study) -> str:
    """Return what the study ran on and how to run it on the paper's kind of data."""
    minutes = sum(one.minutes for one in study.recordings)
    quick = "" if study.plan.autoencoder_epochs >= FULL.autoencoder_epochs else QUICK_SAID
    synthetic = all(one.origin.startswith("synthetic") for one in study.recordings)
    whom = "synthetic patients, none of whom deteriorates" if synthetic else "recordings"
    if not synthetic:
        return (
            f"{quick}It ran on {len(study.recordings)} {whom}, {minutes:,} minutes together, cut to the paper's length where they are "
            f"longer; training windows end every {_minutes(study.plan.trained_every_min)}, windows of patients left out every "
            f"{_minutes(study.plan.judged_every_min)}. The paper ran on 50,401 minutes of five patients of MIMIC-III, whom it does not name."
        )
    return (
        f"{quick}It ran on {len(study.recordings)} {whom}, {minutes:,} minutes together. The paper ran on 50,401 minutes of five patients of "
        "MIMIC-III, whom it does not name: fetch patients of the same database with `fedsecure fetch mimic3-waveforms` and name "
        "their records with --recordings."
    )


def differences(study: Study, results: Results) -> Mapping[str, str]:
    """Return one sentence for each table and figure, by its name."""
    return {
        "errors": _errors(results),
        "curves": _curves(results),
        "example": _example(study),
        "reconstruction": (
            "The paper validates on windows that share up to 59 of their 60 minutes with windows it trained on; the last column "
            "is of patients whom the network has never seen."
        ),
        "table-1": _table(results),
        "labels": _labels(study, results),
        "classifier": _classifier(results),
        "confusion": _confusion(results),
        "roc": _roc(results),
        "attacks": _attacks(results),
        "thresholds": _thresholds(study, results),
        "runs": (
            "The paper prints one threshold a run and no share of windows above it; here both are given for the second device, and "
            "how many of all devices the rule excludes."
        ),
        "distributions": _distributions(results),
    }


def percent(share: float) -> str:
    """Return a share 0..1 as whole or tenth per cent: enough digits to tell 99.9 from 100."""
    return f"{share:.1%}".replace(".0%", "%").replace("%", " %")


def _minutes(count: int) -> str:
    return "minute" if count == 1 else f"{count} minutes"


def _errors(results: Results) -> str:
    return (
        "The paper shows that the errors of windows trained on are small; what counts is whether attacked windows have larger ones: "
        f"ranked by the error alone, an attacked window of a patient left out stands above a clean one in "
        f"{percent(results.evaluations[-1].error_auc)} of pairs (chance: 50 %)."
    )


def _curves(results: Results) -> str:
    known, new = results.accuracy, results.new_accuracy
    return (
        f"The paper's accuracy ({percent(PAPER_ARGMAX)}; ours {percent(known.argmax)}) is Keras' argmax over the five outputs: it asks only "
        f"which scaled input is the largest, and one constant answer is right in {percent(known.argmax_by_guess)}; of the minutes of "
        f"patients left out {percent(new.tolerance)} are rebuilt within 5 bpm and 2 breaths/min (or 10 %), against "
        f"{percent(new.tolerance_by_guess)} for each patient's median."
    )


def _example(study: Study) -> str:
    (clean, clean_rebuilt), (attacked, attacked_rebuilt) = study.known.example[..., 0]
    moved, left = np.abs(attacked - clean).mean(), np.abs(attacked - attacked_rebuilt).mean()
    return (
        "The paper takes a close reconstruction of clean hours as a sign that anomalies will stand out, but what counts is how much of "
        f"an attack is left over: this one moves the heart rate by {moved:.1f} bpm on average and leaves an error of {left:.1f} bpm, "
        f"against {np.abs(clean - clean_rebuilt).mean():.1f} bpm in the clean hour."
    )


def _table(results: Results) -> str:
    paper = results.evaluations[0]
    normal = 1 - float(paper.scored.label.mean())
    return (
        "The paper's labels are a threshold on the very error that the DNN reads, so Table I measures how well a network learns one "
        f"cut of one number: no attack takes part, and the answer normal at every window is right in {percent(normal)}."
    )


def _labels(study: Study, results: Results) -> str:
    labels, windows = results.labels_on_one_day
    normal, anomaly = study.known.label_error
    vitals, calendar = ((anomaly[of].sum() / normal[of].sum()) for of in (slice(None, 2), slice(2, None)))
    return (
        f"Nothing says that what the paper labels an anomaly is one: {percent(labels)} of these windows lie on one calendar day a patient "
        f"({percent(windows)} of all windows), and against the others the error of their vital signs is {vitals:.1f} times as large, "
        f"that of hour, day and weekday {calendar:.1f} times."
    )


def _classifier(results: Results) -> str:
    by_paper, by_truth = results.evaluations[2].mean, results.evaluations[3].mean
    return (
        f"Against injected attacks, on patients unknown to both networks, a DNN trained on the paper's labels decides {percent(by_paper.accuracy)} of "
        f"windows rightly, and one trained on those attacks {percent(by_truth.accuracy)}, where a coin reaches 50 %."
    )


def _confusion(results: Results) -> str:
    missed = 1 - results.evaluations[2].mean.recall
    return (
        "In the paper's matrix next to nothing lies off the diagonal, because labels and input are the same number; of windows that "
        f"really are poisoned a DNN trained on those labels passes {percent(missed)} as normal."
    )


def _roc(results: Results) -> str:
    paper, *_, truth = results.evaluations
    return (
        f"An AUC of {paper.mean.auc:.3f} on the paper's labels (the error without any DNN: {paper.error_auc:.3f}) becomes "
        f"{results.evaluations[2].mean.auc:.3f} on injected attacks, {truth.mean.auc:.3f} when trained on them (the error alone: {truth.error_auc:.3f})."
    )


def _attacks(results: Results) -> str:
    networks, steps = (np.mean([getattr(one, field) for one in results.attacks]) for field in ("mean", "step_mean"))
    return (
        "The paper does not say how often which attack is found; telling clean from attacked windows of the same hours of a patient left "
        f"out, its two networks reach an AUC of {networks:.3f} on average (chance: 0.5), and the mean squared change from one minute to "
        f"the next, which needs no network, {steps:.3f}."
    )


def _thresholds(study: Study, results: Results) -> str:
    devices = len(study.recordings)
    attacked = devices * (len(CASES) - 1)
    return (
        "The paper's rule reads nothing but the device's own scores of the day that it judges: of "
        f"{attacked} attacked devices it excludes {_attacked(results.paper_runs)}, of {devices} clean ones "
        f"{excluded_devices(results.paper_runs, 0)}; a threshold fixed on other patients' clean windows, with a DNN trained on attacks, "
        f"excludes {_attacked(results.honest_runs)} and {excluded_devices(results.honest_runs, 0)}."
    )


def _distributions(results: Results) -> str:
    shares = [
        next(run.flagged for run in results.paper_runs if (run.case, run.patient) == (case, DEVICE_SHOWN))
        for case in range(len(CASES))
    ]
    return (
        "The paper reads these histograms by eye; counted, the shares of the second device's windows above its threshold in Runs 1 to 5 "
        f"are {', '.join(percent(share) for share in shares)}, and it takes more than {percent(EXCLUDE_ABOVE)} to exclude a device."
    )


def _attacked(runs: Sequence[DeviceRun]) -> int:
    return sum(excluded_devices(runs, case) for case in range(1, len(CASES)))
