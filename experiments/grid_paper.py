"""The paper's own decision rule on our scores: its Fig. 3 threshold over the last day, and more than half of that day flagged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.paper_rule import EXCLUDE_ABOVE, HISTORY_MIN, flagged_share, paper_threshold, probability
from detectors.training.judging import Judged
from detectors.training.traces import Trace
from detectors.windows import BLOCK_MIN
from experiments.grid_judges import Mind

HISTORY: Final = HISTORY_MIN // BLOCK_MIN


@dataclass(frozen=True, slots=True)
class PaperJudge:
    """The network's score as a probability, one a decision instead of one a minute; nothing is calibrated.

    An attacked device's history begins two hours before the onset, which is to the rule's advantage: a whole clean day before
    would outvote half a day of attack.
    """

    mind: Mind
    kinds: tuple[str, ...] = ("hour",)
    threshold: float = EXCLUDE_ABOVE

    def judged(self, trace: Trace) -> Judged:
        """Return the share of flagged decisions at each decision as its vote."""
        return Judged(trace.block, {"hour": _shares(probability(self.mind.raw(trace)[:, 0]))})


def _shares(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = np.zeros(len(scores))
    for at in range(len(scores)):
        last_day = scores[max(0, at + 1 - HISTORY) : at + 1]
        shares[at] = flagged_share(last_day, paper_threshold(last_day))
    return shares
