"""The real engine with a model that anyone can compute: no TensorFlow, and yet every transition can happen."""

from __future__ import annotations

from plain_model import PlainModel, all_hour

from contracts.settings import Settings
from detectors.tracks import DeviceTracks

BUNDLE_SHA = "5" * 64


class PlainEngine(DeviceTracks):
    bundle_sha = BUNDLE_SHA

    def __init__(self, settings: Settings) -> None:
        model = PlainModel(BUNDLE_SHA, median=(84.0, 18.0), scale=(14.0, 4.0), threshold=2.5, hour=all_hour)
        super().__init__(model, enrolment_min=settings.enrolment_min, max_invalid_in_row=settings.max_invalid_in_row)
