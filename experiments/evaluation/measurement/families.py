"""Leave one attack family out, strictly: it, and every distortion that resembles it, is never learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.training.network.distorted import HOW_MANY
from detectors.training.network.distortions import DISTORTIONS
from detectors.training.network.pair_distortions import PAIR_DISTORTIONS
from detectors.training.patients import LEAST_ATTACK_MIN, generator_of, onsets_of
from detectors.training.scores.table import DISTORTED, Stream
from detectors.training.scores.table_build import DISTORTED_MIN, PatientJob

NAMES: Final = (
    *(distortion.__name__ for distortion in PAIR_DISTORTIONS),
    *(distortion.__name__ for distortion in DISTORTIONS),
)
"""Distortions in the order in which training draws them."""
RESEMBLES: Final[Mapping[str, frozenset[str]]] = {
    # Added noise of any band, single spikes as its heavy tail, and minutes in another order, which look like noise.
    "data-poisoning-1": frozenset({"band_noise", "impulses", "block_shuffle", "shuffle"}),
    # Every change of the value axis: factors, powers, and the grids that a factor leaves on rounded values.
    "data-poisoning-2": frozenset({"gain_curve", "value_warp", "quantise", "offset_curve"}),
    # Scaling about the own median: factors and powers, and noise that widens the spread as a factor does.
    "amplitude": frozenset({"gain_curve", "value_warp", "band_noise"}),
    # A segment that repeats; a wave repeats as well.
    "motif": frozenset({"segment_paste", "paste", "tone", "square"}),
    # Values that stay: held, smoothed, averaged, cut or coarsely rounded ones, and the repetition of a single value.
    "stuck-at": frozenset(
        {"sample_hold", "hold", "smoothing", "average", "clip", "quantise", "segment_paste", "paste", "value_warp"}
    ),
}
"""Distortions by the learnt family that they resemble. When in doubt a distortion counts as resembling."""


def drawn_distortions(job: PatientJob, stream: Stream) -> int:
    """Return the distortions of a distorted stream as bits by their places in `NAMES`, drawn again as training drew them. Else 0.

    Raises ValueError when the onset, which is drawn first, is not the stream's.
    """
    if stream.case != DISTORTED:
        return 0
    patient = job.patient
    rng = generator_of(job.seed, patient.name, "distortion", stream.which)
    duration = onsets_of(patient, generator_of(job.seed, patient.name), job.attacks.more_onsets)[2]
    last = max(min(DISTORTED_MIN, duration), LEAST_ATTACK_MIN)
    if int(rng.integers(patient.profile.enrolment_min + 60, len(patient.minutes) - last)) != stream.onset:
        raise ValueError(f"the distortions of {patient.name} were drawn in another way")
    count = rng.choice(HOW_MANY[0], p=HOW_MANY[1])
    return sum(1 << int(place) for place in rng.choice(len(NAMES), count, replace=False))


def look_alikes(bits: NDArray[np.int64], family: str) -> NDArray[np.bool_]:
    """Return bool[S]: the streams, of distortions as bits int64[S], that hold a look-alike of a family."""
    wanted = sum(1 << NAMES.index(name) for name in RESEMBLES.get(family, ()))
    return np.asarray((bits & wanted) != 0)


def learnt_without(cases: tuple[tuple[str, str], ...], learnt: frozenset[int], family: str) -> frozenset[int]:
    """Return the places of the attacks that are still learnt from."""
    return frozenset(place for place in learnt if cases[place][0] != family)
