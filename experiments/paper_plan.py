"""How much work a reproduction of the paper's detection study is, full or quick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PATIENTS: Final = 5
PAPER_MINUTES: Final = 50_401  # five times seven days, and one minute


@dataclass(frozen=True, slots=True)
class PaperPlan:
    """`minutes` counts all patients together; a window ends every `trained_every_min` or `judged_every_min` event minutes.

    `trained_every_min` holds for training the autoencoders, `judged_every_min` for judging patients unknown to them. In the
    paper's own way every window of every minute is judged.
    """

    seed: int = 1
    minutes: int = PAPER_MINUTES
    autoencoder_epochs: int = 31
    classifier_epochs: int = 20
    trained_every_min: int = 8
    judged_every_min: int = 5


FULL: Final = PaperPlan()
QUICK: Final = PaperPlan(minutes=7_500, autoencoder_epochs=8, classifier_epochs=4)
