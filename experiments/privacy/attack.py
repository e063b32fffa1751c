"""Looks into updates of synthetic patients under every protection, and keeps what was found beside what was there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from detectors.baseline.profile import profile_of
from detectors.minutes.cleaning import clean
from detectors.minutes.windows import scaled
from experiments.federation.tasks import windows_from
from experiments.privacy.inversion import TASK, Floats, Seen, SideInformation, flat, gradients, inverted
from experiments.privacy.plan import Case, PrivacyPlan, Protection
from fl_device.training.course import Course
from fl_device.training.local import LocalTrainer
from fl_device.training.own_windows import STRIDE_MIN
from fl_device.training.privacy import UpdatePrivacy
from replay.recording import Recording
from transport.blobs.weights import Weights

ENROLMENT_MIN: Final = 600
EPOCH_WINDOWS: Final = 256
BATCH: Final = 32


@dataclass(frozen=True, slots=True)
class Patient:
    """A device's windows in its own units: `window_z` float32[n, 60, 2], what is `known` of them, its medians and scales [2]."""

    window_z: Floats
    known: SideInformation
    median: NDArray[np.float64]
    scale: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AttackResult:
    """Windows in scaled units, float32[n, 60, 2]: `truth` beside what the attack `rebuilt`, and `resembled` beside an`other` patient's.

    `owner` int64[n] is the patient; `median` and `scale` float64[patients, 2].
    """

    truth: Floats
    rebuilt: Floats
    resembled: Floats
    other: Floats
    owner: NDArray[np.int64]
    median: NDArray[np.float64]
    scale: NDArray[np.float64]


def patient(recording: Recording) -> Patient:
    """Return the windows a device would have after its enrolment, a stride apart."""
    minutes = clean(recording.first_event_minute, recording.heart_rate_bpm, recording.resp_rate_bpm)
    profile = profile_of(minutes, ENROLMENT_MIN)
    windows = windows_from(recording, int(minutes.event_minute[ENROLMENT_MIN]) + 60, STRIDE_MIN)
    half_cell = (0.5 * profile.grid_bpm / profile.scale).astype(np.float32)
    known = SideInformation(windows.weight, windows.event_minute, profile.context, half_cell)
    z = scaled(windows.values, profile.median, profile.scale)
    return Patient(z, known, profile.median, profile.scale)


class Attacks:
    """Carries out attacks on a fresh model, the first round's, when gradients say most. Owned by one thread. Blocks for seconds."""

    def __init__(self, plan: PrivacyPlan, weights: Weights, patients: list[Patient]) -> None:
        self._plan, self._weights, self._patients = plan, weights, patients
        self._flat = flat(weights)
        self._trainer: LocalTrainer | None = None

    def carry_out(self, case: Case, how: Protection) -> AttackResult:
        """Attack all updates of a kind. The same plan gives the same windows and the same noise."""
        count = self._plan.windows if case == "window" else self._plan.repeats
        chosen = [self._update(case, number) for number in range(count)]
        clip = self._plan.clip or float(np.median([np.linalg.norm(direction) for _, _, direction in chosen]))
        privacy = UpdatePrivacy(clip, how.noise) if how.is_clipped else None
        attacked = [
            self._attack(case, owner, taken, _seen(direction, privacy, seed=number), number)
            for number, (owner, taken, direction) in enumerate(chosen)
        ]
        truth, rebuilt, resembled, other, owners = (np.concatenate(part) for part in zip(*attacked, strict=True))
        medians, scales = (
            np.stack([getattr(patient, name) for patient in self._patients]) for name in ("median", "scale")
        )
        return AttackResult(truth, rebuilt, resembled, other, owners, medians, scales)

    def _update(self, case: Case, number: int) -> tuple[int, NDArray[np.int64], Floats]:
        """Return whose update it is, which of its windows it was learnt from, and its direction float32[d]."""
        owner = number % len(self._patients)
        mine = self._patients[owner]
        if case == "epoch":
            taken = np.arange(len(mine.window_z))[-EPOCH_WINDOWS:]
            return owner, taken, self._learnt(mine, taken, number)
        size = 1 if case == "window" else min(BATCH, len(mine.window_z))
        taken = np.random.default_rng([number, size]).choice(len(mine.window_z), size, replace=False)
        return owner, taken, gradients(self._flat, mine.window_z[taken], mine.known.part(taken))[0]

    def _learnt(self, mine: Patient, taken: NDArray[np.int64], seed: int) -> Floats:
        """Return minus the change of an epoch of the devices' own training."""
        self._trainer = self._trainer or LocalTrainer(TASK)
        examples = TASK.examples(mine.known.part(taken).hours(mine.window_z[taken]))
        course = Course(epochs=1, batch_size=BATCH, learning_rate=1e-3, seed=seed)
        return self._flat - flat(self._trainer.train(self._weights, examples, course).weights)

    def _attack(
        self, case: Case, owner: int, taken: NDArray[np.int64], seen: Seen, seed: int
    ) -> tuple[Floats, Floats, Floats, Floats, NDArray[np.int64]]:
        mine = self._patients[owner]
        others = np.concatenate([patient.window_z for at, patient in enumerate(self._patients) if at != owner])
        asked = taken
        if case != "window":
            asked = taken[np.linspace(0, len(taken) - 1, self._plan.dummies).astype(np.int64)]
        guesses = inverted(seen, self._flat, mine.known.part(asked), self._plan.steps, seed)
        truth, rebuilt = paired(mine.window_z[taken], guesses)
        if case == "window":
            nearest = others[[int(np.square(others - truth).mean(axis=(1, 2)).argmin())]]
            return truth, rebuilt, truth, nearest, np.array([owner])
        picked = np.random.default_rng(seed).choice(len(others), self._plan.dummies, replace=False)
        return truth, rebuilt, *paired(mine.window_z[taken], others[picked]), np.full(len(truth), owner)


def paired(truth: Floats, guesses: Floats) -> tuple[Floats, Floats]:
    """Return each guess beside the true window that it is taken for, none of them twice, as near as possible in all."""
    apart = np.square(truth[:, None] - guesses[None]).mean(axis=(2, 3))
    rows, columns = linear_sum_assignment(apart)
    return truth[rows], guesses[columns]


def _seen(direction: Floats, privacy: UpdatePrivacy | None, seed: int) -> Seen:
    """Return what the coordinator gets. The study's noise is seeded, a device's is not."""
    if privacy is None:
        return Seen(direction)
    sent = privacy.applied({"all": direction}, {"all": np.zeros_like(direction)}, np.random.default_rng([seed, 99]))
    return Seen(sent["all"], privacy.noise * privacy.clip)
