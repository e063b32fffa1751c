"""Judges: what turns a trace into votes, under limits found on clean devices at one budget, whoever the judge is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.common_scale import CommonScale, Series, fit_common_scale, vote_values
from detectors.knowledge import Situation
from detectors.model import on_common_scale
from detectors.scorer import SCORED_KINDS
from detectors.training.calibration import FALSE_EXCLUSIONS_A_WEEK, lowest_threshold
from detectors.training.judging import GUARDS, Judged, judge, raw_scores
from detectors.training.traces import Trace
from detectors.votes import KINDS

Floats = NDArray[np.float32]
Networks = Mapping[str, Mapping[str, Floats]]

LOWEST_G: Final = -9.0
MUTE: Final = CommonScale((0.0, 1.0), (LOWEST_G, LOWEST_G))  # of a score that says nothing: below every threshold
TOO_FEW_VALUES: Final = 3


class Judge(Protocol):
    """Judges traces; `kinds` are the votes that count and `threshold` their limit."""

    @property
    def kinds(self) -> tuple[str, ...]: ...
    @property
    def threshold(self) -> float: ...

    def judged(self, trace: Trace) -> Judged:
        """Return the votes on a trace."""
        ...


@dataclass(frozen=True, slots=True)
class Mind:
    """What scores a trace: surprise tables, networks, the places of features that it does not look at, the votes it casts."""

    tables: Mapping[str, Floats]
    networks: Networks
    ignored: tuple[int, ...] = ()
    kinds: tuple[str, ...] = tuple(KINDS)

    def raw(self, trace: Trace) -> Floats:
        """Return raw scores float32[k, 5] in the order of `SCORED_KINDS`."""
        return raw_scores(self.tables, self.networks, trace, self.ignored)


@dataclass(frozen=True, slots=True)
class MindJudge:
    """A mind with the situation that it was calibrated for."""

    mind: Mind
    situation: Situation

    @property
    def kinds(self) -> tuple[str, ...]:
        return self.mind.kinds

    @property
    def threshold(self) -> float:
        return self.situation.threshold

    def judged(self, trace: Trace) -> Judged:
        """Return the votes on a trace."""
        return self.with_scores(trace)[0]

    def with_scores(self, trace: Trace) -> tuple[Judged, NDArray[np.float64]]:
        """Return the votes, and each decision's largest score on the common scale float64[k], guards left out."""
        raw = self.mind.raw(trace)
        g = on_common_scale(raw, self.situation.scales)
        counted = [place for place, kind in enumerate(SCORED_KINDS) if kind in self.mind.kinds]
        largest = np.fmax.reduce(g[:, counted], axis=1, initial=LOWEST_G).astype(np.float64)
        return judge(trace, raw, self.situation.scales), largest


@dataclass(frozen=True, slots=True)
class ScoreJudge:
    """A single score a decision, voted on over two hours as the networks of the hour are; no guards."""

    score: Scorer
    scale: CommonScale
    threshold: float
    kinds: tuple[str, ...] = ("hour",)

    def judged(self, trace: Trace) -> Judged:
        """Return the votes on a trace."""
        return _voted(trace, self.scale.of(self.score(trace)))


class Scorer(Protocol):
    """Scores every decision of a trace, float32[k], higher = more anomalous; NaN: no score."""

    def __call__(self, trace: Trace) -> Floats: ...


def calibrated_mind(mind: Mind, fleet: Sequence[Trace], budget: float = FALSE_EXCLUSIONS_A_WEEK) -> MindJudge:
    """Return the mind with scales and threshold found on a clean fleet, as training finds them."""
    usable = [trace for trace in fleet if len(trace)]
    return calibrated_raws(mind, usable, [mind.raw(trace) for trace in usable], budget)


def calibrated_raws(mind: Mind, fleet: Sequence[Trace], raws: Sequence[Floats], budget: float) -> MindJudge:
    """Return the same from raw scores that are known already."""
    scales = {}
    for place, kind in enumerate(SCORED_KINDS):
        series = [Series(trace.block, raw[:, place]) for trace, raw in zip(fleet, raws, strict=True)]
        scales[kind] = common_scale(series, kind) if kind in mind.kinds else MUTE
    judged = [judge(trace, raw, scales) for trace, raw in zip(fleet, raws, strict=True)]
    counted = [kind for kind in mind.kinds if kind not in GUARDS]
    return MindJudge(mind, Situation(scales, lowest_threshold(judged, budget, counted)))


def calibrated_score(score: Scorer, fleet: Sequence[Trace], budget: float = FALSE_EXCLUSIONS_A_WEEK) -> ScoreJudge:
    """Return a single score with scale and threshold found on a clean fleet."""
    usable = [trace for trace in fleet if len(trace)]
    found = [score(trace) for trace in usable]
    series = [Series(trace.block, one) for trace, one in zip(usable, found, strict=True)]
    scale = common_scale(series, "hour")
    judged = [_voted(trace, scale.of(one)) for trace, one in zip(usable, found, strict=True)]
    return ScoreJudge(score, scale, lowest_threshold(judged, budget, ("hour",)))


def common_scale(fleet: Sequence[Series], kind: str) -> CommonScale:
    """Return the map to the common scale; of a score that is hardly ever known or never changes, one that mutes it."""
    votes = np.concatenate([vote_values(series, KINDS[kind]) for series in fleet])
    finite = votes[np.isfinite(votes)]
    return MUTE if len(np.unique(finite)) < TOO_FEW_VALUES else fit_common_scale(fleet, kind)


def _voted(trace: Trace, g: Floats) -> Judged:
    return Judged(trace.block, {"hour": vote_values(Series(trace.block, g), KINDS["hour"])})
