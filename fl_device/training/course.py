"""What a local training is told, and what it gives back. No TensorFlow is in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transport.blobs.weights import Weights


@dataclass(frozen=True, slots=True)
class LocalResult:
    """New weights by name (float32), the windows they were trained on, and the task's mean loss before and after."""

    weights: Weights
    sample_count: int
    loss_before: float
    loss_after: float
    train_s: float

    def is_finite(self) -> bool:
        """Whether the training converged to numbers that may be sent."""
        return bool(np.isfinite(self.loss_after)) and all(np.isfinite(array).all() for array in self.weights.values())


@dataclass(frozen=True, slots=True)
class Course:
    """How to train: passes over the windows, windows a step, the step size of Adam, and the seed of the shuffles.

    `proximal_mu` adds mu/2 |w - w_global|^2 to the loss (FedProx, Li et al., MLSys 2020, Eq. 2); 0 adds nothing.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    proximal_mu: float = 0.0
