"""The trained detector as one object: load a bundle, judge whole recordings, or hand it to the live engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contracts.rule_names import RuleName
from detectors.bundle import DEFAULT_BUNDLE, Bundle, load_bundle
from detectors.chunks import Channel, MinuteChunk, Verdicts
from detectors.decision_rules.by_name import rule_named
from detectors.scorer import TrainedModel
from detectors.tracks import DeviceTracks

DEFAULT_ENROLMENT_MIN: Final = 600


@dataclass(frozen=True, slots=True)
class Detector:
    """A trained model and the hash of the bundle that it comes from.

    Owned by one thread: scoring blocks and uses the model's buffers.
    """

    model: TrainedModel

    @property
    def bundle_sha(self) -> str:
        """Names the bundle in every score."""
        return self.model.bundle_sha

    @classmethod
    def load(
        cls,
        bundle_dir: Path | None = None,
        *,
        buckets: Sequence[int] | None = None,
        rule: RuleName = "common-scale",
    ) -> Detector:
        """Load a bundle (None: the one that ships) with TensorFlow; raises Misconfigured when it is not intact.

        `buckets` are the batch sizes that the autoencoders pad to (None: its own choice, right for streams). Each compiles on
        its first use (about two seconds): `warm` does it ahead. `rule` says how scores become votes: on the common scale, or as
        in the paper's Fig. 3 (`decision_rules`).
        """
        return cls.of(load_bundle(bundle_dir or DEFAULT_BUNDLE), buckets=buckets, rule=rule)

    @classmethod
    def of(cls, bundle: Bundle, *, buckets: Sequence[int] | None = None, rule: RuleName = "common-scale") -> Detector:
        """Return the detector of a bundle; `buckets` and `rule` as in `load`."""
        chosen = rule_named(rule)
        from detectors.model import Model  # noqa: PLC0415 - imports TensorFlow, seconds
        from detectors.scoring.runtime import BUCKETS, Reconstructor  # noqa: PLC0415

        reconstructor = Reconstructor(bundle.autoencoder, bundle.blind_spot, buckets or BUCKETS)
        return cls(Model(reconstructor, bundle.knowledge, bundle.sha256, chosen))

    def warm(self, buckets: Sequence[int] | None = None) -> None:
        """Compile the autoencoders' batch sizes (None: all) before the first minute arrives."""
        self.model.warm(buckets)

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
        tracks = DeviceTracks(self.model, enrolment_min=enrolment_min)
        tracks.open(device_id, None)
        chunk = MinuteChunk(device_id, 0, first_event_minute, heart_rate_bpm, resp_rate_bpm, pulse_bpm)
        return tracks.apply([chunk])[0]
