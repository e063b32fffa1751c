"""The dashboard *Devices*: who is benign, and why the others are not."""

from __future__ import annotations

from typing import Final

from monitoring.dashboards.page import Mark, page
from monitoring.dashboards.panels import (
    ALARM,
    CALM,
    PLAIN,
    WARNING,
    About,
    AnyPanel,
    Query,
    alert_limit,
    lines,
    number,
    states,
)

# The codes of the recording rule fedsecure:device_state:code.
STATES: Final = (
    (1, "benign", "#009E73"),
    (2, "enrolling", "#56B4E9"),
    (3, "unscored", PLAIN),
    (4, "probation", "#F0E442"),
    (5, "suspect", WARNING),
    (6, "quarantined", ALARM),
    (7, "invalid_input", "#CC79A7"),
)
MARKS: Final = (
    Mark(
        "Quarantined",
        'ALERTS{alertname="DeviceQuarantined", alertstate="firing", device=~"$device"}',
        ALARM,
        "{{device}} quarantined",
        "Why, and what to do: docs/runbook.md#devicequarantined",
    ),
    Mark("New model", "changes(fedsecure_global_round[15s]) > 0", CALM, "new global model", "A round was committed."),
)
BY_DEVICE: Final = '{device=~"$device"}'


def devices() -> str:
    """Return the dashboard as JSON."""
    return page(
        "fedsecure-devices",
        "FedSecure: devices",
        "The state of every device, its scores against its threshold, and how long it has been silent.",
        [("Now", _now()), ("State", [_timeline()]), ("Scores", [*_scores(), *_shares()]), ("Data", _data())],
        MARKS,
    )


def _now() -> list[AnyPanel]:
    return [
        number(
            About("Devices by state", "How many devices the workers hold in each state.", "short", width=12, height=4),
            Query("sum by (state) (fedsecure_devices)", "{{state}}"),
            colours={word: colour for _, word, colour in STATES},
        ),
        number(
            About(
                "Not benign",
                "Share of the enrolled devices that are not benign.",
                "percentunit",
                alert="DevicesNotBenign",
                width=4,
                height=4,
            ),
            Query("fedsecure:devices:not_benign_share", "not benign"),
        ),
        number(
            About("Silent", "Devices that have been silent for longer than they may be.", "short", width=4, height=4),
            Query("sum(fedsecure_stale_devices)", "silent"),
        ),
        number(
            About(
                "Asked to train", "Devices that were asked to the latest federated round.", "short", width=4, height=4
            ),
            Query("max(fedsecure_round_cohort_devices)", "asked"),
        ),
    ]


def _timeline() -> AnyPanel:
    return states(
        About(
            "State of every device",
            "One bar a device; only a benign device trains. Above FEDSECURE_MAX_DEVICE_SERIES devices a worker names none.",
            "short",
            width=24,
            height=9,
        ),
        Query(f"fedsecure:device_state:code{BY_DEVICE}", "{{device}}"),
        STATES,
    )


def _scores() -> list[AnyPanel]:
    return [
        lines(
            About(
                "Scores and thresholds",
                "The latest score of each device, and dashed the threshold of its own; 1 = would exclude a clean device "
                "once in ten weeks, 2 = in a hundred.",
                "none",
            ),
            Query(f"max by (device) (fedsecure_device_score{BY_DEVICE})", "{{device}}"),
            Query(f"max by (device) (fedsecure_device_threshold{BY_DEVICE})", "{{device}} threshold", dashed=True),
            smallest=None,
        ),
        lines(
            About(
                "Score above threshold",
                "Score less threshold: above 0 the latest decision is a flag.",
                "none",
                limit=0.0,
            ),
            Query(
                f"max by (device) (fedsecure_device_score{BY_DEVICE} - fedsecure_device_threshold{BY_DEVICE})",
                "{{device}}",
            ),
            smallest=None,
        ),
    ]


def _shares() -> list[AnyPanel]:
    return [
        lines(
            About(
                "Flagged share",
                "Largest share of flagged decisions of any kind of score; more than half excludes the device.",
                "percentunit",
                limit=0.5,
            ),
            Query(f"max by (device) (fedsecure_device_flagged_share{BY_DEVICE})", "{{device}}"),
        ),
        lines(
            About(
                "Middle of all scores",
                "Median score of all windows, of the last hour and of the last day: apart by more than "
                f"{alert_limit('ScoreDrift'):g} for half an hour, ScoreDrift fires (docs/runbook.md).",
                "none",
            ),
            Query("fedsecure:score:median_1h", "last hour"),
            Query("fedsecure:score:median_1d", "last day", dashed=True),
            smallest=None,
        ),
    ]


def _data() -> list[AnyPanel]:
    return [
        lines(
            About(
                "Time since last sample",
                "Wall time since the last judged record of each device, and dashed how long it may be silent: beyond that, "
                "DeviceSilent fires (docs/runbook.md).",
                "s",
            ),
            Query(f"fedsecure:device_silence:seconds{BY_DEVICE}", "{{device}}"),
            Query(
                f"max by (device) (fedsecure_device_stale_after_seconds{BY_DEVICE})", "{{device}} limit", dashed=True
            ),
        ),
        lines(
            About(
                "Flagged windows",
                "Share of all scored windows of the last hour that were above their device's threshold.",
                "percentunit",
            ),
            Query("fedsecure:windows:flagged_share_1h", "flagged"),
        ),
    ]
