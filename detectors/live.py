"""A bundle's detector as programs run it: loaded from the bundle's files, compiled and warm, for minutes as they come."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.settings import Settings
from detectors.bundle import bundle_of
from detectors.detector import Detector
from detectors.scoring.tensorflow_runtime import limit_threads
from detectors.tracks import DeviceTracks


def live_tracks(settings: Settings, contents: Mapping[str, bytes]) -> DeviceTracks:
    """Return the tracks of a bundle; blocks for some seconds, limits TensorFlow to one thread.

    Raises Misconfigured when the files are not a whole bundle that this version runs.
    """
    limit_threads()
    detector = Detector.of(bundle_of(contents, "that is in force"), rule=settings.rule)
    detector.warm()
    return DeviceTracks(
        detector.model, enrolment_min=settings.enrolment_min, max_invalid_in_row=settings.max_invalid_in_row
    )
