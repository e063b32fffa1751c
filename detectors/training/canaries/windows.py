"""The canary set: clean and attacked windows of simulated patients that travel in the bundle.

Another network can be tried on them without any patient: its likelihood of the clean ones must not fall, and it must still
tell the attacked ones from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.baseline.profile import Profile
from detectors.minutes.cleaning import CleanMinutes, clean
from detectors.minutes.windows import WINDOW_MIN, Z_CLIP
from detectors.training.cohort import AttackCase, Injector, Stay
from detectors.training.network.fit import NetworkWindows, training_windows
from detectors.training.patients import ATTACK_MIN, SHORT_ENROLMENT_MIN, Patient, generator_of, patient_of

STEPS_PER_Z: Final = 4000
KINDS: Final = ("clean", "attacked")
STRIDE_MIN: Final = 7
LATE_MIN: Final = 3 * WINDOW_MIN
"""An attack begins at least so long before the end of the stay, so that whole windows of it are left."""


def canary_set(
    stays: Sequence[Stay], cases: Sequence[tuple[str, str]], inject: Injector, each: int, seed: int
) -> dict[str, NDArray[Any]]:
    """Return `each` clean and `each` attacked windows of devices enrolled for ten hours.

    By kind `<kind>_z` int16[n, 60, 2] (z times 4000), `<kind>_weight` uint8[n, 60, 2], `<kind>_context` float32[n, 27] and
    `<kind>_half_cell` float32[n, 2]. Simulated patients only: nobody's minutes may leave in a bundle.
    """
    patients = [
        patient for patient in (patient_of(stay, 0, SHORT_ENROLMENT_MIN) for stay in stays) if patient is not None
    ]
    rng = generator_of(seed, "canary")
    windows = {
        "clean": training_windows([(patient.minutes, patient.profile) for patient in patients], STRIDE_MIN),
        "attacked": training_windows([_attacked(patient, cases, inject, rng) for patient in patients], STRIDE_MIN),
    }
    packed: dict[str, NDArray[Any]] = {}
    for kind, of_kind in windows.items():
        chosen = np.sort(rng.choice(len(of_kind), min(each, len(of_kind)), replace=False))
        packed[f"{kind}_z"] = np.round(np.clip(of_kind.z[chosen], -Z_CLIP, Z_CLIP) * STEPS_PER_Z).astype(np.int16)
        packed[f"{kind}_weight"] = of_kind.weight[chosen].astype(np.uint8)
        packed[f"{kind}_context"] = of_kind.context[chosen]
        packed[f"{kind}_half_cell"] = of_kind.half_cell[chosen]
    return packed


def canary_windows(canary: Mapping[str, NDArray[Any]], kind: str) -> NetworkWindows:
    """Return the windows of a kind as the network takes them. Raises KeyError when the set holds none."""
    return NetworkWindows(
        canary[f"{kind}_z"].astype(np.float32) / np.float32(STEPS_PER_Z), canary[f"{kind}_weight"].astype(np.float32),
        canary[f"{kind}_context"], canary[f"{kind}_half_cell"],
    )  # fmt: skip


def _attacked(
    patient: Patient, cases: Sequence[tuple[str, str]], inject: Injector, rng: np.random.Generator
) -> tuple[CleanMinutes, Profile]:
    """Return the stream from an hour after the onset of a drawn attack to the stream's end, as if it were enrolled until then."""
    recording, valid = patient.recording, len(patient.minutes)
    name, level = cases[int(rng.integers(len(cases)))]
    onset = int(rng.integers(patient.profile.enrolment_min, max(valid - LATE_MIN, patient.profile.enrolment_min + 1)))
    begin = int(patient.minutes.event_minute[onset]) - recording.first_event_minute
    case = AttackCase(name, level, begin, ATTACK_MIN, int(rng.integers(1 << 31)))
    attacked = inject(recording, case)
    stop = begin + ATTACK_MIN
    minutes = clean(recording.first_event_minute, attacked[0][:stop], attacked[1][:stop])
    start = int(np.searchsorted(minutes.event_minute, recording.first_event_minute + begin)) + WINDOW_MIN
    return minutes, replace(patient.profile, enrolment_min=start)
