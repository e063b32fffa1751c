"""How the finished detector fares on a third cohort: attacks found in time, clean devices left alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from contracts.verdicts import DeviceProfile
from detectors.device_state import VOTE_LIMIT
from detectors.preprocessing import Rows
from detectors.training.calibration import Model
from detectors.training.cohort import AttackCase, Injector, Stay
from detectors.training.fleet import Judged, false_rate, judge_enrolled, profile_after
from detectors.training.series import ENROLMENTS_MIN, rows_of

WITHIN_MIN: Final = (120, 240, 720)
EARLIEST_ONSET_MIN: Final = 720
LATEST_ONSET_MIN: Final = 1080
ATTACKED_DEVICES: Final = 48

Report = Callable[[float, str], None]


def evaluate(
    test: Sequence[Stay], cases: Sequence[tuple[str, str]], inject: Injector, model: Model, seed: int, report: Report
) -> dict[str, Any]:
    """Return detection by attack and level (share found within 2, 4, 12 h of the onset) and false exclusions.

    Devices enrol for 10 hours; onsets are random, 12 to 18 hours in. An attack counts as found at a decision with a vote above
    the limit.
    """
    rows = [rows_of(stay.recording) for stay in test]
    profiles = [profile_after(each, ENROLMENTS_MIN[0], model) for each in rows]
    clean = [judge_enrolled(each, profile, model) for each, profile in zip(rows, profiles, strict=True)]
    report(1 / (len(cases) + 1), "clean devices judged")
    detection: dict[str, Any] = {}
    stable = [pair for pair in zip(test, profiles, strict=True) if not pair[0].deteriorating.any()]
    for index, (name, level) in enumerate(cases):
        found = _found_after(stable[:ATTACKED_DEVICES], name, level, inject, model, seed)
        detection[f"{name} {level}"] = _summary(found)
        report((index + 2) / (len(cases) + 1), f"{name} {level}: {np.mean(found <= WITHIN_MIN[0]):.0%} within 2 h")
    return {"false_exclusions": _false_exclusions(test, clean, model), "detection": detection}


def found_after_min(judged: Judged, onset_event_minute: int, threshold: float) -> float:
    """Return the minutes from the onset to the first decision with a vote above the limit; infinity when there is none."""
    voted = judged.event_minute[judged.decisions() & (judged.share(threshold) > VOTE_LIMIT)]
    after = voted[voted >= onset_event_minute]
    return float(after[0] - onset_event_minute) if len(after) else np.inf


def _found_after(
    devices: Sequence[tuple[Stay, DeviceProfile]],
    name: str,
    level: str,
    inject: Injector,
    model: Model,
    seed: int,
) -> np.ndarray[Any, np.dtype[np.float64]]:
    rng = np.random.default_rng([seed, *name.encode(), *level.encode()])
    found = []
    for stay, profile in devices:
        onset = int(rng.integers(EARLIEST_ONSET_MIN, LATEST_ONSET_MIN))
        case = AttackCase(name, level, onset, WITHIN_MIN[-1], int(rng.integers(1 << 31)))
        attacked = np.stack(inject(stay.recording, case), axis=-1)
        judged = judge_enrolled(_until(rows_of(stay.recording, attacked), stay, onset), profile, model)
        found.append(found_after_min(judged, stay.recording.first_event_minute + onset, model.population.threshold))
    return np.array(found)


def _until(rows: Rows, stay: Stay, onset_min: int) -> Rows:
    """Cut the rows at the end of the attack: what comes later cannot be a detection."""
    end = np.searchsorted(rows.event_minute, stay.recording.first_event_minute + onset_min + WITHIN_MIN[-1] + 1)
    return Rows(rows.values[:end], rows.event_minute[:end], rows.interpolated[:end])


def _summary(found: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float | int | None]:
    median = float(np.median(found))
    shares = {f"within_{limit // 60}_h": round(float(np.mean(found <= limit)), 4) for limit in WITHIN_MIN}
    return {"devices": len(found), **shares, "median_min": median if np.isfinite(median) else None}


def _false_exclusions(test: Sequence[Stay], clean: Sequence[Judged], model: Model) -> dict[str, Any]:
    ill = np.array([bool(stay.deteriorating.any()) for stay in test])
    report: dict[str, Any] = {}
    for name, chosen in (("all", np.ones(len(ill), bool)), ("deteriorating", ill), ("stable", ~ill)):
        fleet = [judged for judged, take in zip(clean, chosen, strict=True) if take]
        episodes, rate = false_rate(fleet, model.population.threshold, VOTE_LIMIT)
        days = sum(len(judged.event_minute) for judged in fleet) / 1440
        report[name] = {
            "devices": len(fleet),
            "device_weeks": round(days / 7, 2),
            "episodes": episodes,
            "per_device_week": round(rate, 4),
            "devices_with_any": sum(
                bool(len(judged.crossings(model.population.threshold, VOTE_LIMIT))) for judged in fleet
            ),
        }
    return report
