"""What an evaluation says in words."""

from __future__ import annotations

from typing import Final

from experiments.grid_goals import goals
from experiments.grid_results import Results

INTRO: Final = (
    "Attacks of every kind and level are injected into patients whom neither the networks nor the limits have met, one at a time, "
    "and the detector judges them as the running system would. Thresholds were fixed on clean patients before any attack was looked at."
)
QUICK_NOTE: Final = (
    "A quick evaluation: few devices, wide intervals, no networks learnt anew, so no leave-one-out, no ablation that needs learning, "
    "no training seeds, no untouched cohort. Ablations and baselines are calibrated on a part of the calibration fleet."
)
READING: Final = {
    "goals": "Point value against goal, on devices in tenths; shares with Wilson intervals, rates with exact Poisson intervals.",
    "heat": "Per cent of devices excluded, an attack a row and a level a column; darker is more.",
    "delays": "The share of devices excluded by so many hours after the onset; devices in tenths.",
    "roc": (
        "As the threshold moves: devices excluded in time against false exclusions of clean devices. The vertical line is the budget. "
        "Guards do not move with the threshold, so no curve begins at zero where a guard finds the attack."
    ),
    "scores": (
        "A window's largest score, clean and under attack, devices in tenths. Clean windows beyond the threshold cost nothing by "
        "themselves: it takes the votes of many to exclude a device."
    ),
    "examples": "Left, an ordinary hit of three families; right, attacks that were missed, the strongest first. Shaded: the attack.",
    "grid": (
        "n counts devices; in brackets those excluded already at the onset, which are left out of the shares. The median counts "
        "devices never found as infinity. AUC: one window's largest score, attacked against clean."
    ),
    "families": (
        "Networks learnt without a family and without every training distortion that resembles it, calibrated anew, judged on that "
        "family: what to expect of an attack that nobody thought of."
    ),
    "ablations": "The core families on devices in tenths, each detector calibrated alone at the same budget; the dashed line is the budget.",
    "baselines": (
        "Baselines see the same hours and patients, and vote over two hours at the same budget. The paper's rule is not calibrated: it "
        "is as printed, on this detector's network."
    ),
    "seeds": "Networks learnt anew with other seeds, autoencoders and patients unchanged, each calibrated alone.",
    "clean": "Device-weeks after the enrolment; exclusions less than four hours apart count once.",
    "deterioration": (
        "An episode counts as excluded when the device is excluded while the patient deteriorates or within two hours afterwards."
    ),
    "pulse": (
        "The attacker reaches the heart rate only and PULSE tells the truth. Counted are devices whose PULSE was there for half of the "
        "hour after the gap. Everywhere else in this report PULSE is withheld."
    ),
    "real": "Clean time as the engine judged it, PULSE given where there is one; attacks at three onsets, an attack at a time.",
    "own": "The recordings that were given, judged in the same way.",
}


def headline_sentences(results: Results) -> list[str]:
    """Return what the command prints: goals met, and those that were missed."""
    found = goals(results)
    known = [one for one in found if one.met is not None]
    told = [
        f"{sum(bool(one.met) for one in known)} of {len(known)} goals that were measured are met; {len(found) - len(known)} were not measured."
    ]
    told += [
        f"missed: {one.name}: {one.value:.3g}, wanted {one.direction} {one.goal:g}" for one in known if not one.met
    ]
    return told


def fresh_sentence(results: Results) -> str:
    """Return what is to be known of the untouched cohort."""
    if results.fresh is None:
        return ""
    return f"The untouched cohort was drawn from the seed {results.protocol.fresh_seed}, written down before any evaluation ran."
