"""What was wanted of the detector beside what was measured. A goal that was not measured says so."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from experiments.common.estimates import UNKNOWN, Direction, Estimate, Goal

SHARE: Final = "%"
A_WEEK: Final = "a device-week"
POINTS: Final = "points"
STRONG_12H: Final = {"spoof": 0.54, "time-shift": 0.94, "backdoor-2": 0.94}
"""What the former detector found of its own simulated patients, where that was a half or more: no worse is the goal."""
FORMER: Final[Mapping[str, str]] = {
    "five core attacks, strong, within 2 h": "92.2 % (24 other real hosts)",
    "five core attacks, medium, within 12 h": "87.0 % (24 other real hosts)",
    "false exclusions a real device-week": "1.49 (72 real hosts; its own card said .12)",
    "clean devices with any false exclusion": "33 % (24 of 72)",
    "clean time in quarantine": "6.5 %",
    "judged time of clean devices that is benign": "81 %",
}
"""Figures of the former bundle (11f21b09), measured on real patients with a day of enrolment; it is not run again."""


def goals_of(document: Mapping[str, Any]) -> list[Goal]:
    """Return every goal. `document` is that of `results`, its estimates as records."""
    return [*_detection(document), *_clean(document), *_side(document), *_others(document)]


def _detection(document: Mapping[str, Any]) -> Iterator[Goal]:
    core = document["core"]
    yield _goal("five core attacks, strong, within 2 h", core["strong_2h"], "at least", 0.99, SHARE)
    yield _goal("five core attacks, medium, within 12 h", core["medium_12h"], "at least", 0.94, SHARE)
    yield _goal("five core attacks, subtle, within 12 h", core["subtle_12h"], "at least", 0.68, SHARE)
    yield _goal("noise (data-poisoning-1), medium, within 4 h", core["noise_medium_4h"], "at least", 0.75, SHARE)
    rows = {(row["attack"], row["level"]): row for row in document["attacks"]}
    for name, former in STRONG_12H.items():
        estimate = rows.get((name, "strong"), {}).get("within_12h")
        yield _goal(
            f"{name}, strong, within 12 h", estimate, "at least", former, SHARE, "the former detector's, simulated"
        )


def _clean(document: Mapping[str, Any]) -> Iterator[Goal]:
    clean = document["clean"]
    name = (
        "false exclusions a real device-week"
        if document["data"]["is_real"]
        else "false exclusions a simulated device-week"
    )
    note = "in these folds; the goal is for patients of other hospitals" if document["data"]["is_real"] else ""
    yield _goal(name, clean["a_week"], "at most", 0.15, A_WEEK, note)
    devices = float(np.mean(clean["devices"])) / max(clean["of"], 1)
    yield _alone("clean devices with any false exclusion", devices, clean["of"], "at most", 0.05)
    weeks = clean["weeks"]
    yield _alone("clean time in quarantine", clean["held"], weeks, "at most", 0.002, "four hours after each flag")
    yield _alone(
        "judged time of clean devices that is benign", clean["benign"], weeks, "at least", 0.997, "state machine"
    )
    episodes = document["episodes"]
    if episodes["judged"]:
        share = episodes["excluded"] / episodes["judged"]
        yield _alone("hypotension episodes excluded", share, episodes["judged"], "at most", 0.0)


def _side(document: Mapping[str, Any]) -> Iterator[Goal]:
    lofo = document["families"].get("all", {})
    note = "the family and its look-alikes never learnt"
    yield _goal("a family left out, strong, within 2 h", lofo.get("strong_2h"), "at least", 0.97, SHARE, note)
    yield _goal("a family left out, medium, within 12 h", lofo.get("medium_12h"), "at least", 0.80, SHARE, note)
    by_name = {row["name"]: row for row in document["ablations"]}
    gain = by_name.get("without the Bi-LSTM", {}).get("equal", {}).get("difference", {}).get("medium_12h")
    note = "paired, at equal false exclusions"
    yield _goal("what the Bi-LSTM adds, medium, within 12 h", gain, "at least", 0.04, POINTS, note)
    slow = [row for row in document["slow"] if row["ramp_days"] <= 2 and not row["attack"].startswith("level")]
    excluded = float(np.mean([row["last_day_excluded"] for row in slow])) if slow else math.nan
    number = sum(row["n"] for row in slow)
    yield _alone(
        "slow noise and scaling over 1 and 2 days: share of the day at full strength excluded", excluded, number, "at least", 0.90
    )  # fmt: skip


def _others(document: Mapping[str, Any]) -> Iterator[Goal]:
    simulated = document["simulated"]
    if not simulated:
        return
    total = simulated["deteriorations"]
    share = simulated["deteriorations_excluded"] / total if total else math.nan
    yield _alone("simulated deteriorations excluded", share, total, "at most", 0.01)
    whole = simulated["kinds"]["whole numbers"]
    note = "simulated patients"
    yield _goal(
        "monitors in whole numbers: core, strong, within 2 h", whole["core"]["strong_2h"], "at least", 0.95, SHARE, note
    )
    yield _goal("monitors in whole numbers: false exclusions", whole["false_exclusions"], "at most", 0.3, A_WEEK, note)


def _goal(
    name: str, record: Mapping[str, float] | None, direction: Direction, wanted: float, unit: str, note: str = ""
) -> Goal:
    estimate = Estimate(**record) if record else UNKNOWN
    return Goal(name, estimate.value, (estimate.low, estimate.high), estimate.n, direction, wanted, unit, note)


def _alone(name: str, value: float, n: float, direction: Direction, wanted: float, note: str = "") -> Goal:
    return Goal(name, value, (math.nan, math.nan), n, direction, wanted, SHARE, note)
