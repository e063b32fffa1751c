"""A bundle's detector as programs run it: loaded from the bundle's files, compiled and warm, for minutes as they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from contracts.settings import Settings
from detectors.bundle import bundle_of
from detectors.detector import Detector
from detectors.scoring.tensorflow_runtime import limit_threads
from detectors.tracks import DeviceTracks


def live_tracks(
    settings: Settings, contents: Mapping[str, bytes], buckets: Sequence[int] | None = None
) -> DeviceTracks:
    """Return the tracks of a bundle; blocks for some seconds the first time, limits TensorFlow to one thread.

    `buckets` are the batch sizes that are compiled ahead, once a process (None: those of a worker, see `Detector.load`).
    Raises Misconfigured when the files are not a whole bundle that this version runs.
    """
    limit_threads()
    detector = Detector.of(bundle_of(contents, "that is in force"), buckets=buckets, rule=settings.rule)
    detector.warm()
    return DeviceTracks(
        detector.model, enrolment_min=settings.enrolment_min, max_invalid_in_row=settings.max_invalid_in_row
    )
