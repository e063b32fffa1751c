"""The trained detector as one object: load a bundle, judge whole recordings, or hand it to the live engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from contracts.messages.verdicts import RuleName
from detectors.bundle.bundle import DEFAULT_BUNDLE, Bundle, bundle_of, load_bundle
from detectors.decisions.common_scale_rule import COMMON_SCALE
from detectors.decisions.paper_fig3_rule import PAPER_FIG3
from detectors.decisions.rule import Rule
from detectors.engine.chunks import Channel, MinuteChunk, Verdicts, piece_of
from detectors.engine.engine import DetectionEngine
from detectors.engine.model import Model

RULES: Final[Mapping[str, Rule]] = MappingProxyType({rule.name: rule for rule in (COMMON_SCALE, PAPER_FIG3)})


def rule_named(name: str) -> Rule:
    """Return the rule, or raise Misconfigured with the names that there are.

    >>> rule_named("paper-fig3").margin
    0.0
    """
    if name not in RULES:
        raise Misconfigured(f"there is no decision rule {name!r}; there are: {', '.join(RULES)}")
    return RULES[name]


DEFAULT_ENROLMENT_MIN: Final = 600
MINUTES_AT_ONCE: Final = 1024
"""Of each recording: what a batch needs in memory beside the recordings and their verdicts."""


@dataclass(frozen=True, slots=True)
class Detector:
    """A trained model. Owned by one thread: scoring blocks and uses the model's buffers.

    >>> import numpy as np
    >>> heart, breath = np.random.default_rng(0).normal((80, 16), (3, 1), (800, 2)).T.round(1)
    >>> verdicts = Detector.load().score("bed-1", 0, heart, breath)
    >>> bool(np.isfinite(verdicts.score[-1])), len(verdicts.score)
    (False, 800)
    """

    model: Model

    @property
    def bundle_sha(self) -> str:
        """Names the bundle in every score."""
        return self.model.bundle_sha

    @classmethod
    def load(cls, bundle_dir: Path | None = None, *, rule: RuleName = "common-scale") -> Detector:
        """Load a bundle (None: the one that ships). Raises Misconfigured when it is not intact.

        `rule` says how scores become votes: on the common scale, or as in the paper's Fig. 3 (`decisions`).
        """
        return cls.of(load_bundle(bundle_dir or DEFAULT_BUNDLE), rule=rule)

    @classmethod
    def of(cls, bundle: Bundle, *, rule: RuleName = "common-scale") -> Detector:
        """Return the detector of a bundle. `rule` as in `load`."""
        return cls(Model(bundle.parameters, rule_named(rule), bundle.sha256))

    def score(
        self,
        device_id: str,
        first_event_minute: int,
        heart_rate_bpm: Channel,
        resp_rate_bpm: Channel,
        *,
        pulse_bpm: Channel | None = None,
        enrolment_min: int = DEFAULT_ENROLMENT_MIN,
    ) -> Verdicts:
        """Judge a recording of consecutive minutes (None, NaN or zero: missing) from its start.

        The verdicts equal those of the live engine, however it got the same minutes: it is the same engine. The profile
        is frozen after `enrolment_min` valid minutes.
        """
        chunk = MinuteChunk(device_id, 0, first_event_minute, heart_rate_bpm, resp_rate_bpm, pulse_bpm)
        engine = DetectionEngine(self.model, enrolment_min=enrolment_min)
        engine.open(device_id, None)
        return engine.apply([chunk])[0]

    def score_together(
        self, recordings: Sequence[MinuteChunk], *, enrolment_min: int = DEFAULT_ENROLMENT_MIN
    ) -> Iterator[tuple[int, MinuteChunk, Verdicts]]:
        """Judge whole recordings of distinct devices side by side, which takes less time than one after the other.

        Yields the place of a recording, some minutes of it and the verdicts on them. The minutes of a recording come in order,
        and the verdicts are those of `score`. Of a recording only slices are taken.
        """
        engine = DetectionEngine(self.model, enrolment_min=enrolment_min)
        for recording in recordings:
            engine.open(recording.device_id, None)
        start, left = 0, list(range(len(recordings)))
        while left:
            pieces = [piece_of(recordings[place], start, MINUTES_AT_ONCE) for place in left]
            yield from zip(left, pieces, engine.apply(pieces), strict=True)
            start += MINUTES_AT_ONCE
            left = [place for place in left if len(recordings[place].heart_rate_bpm) > start]


def live_engine(settings: Settings, contents: Mapping[str, bytes]) -> DetectionEngine:
    """Return the engine of a bundle's files by name. Raises Misconfigured when they are not a whole bundle that this version runs."""
    detector = Detector.of(bundle_of(contents, "that is in force"), rule=settings.rule)
    return DetectionEngine(
        detector.model, enrolment_min=settings.enrolment_min, max_invalid_in_row=settings.max_invalid_in_row
    )
