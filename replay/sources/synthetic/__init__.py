"""Synthetic ICU stays: seeded, diverse, on a monitor's own grid."""

from __future__ import annotations

from replay.sources.synthetic.deterioration import DETERIORATIONS
from replay.sources.synthetic.stays import Stay, synthetic_cohort, synthetic_recording, synthetic_stay, synthetic_stays

__all__ = ["DETERIORATIONS", "Stay", "synthetic_cohort", "synthetic_recording", "synthetic_stay", "synthetic_stays"]
