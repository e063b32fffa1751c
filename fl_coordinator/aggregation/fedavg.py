"""Federated averaging: the mean of the updates, weighted by their samples (McMahan et al., AISTATS 2017, Algorithm 1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fl_coordinator.aggregation.base import Contribution
from fl_coordinator.errors import AggregationRefused


class FedAvg:
    """The sample-weighted mean; the seed paper's rule. One contribution can move it anywhere: it is no defence."""

    name = "fedavg"
    summary = "Sample-weighted mean of the updates (McMahan et al. 2017); no defence of its own."

    def aggregate(self, contributions: Sequence[Contribution]) -> dict[str, NDArray[np.float32]]:
        total = sum(contribution.sample_count for contribution in contributions)
        if total <= 0:
            raise AggregationRefused("FedAvg needs at least one update with samples")
        # In order of device and in float64, so that the order of arrival leaves no trace in the bits.
        ordered = sorted(contributions, key=lambda contribution: contribution.device_id)
        shares = np.array([contribution.sample_count / total for contribution in ordered])
        return {
            name: np.tensordot(
                shares, np.stack([item.weights[name].astype(np.float64) for item in ordered]), axes=1
            ).astype(np.float32)
            for name in ordered[0].weights
        }


RULE = FedAvg()
