"""Judges windows of vital signs: arrays in, verdicts out; knows no Kafka, no Redis and no clock.

`Detector.load().score(...)` judges a recording, `DeviceTracks` a live stream. TensorFlow is imported by `Detector.load`.
"""

from __future__ import annotations

from detectors.chunks import MinuteChunk, Transition, Verdicts
from detectors.detector import Detector
from detectors.tracks import DeviceTracks

__all__ = ["Detector", "DeviceTracks", "MinuteChunk", "Transition", "Verdicts"]
