"""Judge whole recordings at once with the engine's own steps: freeze a profile, score every minute, count votes.

The batch form of what `detectors.track` does a minute at a time; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.verdicts import DeviceProfile
from detectors.device_state import DECISION_EVERY_MIN
from detectors.preprocessing import Rows
from detectors.scorer import TrainedModel
from detectors.thresholds import freeze_profile, yardstick
from detectors.training.series import Scale, each, enrolment_rows, first_rows, windows_between
from detectors.votes import FEWEST_SCORED, HORIZON_MIN

WEEK_MIN: Final = 7 * 1440
APART_MIN: Final = 240


@dataclass(frozen=True, slots=True)
class Judged:
    """Scores of one device in one situation: `event_minute` int64[k] rising, `score` float64[k], own threshold.

    `own_threshold` is the device's own quantile (minus infinity while it enrols); a window is flagged when its score
    lies above both it and the population's threshold.
    """

    event_minute: NDArray[np.int64]
    score: NDArray[np.float64]
    own_threshold: float

    def rescaled(self, mean: float, sd: float) -> Judged:
        """Return the same device on another scale of scores: (score - mean)/sd."""
        return Judged(self.event_minute, (self.score - mean) / sd, (self.own_threshold - mean) / sd)

    def flagged(self, threshold: float) -> NDArray[np.bool_]:
        """Return which windows are flagged under a population threshold."""
        return self.score > max(threshold, self.own_threshold)

    def share(self, threshold: float) -> NDArray[np.float64]:
        """Return the vote (share of flagged windows over the last 120 event minutes) after each scored minute."""
        flagged = np.concatenate([[0], np.cumsum(self.flagged(threshold))])
        start = np.searchsorted(self.event_minute, self.event_minute - HORIZON_MIN, side="right")
        end = np.arange(1, len(self.event_minute) + 1)
        share: NDArray[np.float64] = (flagged[end] - flagged[start]) / np.maximum(end - start, FEWEST_SCORED)
        return share

    def decisions(self) -> NDArray[np.bool_]:
        """Return which scored minutes are the first of a five-minute block, when votes are taken."""
        block = self.event_minute // DECISION_EVERY_MIN
        return np.diff(block, prepend=block[:1] - 1) > 0

    def crossings(self, threshold: float, limit: float) -> NDArray[np.int64]:
        """Return the event minutes of decisions with a vote above the limit that begin an episode (240 min apart)."""
        minutes = self.event_minute[self.decisions() & (self.share(threshold) > limit)]
        return minutes[np.diff(minutes, prepend=-(1 << 60)) > APART_MIN]


def profile_after(rows: Rows, enrolment_min: int, model: TrainedModel) -> DeviceProfile:
    """Return the profile that the engine freezes when the `enrolment_min`-th valid minute is in."""
    return freeze_profile(first_rows(rows, enrolment_rows(rows, enrolment_min)), model)


def judge_enrolled(rows: Rows, profile: DeviceProfile, model: TrainedModel) -> Judged:
    """Judge the rows that follow the enrolment of `profile`."""
    first = int(np.searchsorted(rows.event_minute, profile.last_event_minute, side="right"))
    return _judge(rows, first, len(rows), profile, model)


def judge_enrolling(rows: Rows, enrolment_min: int, model: TrainedModel) -> Judged:
    """Judge the enrolment itself, under the population's scale."""
    return _judge(rows, 0, enrolment_rows(rows, enrolment_min), None, model)


def false_rate(fleet: Sequence[Judged], threshold: float, limit: float) -> tuple[int, float]:
    """Return (episodes with a vote above the limit, episodes per device-week) under a population threshold."""
    episodes = sum(len(judged.crossings(threshold, limit)) for judged in fleet)
    minutes = sum(len(judged.event_minute) for judged in fleet)
    return episodes, episodes * WEEK_MIN / max(minutes, 1)


def _judge(rows: Rows, first_row: int, end_row: int, profile: DeviceProfile | None, model: TrainedModel) -> Judged:
    stick = yardstick(profile, model.population)
    scale = Scale(np.asarray(stick.median), np.asarray(stick.scale))
    windows = windows_between(rows, scale, first_row, end_row)
    scores = model.scorer.score(windows.z, windows.event_minute, each(stick.residual_rms, len(windows)))
    score = (scores.logit.astype(np.float64) - stick.logit_mean) / stick.logit_sd
    return Judged(windows.event_minute[:, -1], score, profile.threshold if profile else -np.inf)
