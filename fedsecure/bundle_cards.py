"""What a bundle's card says of the patients who taught it and of the sites that signed it off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from contracts.event_time import from_event_minute
from detectors.bundle.bundle import Bundle
from detectors.training.sites.calibration import Peak, SiteCalibration
from experiments.evaluation.results.detection_rates import rate

RECORD: Final = "site_calibrations"
STEP: Final = 0.1
BELOW: Final = 3
ABOVE: Final = 5


@dataclass(frozen=True, slots=True)
class SiteDevices:
    """Whose recordings they were, by device id: all that were judged, those too short to be, those who taught the bundle."""

    judged: Sequence[str]
    short: Sequence[str]
    known: Sequence[str]


def reference_populations(bundle: Bundle) -> list[dict[str, Any]]:
    """Return what the card says of the patients who taught a bundle, by population. Nothing where it is silent."""
    return list(bundle.metadata.get("data", {}).get("references", []))


def reference_names(bundle: Bundle) -> set[str]:
    """Return the device ids of those who taught it: it judges them too well."""
    return {name for population in reference_populations(bundle) for name in population["enrolled_min"]}


def figures_at(calibration: SiteCalibration, threshold: float) -> dict[str, float]:
    """Return the false exclusions at a threshold: how many, a device-week with its Poisson interval, on how many devices."""
    peaks = calibration.excluded(threshold)
    a_week = rate(len(peaks), calibration.weeks)
    return {
        "threshold": round(threshold, 4),
        "false_exclusions": len(peaks),
        "a_week": round(a_week.value, 3),
        "low": round(a_week.low, 3),
        "high": round(a_week.high, 3),
        "devices": len({peak.device_id for peak in peaks}),
    }


def thresholds_shown(calibration: SiteCalibration) -> list[float]:
    """Return the thresholds that people see: the one before, the one after, and steps of .1 around them, rising."""
    low, high = sorted((calibration.before, calibration.after))
    steps = range(round(low / STEP) - BELOW, round(high / STEP) + ABOVE + 1)
    return sorted({*(round(step * STEP, 1) for step in steps if step > 0), low, high})


def card_record(calibration: SiteCalibration, devices: SiteDevices, base: Bundle, by: str) -> dict[str, Any]:
    """Return what stands on the card of the bundle that `by` signs off. Equal for equal recordings."""
    return {
        "base": base.sha256,
        "signed_off_by": by,
        "decision": calibration.decision,
        "budget": calibration.budget,
        "device_days": round(calibration.days, 1),
        "devices": list(devices.judged),
        "too_short": list(devices.short),
        "taught_the_bundle": list(devices.known),
        "before": figures_at(calibration, calibration.before),
        "after": figures_at(calibration, calibration.after),
    }


def full_record(calibration: SiteCalibration, card: dict[str, Any]) -> dict[str, Any]:
    """Return the card's record with the figures at other thresholds, and when each false exclusion was and what fired."""
    by_threshold = [figures_at(calibration, threshold) for threshold in thresholds_shown(calibration)]
    before = calibration.before
    excluded = [
        {
            "device_id": peak.device_id,
            "observed_at": observed_at(peak),
            "score": round(peak.score, 3),
            "fired": peak.fired(before),
            "excluded_after": peak.is_over(calibration.after),
        }
        for peak in calibration.excluded(min(before, calibration.after))
    ]
    return {**card, "by_threshold": by_threshold, "excluded": excluded}


def observed_at(peak: Peak) -> str:
    """Return the minute of a peak, UTC."""
    return f"{from_event_minute(peak.event_minute):%Y-%m-%dT%H:%MZ}"


def signed_off(base: Bundle, calibration: SiteCalibration, record: dict[str, Any]) -> Bundle:
    """Return the bundle with the threshold of a calibration. Nothing else in it changes, and its card says so."""
    parameters = replace(base.parameters, threshold=calibration.after)
    earlier = list(base.metadata.get(RECORD, []))
    return Bundle(parameters, {**base.metadata, RECORD: [*earlier, record]}, base.canary)
