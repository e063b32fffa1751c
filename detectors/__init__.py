"""Judges windows of vital signs: arrays in, verdicts out. Knows no Kafka, no Redis and no clock, and needs no TensorFlow.

`Detector.load().score(...)` judges a recording, `DetectionEngine` a live stream.
"""

from __future__ import annotations

from detectors.detector import Detector
from detectors.engine.chunks import MinuteChunk, Transition, Verdicts
from detectors.engine.engine import DetectionEngine

__all__ = ["DetectionEngine", "Detector", "MinuteChunk", "Transition", "Verdicts"]
