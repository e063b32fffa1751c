"""What an evaluation is asked: which detector, attacks, protocol and recordings; what finished stages of it depend on."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from detectors.bundle import Bundle
from detectors.training.trainer import Learner
from detectors.training.workfolder import WorkFolder
from experiments.grid_cohorts import check_apart, evaluation_ids, training_ids
from experiments.grid_protocol import Case, Protocol
from experiments.paper_stages import Stages
from replay.attacks import AttackSpec
from replay.recording import Recording

STUDY_VERSION: Final = 1  # raise it when the same options would give other results


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: which detector (with how it was trained), attacks, own recordings, and attacks planned on those."""

    protocol: Protocol
    bundle: Bundle
    learner: Learner
    cases: tuple[Case, ...]
    recordings: tuple[Recording, ...] = ()
    planned: tuple[AttackSpec, ...] = ()

    def check(self) -> None:
        """Raise Misconfigured when a patient is in two cohorts, training's included."""
        check_apart(training_ids(self.learner.cohorts) | evaluation_ids(self.protocol))

    def options(self) -> dict[str, Any]:
        """Return what decides the results: another value makes finished stages useless."""
        digest = hashlib.sha256()
        for one in self.recordings:
            digest.update(f"{one.device_id} {one.first_event_minute} {one.resolution_bpm}".encode())
            for values in one.channels().values():
                digest.update(values.tobytes())
        return {
            "version": STUDY_VERSION,
            "bundle": self.bundle.sha256,
            **asdict(self.protocol),
            "attacks": [list(case) for case in self.cases],
            "recordings": digest.hexdigest() if self.recordings else "",
        }


def begin(folder: Path, question: Question) -> tuple[WorkFolder, list[str]]:
    """Make the folder of finished stages, throw away those of another question, and say what was different about it.

    Raises OSError when the folder cannot be written.
    """
    options = question.options()
    changed = Stages(folder).begin(options)
    return WorkFolder(folder, repr(sorted(options.items()))), changed
