"""Attacks that reach the heart rate only, on devices whose PULSE tells it: minutes from a gap of 5 bpm to the exclusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.training.cohort import AttackCase
from experiments.grid_cells import share_within
from experiments.grid_inject import inject_heart_rate
from experiments.grid_intervals import Estimate
from experiments.grid_judges import MindJudge
from experiments.grid_protocol import Case
from experiments.grid_rulings import delay_of
from experiments.grid_traces import AttackPlan, Workbench, attacked_set
from replay.recording import Recording

STAGE: Final = "with PULSE"
ATTACKS: Final = ("backdoor-1", "bias")
GAP_BPM: Final = 5.0
WITHIN_MIN: Final = 60
PRESENT_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class PulseOutcome:
    """One device: minutes from the 5 bpm gap to the exclusion by any vote and by the pulse vote alone (infinity: never).

    Only devices whose PULSE was there for half of the hour after the gap are counted.
    """

    case: Case
    tenths: bool
    delay_min: float
    pulse_delay_min: float


def pulse_cases() -> tuple[Case, ...]:
    """Return the attacks and levels that reach a gap of 5 bpm at all."""
    return (
        *(("backdoor-1", level) for level in ("subtle", "medium", "strong")),
        ("bias", "medium"),
        ("bias", "strong"),
    )


def pulse_outcomes(
    bench: Workbench, name: str, recordings: Sequence[Recording], judge: MindJudge, plan: AttackPlan, *, tenths: bool
) -> list[PulseOutcome]:
    """Attack the heart rate of devices that have PULSE, and judge them."""
    made = attacked_set(bench, STAGE, name, recordings, plan, tenths=tenths)
    traces = made.traces(bench.work)
    found = []
    for place, attacked in enumerate(traces):
        recording = recordings[place // len(plan.cases)]
        onset_min = attacked.onset_event_minute - recording.first_event_minute
        gap_min = _gap_after(recording, attacked.case, onset_min, plan.minutes)
        if gap_min is None or not _present(recording, onset_min + gap_min):
            continue
        judged = judge.judged(attacked.trace)
        gap_at = attacked.onset_event_minute + gap_min
        any_vote, _ = delay_of(judged, gap_at, judge.threshold, judge.kinds)
        by_pulse, _ = delay_of(judged, gap_at, judge.threshold, ("pulse",))
        # A device that is excluded by the time the gap opens was found in time.
        found.append(PulseOutcome(attacked.case, tenths, *np.nan_to_num((any_vote, by_pulse), nan=0.0, posinf=np.inf)))
    return found


def within_an_hour(outcomes: Sequence[PulseOutcome], *, pulse_alone: bool = False) -> Estimate:
    """Return the share excluded within 60 minutes of the gap."""
    delays = np.array([one.pulse_delay_min if pulse_alone else one.delay_min for one in outcomes])
    return share_within(delays, WITHIN_MIN / 60)


def _gap_after(recording: Recording, case: Case, onset_min: int, minutes: int) -> int | None:
    """Minutes from the onset until the heart rate is 5 bpm from what it was."""
    heart, _ = inject_heart_rate(recording, AttackCase(*case, onset_min, minutes, 0))
    moved = np.abs(heart - recording.heart_rate_bpm)[onset_min:]
    at = np.flatnonzero(moved >= GAP_BPM - 1e-6)
    return int(at[0]) if len(at) else None


def _present(recording: Recording, minute: int) -> bool:
    assert recording.pulse_bpm is not None
    hour = recording.pulse_bpm[minute : minute + WITHIN_MIN]
    return bool(len(hour)) and float(np.isfinite(hour).mean()) >= PRESENT_SHARE
