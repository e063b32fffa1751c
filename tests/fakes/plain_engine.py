"""The real engine with a detector that anyone can compute: every transition can happen, and soon."""

from __future__ import annotations

from collections.abc import Mapping

from plain_detector import level_model

from contracts.configuration.settings import Settings
from detectors.bundle.bundle import DEFAULT_BUNDLE, bundle_of, folder_contents
from detectors.engine.engine import DetectionEngine


class PlainEngine(DetectionEngine):
    """Of a bundle it takes the hash and, from its metadata, `plain_threshold`."""

    def __init__(self, settings: Settings, contents: Mapping[str, bytes] | None = None) -> None:
        bundle = bundle_of(contents or folder_contents(settings.bundle_dir or DEFAULT_BUNDLE), "of a test")
        model = level_model(bundle.sha256, threshold=bundle.metadata.get("plain_threshold", 2.5))
        super().__init__(model, enrolment_min=settings.enrolment_min, max_invalid_in_row=settings.max_invalid_in_row)
