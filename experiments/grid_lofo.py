"""Leave one attack family out, strictly: it, and every training distortion that resembles it, is never learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from detectors.training.lessons import UNLEARNABLE, Curriculum
from experiments.grid_protocol import Case
from experiments.grid_variants import Lesson, Variant

# Distortions by the family that they resemble, and why. When in doubt a distortion counts as resembling.
RESEMBLES: Final[Mapping[str, tuple[str, ...]]] = {
    # Added noise of any band, single spikes as its heavy tail, and minutes in another order, which look like noise.
    "data-poisoning-1": ("band_noise", "impulses", "block_shuffle"),
    # Every change of the value axis: factors, powers, and the grids that a factor leaves on rounded values.
    "data-poisoning-2": ("gain_curve", "value_warp", "quantise", "offset_curve"),
    # Scaling about the own median: factors and powers, and noise that widens the spread as a factor does.
    "amplitude": ("gain_curve", "value_warp", "band_noise"),
    # A ramp and its plateau.
    "backdoor-1": ("offset_curve", "gain_curve"),
    # A bump that comes back: rectangular and sine waves, and spikes.
    "backdoor-2": ("square", "tone", "impulses"),
    # A constant offset.
    "bias": ("offset_curve", "gain_curve"),
    # A segment that repeats; a wave repeats as well.
    "motif": ("segment_paste", "tone", "square"),
    # Values that stay: held, smoothed, cut or coarsely rounded ones, and the repetition of a single value.
    "stuck-at": ("sample_hold", "smoothing", "clip", "quantise", "segment_paste", "value_warp"),
    # The own past: repeated or delayed.
    "replay": ("segment_paste", "delay", "block_shuffle"),
    "jittered-replay": ("segment_paste", "delay", "block_shuffle", "band_noise"),
    # One channel late, or the clock bent.
    "time-shift": ("delay", "time_warp"),
    # Blocks upside down; a negative factor is among neither gains nor powers, but reordered blocks break at the same places.
    "mirror-flip": ("mirror", "block_shuffle"),
    # Another patient's data, mixed in; its level differs as an offset does.
    "spoof": ("stranger", "offset_curve", "gain_curve"),
    # A ramp over a day.
    "slow-drift": ("offset_curve", "gain_curve"),
    # No distortion loses minutes.
    "dropout": (),
}


def lofo_variants(lesson: Lesson, cases: Sequence[Case]) -> tuple[list[Variant], list[str]]:
    """Return a variant for each family of the grid, and the families of which nothing was learnt in the first place."""
    variants, unseen = [], []
    for family in dict.fromkeys(name for name, _ in cases):
        resembling = RESEMBLES.get(family, ())
        learnt = [case for case in lesson.cases if case[0] == family and case not in UNLEARNABLE]
        if not learnt and not resembling:
            unseen.append(family)
            continue
        curriculum = Curriculum(without_families=frozenset({family}), without_distortions=frozenset(resembling))
        wanted = frozenset(case for case in cases if case[0] == family)
        variants.append(Variant(family, replace(lesson, curriculum=curriculum), wanted=wanted))
    return variants, unseen
