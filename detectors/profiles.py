"""A device's profile: all that its enrolment taught, frozen; and the yardstick that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.verdicts import DeviceProfile
from detectors.decision_rules.base import Rule
from detectors.features.catalogue import BOTH, BREATH, FAST, FEATURES, HEART, MINUTE_PART, SLOW_PART
from detectors.featurise import all_features, minute_features
from detectors.guards import PULSE_LIMIT_BPM, pulse_limit_bpm
from detectors.knowledge import ENROLLING, Knowledge, situation_for
from detectors.measure import Measure, measure_rows
from detectors.preprocessing import Rows
from detectors.reading import evidence_of, speak
from detectors.scorer import SCORED_KINDS, Yardstick
from detectors.scoring.runtime import Rebuilding
from detectors.windows import decision_ends, windows_at

Floats = NDArray[np.float32]

FLAT_ABOVE: Final = 0.5
_ALIKE: Final = {feature.channel: place for place, feature in enumerate(FAST) if feature.name == "share_alike"}
_CHANNEL: Final = np.array([feature.channel for feature in FEATURES])


def yardstick_of(profile: DeviceProfile | None, knowledge: Knowledge, rule: Rule) -> Yardstick:
    """Return a device's yardstick: from its profile, or the population's while it has none."""
    if profile is None:
        situation = knowledge.situations[ENROLLING]
        centre, spread = knowledge.expectations[ENROLLING].of_population()
        threshold = rule.threshold(situation, _no_scores)
        return Yardstick(knowledge.population, centre, spread, rule.scales(situation), threshold, PULSE_LIMIT_BPM)
    measure = Measure(
        *(
            np.array(values, np.float32)
            for values in (
                profile.median, profile.scale, profile.difference_sd, profile.grid_bpm, profile.residual_rms
            )
        )
    )  # fmt: skip
    centre, spread = (np.frombuffer(packed, "<f4") for packed in (profile.centre, profile.spread))
    scales = rule.scales(knowledge.situations[profile.situation])
    return Yardstick(measure, centre, spread, scales, profile.threshold, profile.pulse_limit_bpm)


def freeze_profile(
    rows: Rows,
    pulse_medians_bpm: Sequence[float],
    enrolment_min: int,
    reconstructor: Rebuilding,
    knowledge: Knowledge,
    bundle_sha: str,
    rule: Rule,
) -> DeviceProfile:
    """Return the profile learnt from enrolment rows (at least one); blocks for some milliseconds.

    What the enrolment cannot tell, for want of windows, stays as the population expects it. The threshold is what the
    rule makes of the enrolment's scores.
    """
    situation = situation_for(enrolment_min)
    measure, enrolment = enrolment_features(rows, reconstructor, knowledge.population)
    centre, spread = knowledge.expectations[situation].of_device(enrolment, flat_features(enrolment))
    hour_scores = partial(_hour_scores, enrolment, centre, spread, knowledge)
    return DeviceProfile(
        median=_pair(measure.median),
        scale=_pair(measure.scale),
        difference_sd=_pair(measure.difference_sd),
        grid_bpm=_pair(measure.grid_bpm),
        residual_rms=tuple(measure.residual_rms.tolist()),
        centre=centre.astype("<f4").tobytes(),
        spread=spread.astype("<f4").tobytes(),
        pulse_limit_bpm=pulse_limit_bpm(pulse_medians_bpm),
        situation=situation,
        threshold=rule.threshold(knowledge.situations[situation], hour_scores),
        first_event_minute=int(rows.event_minute[0]),
        last_event_minute=int(rows.event_minute[-1]),
        bundle_sha=bundle_sha,
        rule=rule.name,
    )


def enrolment_features(rows: Rows, reconstructor: Rebuilding, population: Measure) -> tuple[Measure, Floats]:
    """Return the device's measure and the raw features float32[n, 184] of its enrolment's decisions."""
    measure = measure_rows(rows)
    windows = windows_at(rows, decision_ends(rows))
    if not len(windows):
        return measure._replace(residual_rms=population.residual_rms), np.empty((0, len(FEATURES)), np.float32)
    _, mean_square = minute_features(reconstructor, windows, [measure])
    rms = np.sqrt(mean_square.astype(np.float64).mean(axis=0)).astype(np.float32)
    measure = measure._replace(residual_rms=rms)
    return measure, all_features(reconstructor, windows, [measure])


def flat_features(enrolment: Floats) -> NDArray[np.bool_]:
    """Return bool[184]: features of a channel of which most minutes of the enrolment were like the one before."""
    if not len(enrolment):
        return np.zeros(len(FEATURES), np.bool_)
    flat = {channel: bool(enrolment[:, place].mean() > FLAT_ABOVE) for channel, place in _ALIKE.items()}
    flat[BOTH] = flat[HEART] or flat[BREATH]
    return np.array([flat[channel] for channel in _CHANNEL], np.bool_)


def _no_scores() -> Floats:
    return np.empty(0, np.float32)


def _hour_scores(enrolment: Floats, centre: Floats, spread: Floats, knowledge: Knowledge) -> Floats:
    """Return the raw scores float32[n] of the hour's networks at the decisions of an enrolment."""
    r, nothing = (enrolment - centre) / spread, np.empty(0, np.int64)
    reading = evidence_of(knowledge.tables, r[:, MINUTE_PART], r[nothing, SLOW_PART], nothing)
    return speak(knowledge.networks, reading)[:, SCORED_KINDS.index("hour")]


def _pair(values: Floats) -> tuple[float, float]:
    return float(values[0]), float(values[1])
