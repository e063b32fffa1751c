"""Whatever judges minutes, or only reads what was judged, starts without TensorFlow: it costs seconds and half a gigabyte."""

from __future__ import annotations

import subprocess
import sys

JUDGES = """
import sys
import numpy as np
from detectors import Detector
heart, breath = np.random.default_rng(0).normal((80, 16), (3, 1), (800, 2)).T.round(1)
verdicts = Detector.load().score("a", 0, heart, breath)
assert np.isfinite(verdicts.score).any()
"""
SAYS = "\nprint(sorted({'tensorflow', 'keras'} & {name.partition('.')[0] for name in sys.modules}))"


def loaded(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code + SAYS], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.strip()


def test_a_recording_is_judged_without_tensorflow():
    assert loaded(JUDGES) == "[]"


def test_programs_that_judge_or_read_start_without_tensorflow():
    modules = (
        "streams.worker",
        "streams.edge",
        "console.program",
        "fl_coordinator.program",
        "replay.program",
        "fedsecure.commands.coordinator",
    )
    assert loaded(f"import sys, {', '.join(modules)}") == "[]"
