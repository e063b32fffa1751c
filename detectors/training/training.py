"""What a training is made of: reference patients, simulated ones for the network and the canary, attacks, seed and effort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from contracts.errors import Misconfigured
from detectors.array_types import Floats32
from detectors.training.cohort import Injector, Population, Stay, check_disjoint
from detectors.training.network.fit import STEPS
from detectors.training.scores.classifier_fit import EPOCHS
from detectors.training.scores.table_build import DISTORTIONS_EACH

BUDGET: Final = 0.10
"""False exclusions a device-week: other hospitals' patients cost about twice what was paid for, so .20 is what to expect."""
LEAST_PATIENTS: Final = 10


@dataclass(frozen=True, slots=True)
class TrainingBudget:
    """How much work goes in: network `steps`, classifier `epochs`, per patient `distortions` and onsets that only teach, canary windows."""

    steps: int = STEPS
    epochs: int = EPOCHS
    distortions: int = DISTORTIONS_EACH
    more_onsets: int = 3
    canary_windows: int = 256


QUICK: Final = TrainingBudget(steps=60, epochs=2, distortions=4, more_onsets=0, canary_windows=64)


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """One training.

    `populations` are the references, `cases` (name, level) the attacks that classifiers learn from. The network learns from
    `network_stays` unless `network` gives its weights. `budget` is in false exclusions a device-week, `enrolment_min` None: a
    day where two days are valid, else ten hours.
    """

    populations: tuple[Population, ...]
    network_stays: Sequence[Stay]
    canary_stays: Sequence[Stay]
    cases: tuple[tuple[str, str], ...]
    inject: Injector
    seed: int
    budget: float = BUDGET
    effort: TrainingBudget = field(default_factory=TrainingBudget)
    enrolment_min: int | None = None
    network: Mapping[str, Floats32] | None = None

    @property
    def calibrating(self) -> list[int]:
        """The places of the populations that set scales and threshold: real ones alone where there are any."""
        real = [place for place, population in enumerate(self.populations) if population.is_real]
        return real or list(range(len(self.populations)))

    def check(self) -> None:
        """Raise Misconfigured when a patient is used twice, or when there are too few."""
        groups = [(population.name, population.stays) for population in self.populations]
        check_disjoint([*groups, ("network's", self.network_stays), ("canary's", self.canary_stays)])
        for place in self.calibrating:
            population = self.populations[place]
            if len(population.stays) < LEAST_PATIENTS:
                raise Misconfigured(
                    f"{len(population.stays)} {population.name} patients are too few to set a threshold by: "
                    f"give at least {LEAST_PATIENTS} recordings of a day or more, or leave them out and train on simulated patients"
                )
