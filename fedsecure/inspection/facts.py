"""What a recording is good for: its gaps, ranges and artefacts, its usable windows, and whether a device can enrol on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.event_time import from_event_minute
from contracts.identifiers import shown_as
from detectors.engine.model import Model
from detectors.minutes.cleaning import HIGHEST, LOWEST, CleanMinutes, clean, usable_minutes
from detectors.minutes.sampling import too_sparse
from detectors.minutes.windows import LEAST_USABLE_SHARE, WINDOW_MIN, usable_decisions, usable_window_ends
from fedsecure.inspection.references import Difference, differences
from replay.recording import Recording, Vitals

ENROLMENTS_H: Final = (10, 24)
HOURLY: Final = "charted about hourly, not measured every minute"
STILL_SHARE: Final = 0.5
TITLES: Final = {"heart_rate_bpm": "heart rate", "resp_rate_bpm": "respiratory rate", "pulse_bpm": "pulse"}
RANKS: Final = (0, 5, 50, 95, 100)
NO_RANKS: Final[list[float | None]] = [None] * len(RANKS)
DECIMALS: Final = 3
LIMIT_OF: Final = {"heart_rate_bpm": 0, "resp_rate_bpm": 1, "pulse_bpm": 0}


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """One channel's measured values (per minute, None without any), and how many of them no patient has.

    `repeated_share` is the share of measured minutes after a measured one that show the same value again.
    """

    missing_share: float
    minimum: float | None
    p5: float | None
    median: float | None
    p95: float | None
    maximum: float | None
    artefacts_below: int
    artefacts_above: int
    repeated_share: float


@dataclass(frozen=True, slots=True)
class GapFacts:
    """The runs of minutes in which heart or respiratory rate is missing or an artefact (medians of nothing are None)."""

    count: int
    median_min: float | None
    longest_min: int


@dataclass(frozen=True, slots=True)
class EnrolmentFacts:
    """Whether a device can learn its own profile from the recording: `after_min` minutes in, or `why` not."""

    hours: int
    usable: bool
    after_min: int | None
    why: str


@dataclass(frozen=True, slots=True)
class RecordingFacts:
    """Everything that `fedsecure inspect` says of a recording. `start` is in UTC, `windows_possible` if nothing missed.

    `interval_min` is the usual distance between measured minutes; `sparse` says why they are too few to be judged ("": they
    are not).
    """

    device_id: str
    label: str | None
    source: str
    charted: bool
    start: str
    minutes: int
    grid_bpm: str
    valid_minutes: int
    missing_share: float
    longest_run_min: int
    interval_min: int
    sparse: str
    gaps: GapFacts
    channels: dict[str, ChannelFacts]
    windows: int
    windows_possible: int
    enrolments: tuple[EnrolmentFacts, ...]
    cautions: tuple[str, ...]
    unlike_references: tuple[Difference, ...] = ()

    @property
    def name(self) -> str:
        """The device as people are told of it."""
        return shown_as(self.device_id, self.label)

    @property
    def artefacts(self) -> int:
        """Values that no patient has, over all channels."""
        return sum(facts.artefacts_below + facts.artefacts_above for facts in self.channels.values())


def inspect_recording(recording: Recording, model: Model | None = None) -> RecordingFacts:
    """Return the facts of a recording, and with a detector's model how it differs from its reference patients."""
    heart, breath = recording.heart_rate_bpm, recording.resp_rate_bpm
    valid = usable_minutes(heart, breath)
    gaps = runs(~valid)[:, 1] - runs(~valid)[:, 0]
    kept = runs(valid)[:, 1] - runs(valid)[:, 0]
    channels = {name: _channel(name, values) for name, values in recording.channels().items()}
    minutes = clean(recording.first_event_minute, heart, breath)
    ends = usable_window_ends(minutes)
    interval_min = usual_interval_min(valid)
    sparse = "" if recording.charted else _sparse(minutes, interval_min, float(valid.mean()))
    return RecordingFacts(
        device_id=recording.device_id,
        label=recording.label,
        source=recording.origin,
        charted=recording.charted,
        start=f"{from_event_minute(recording.first_event_minute):%Y-%m-%dT%H:%MZ}",
        minutes=recording.minutes,
        grid_bpm=recording.grid_text,
        valid_minutes=int(valid.sum()),
        missing_share=float(1 - valid.mean()),
        longest_run_min=int(kept.max(initial=0)),
        interval_min=interval_min,
        sparse=sparse,
        gaps=GapFacts(len(gaps), float(np.median(gaps)) if len(gaps) else None, int(gaps.max(initial=0))),
        channels=channels,
        windows=int((~too_sparse(minutes.observed, ends)).sum()),
        windows_possible=max(0, recording.minutes - WINDOW_MIN + 1),
        enrolments=tuple(_enrolment(hours, valid, HOURLY if recording.charted else sparse) for hours in ENROLMENTS_H),
        cautions=() if recording.charted else tuple(_cautions(channels)),
        unlike_references=() if recording.charted or model is None else differences(model, recording),
    )


def runs(true_at: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return int64[k, 2]: the start and the end (exclusive) of every run of True."""
    edges = np.diff(np.concatenate([[0], true_at.astype(np.int8), [0]]))
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)], axis=1)


def length_text(minutes: int) -> str:
    """Return a length as people say it: `45 min`, `21 h 55 min`, `3 d 4 h`."""
    days, rest = divmod(minutes, 1440)
    hours, left = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {left} min" if hours else f"{left} min"


def usual_interval_min(measured: NDArray[np.bool_]) -> int:
    """Return the median distance between measured minutes bool[m], 1 with fewer than three of them."""
    at = np.flatnonzero(measured)
    return int(np.median(np.diff(at))) if len(at) > 2 else 1


def _sparse(minutes: CleanMinutes, interval_min: int, measured_share: float) -> str:
    """Say that fewer minutes are measured than the detector needs to judge half of what it is asked ("": enough)."""
    if interval_min > 1:
        return f"a value every {interval_min} minutes ({measured_share:.0%} of the minutes measured)"
    usable = usable_decisions(minutes)
    if len(usable) and usable.mean() < LEAST_USABLE_SHARE:
        return f"most minutes far from the next ({measured_share:.0%} of the minutes measured)"
    return ""


def _channel(name: str, values: Vitals) -> ChannelFacts:
    lowest, highest = LOWEST[LIMIT_OF[name]], HIGHEST[LIMIT_OF[name]]
    measured = values[~np.isnan(values)]
    steps = np.diff(values)
    steps = steps[~np.isnan(steps)]
    ranks = [round(value, DECIMALS) for value in np.percentile(measured, RANKS).tolist()] if len(measured) else NO_RANKS
    minimum, p5, median, p95, maximum = ranks
    return ChannelFacts(
        missing_share=float(np.isnan(values).mean()),
        minimum=minimum,
        p5=p5,
        median=median,
        p95=p95,
        maximum=maximum,
        artefacts_below=int((measured < lowest).sum()),
        artefacts_above=int((measured > highest).sum()),
        repeated_share=float((steps == 0).mean()) if len(steps) else 0.0,
    )


def _enrolment(hours: int, valid: NDArray[np.bool_], too_few: str) -> EnrolmentFacts:
    """As the detector enrols: on as many valid minutes as the hours have, wherever they lie, unless `too_few` says why not."""
    needed, there = 60 * hours, int(valid.sum())
    if too_few:
        return EnrolmentFacts(hours, False, None, too_few)
    if there < needed:
        return EnrolmentFacts(hours, False, None, f"{there:,} of {needed:,} valid minutes")
    return EnrolmentFacts(hours, True, int(np.searchsorted(np.cumsum(valid), needed)) + 1, "")


def _cautions(channels: dict[str, ChannelFacts]) -> list[str]:
    """What makes a device's own profile doubtful: a paced heart or a ventilator stands still, and so do some attacks."""
    return [
        f"{TITLES[name]} mostly repeats the minute before (paced or ventilated?)"
        for name, facts in channels.items()
        if name != "pulse_bpm" and facts.repeated_share > STILL_SHARE
    ]
