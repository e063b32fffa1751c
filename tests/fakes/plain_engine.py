"""The real engine with a model that anyone can compute: no TensorFlow, and yet every transition can happen."""

from __future__ import annotations

from collections.abc import Mapping

from plain_model import PlainModel, all_hour

from contracts.settings import Settings
from detectors.bundle import DEFAULT_BUNDLE, bundle_of, folder_contents
from detectors.tracks import DeviceTracks


class PlainEngine(DeviceTracks):
    """Of a bundle it takes the hash and, from its metadata, `plain_threshold`."""

    def __init__(self, settings: Settings, contents: Mapping[str, bytes] | None = None) -> None:
        bundle = bundle_of(contents or folder_contents(DEFAULT_BUNDLE), "of a test")
        threshold = bundle.metadata.get("plain_threshold", 2.5)
        model = PlainModel(bundle.sha256, median=(84.0, 18.0), scale=(14.0, 4.0), threshold=threshold, hour=all_hour)
        super().__init__(model, enrolment_min=settings.enrolment_min, max_invalid_in_row=settings.max_invalid_in_row)
