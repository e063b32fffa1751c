"""What bounded and noisy updates cost: federations without an attacker, and what the coordinator's own screen says of such updates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from detectors.bundle.bundle import Bundle
from detectors.detector import Detector
from experiments.federation.engine import Federation, Outcome, World
from experiments.federation.plan import DEFENCE, Plan, Run
from experiments.federation.study import judged_patients, world_of
from experiments.federation.tasks import STUDIED, Studied
from experiments.privacy.plan import PrivacyPlan
from fl_coordinator.aggregation.stacking import Contribution
from fl_device.training.own_windows import TrainingWindows
from fl_device.training.privacy import UpdatePrivacy, length
from transport.blobs.weights import Weights

ALONE = "one device alone adds the most noise"
RUN = Run("no attack, update defence", rule=DEFENCE, screen=True)


class PrivateFederation(Federation):
    """A federation whose devices protect their updates; `only` one of them, or all. The study's noise is seeded."""

    def __init__(self, studied: Studied, plan: Plan, world: World, seed: int) -> None:
        super().__init__(studied, plan, world)
        self._seed = seed
        self.privacy: UpdatePrivacy | None = None
        self.only: int | None = None
        self.lengths: list[float] = []

    def _update(self, run: Run, at: int, number: int, weights: Weights, windows: TrainingWindows) -> Contribution:
        honest = super()._update(run, at, number, weights, windows)
        if self.privacy is None:
            self.lengths.append(length({name: array - weights[name] for name, array in honest.weights.items()}))
        if self.privacy is None or self.only not in (None, at):
            return honest
        sent = self.privacy.applied(honest.weights, weights, np.random.default_rng([self._seed, number, at]))
        return Contribution(honest.device_id, sent, honest.sample_count)


def costs(plan: PrivacyPlan, federation: Plan, seed: int, bundle: Bundle) -> dict[str, Outcome]:
    """Return the outcome of each protection's federation by its name, and of one in which a single device adds noise."""
    shorter = replace(federation, rounds=min(plan.rounds, federation.rounds), attacks=())
    studied = STUDIED["reconstruction"]
    judged = judged_patients(Detector.of(bundle), shorter, seed)
    found = PrivateFederation(studied, shorter, world_of(judged, shorter, seed, studied, bundle), seed)
    outcomes = {}
    for how in plan.protections:
        clip = plan.clip or (float(np.median(found.lengths)) if found.lengths else 1.0)
        found.privacy = UpdatePrivacy(clip, how.noise) if how.is_clipped else None
        outcomes[how.name] = found.carry_out(RUN, lambda _: None)
    found.only = 0
    outcomes[ALONE] = found.carry_out(RUN, lambda _: None)
    return outcomes
