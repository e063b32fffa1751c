"""What the engine asks of a model: scaled windows in, reconstruction errors and logits out; TensorFlow stays behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.bundle import PopulationStats


class Scores(Protocol):
    """`mean_squared_residual` float32[B, 2] a channel in scaled units, `logit` float32[B]: higher is more anomalous."""

    @property
    def mean_squared_residual(self) -> NDArray[np.float32]: ...

    @property
    def logit(self) -> NDArray[np.float32]: ...


class Scorer(Protocol):
    """Scores any number of windows; a window's result may not depend on the others. Blocks while it computes."""

    def score(
        self, window_z: NDArray[np.float32], event_minute: NDArray[np.int64], residual_rms: NDArray[np.float32]
    ) -> Scores:
        """Score scaled windows float32[B, 60, 2] at int64[B, 60], given each device's usual residual RMS float32[B, 2]."""
        ...

    def warm(self, buckets: Sequence[int] | None = None) -> None:
        """Compile the given batch sizes (None: all) ahead of their first use."""
        ...


class TrainedModel(Protocol):
    """A scorer together with the population statistics and the bundle hash that belong to it."""

    @property
    def scorer(self) -> Scorer: ...

    @property
    def population(self) -> PopulationStats: ...

    @property
    def bundle_sha(self) -> str: ...
