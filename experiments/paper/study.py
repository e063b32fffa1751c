"""The whole reproduction: every stage in its order, finished ones taken from disk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from experiments.common.stages import StageProgress, Stages
from experiments.paper.autoencoders import KnownPatients, PatientLeftOut, study_known_patients, study_patient_left_out
from experiments.paper.classifiers import ClassifierScores, study_classifiers
from experiments.paper.patients import PaperPlan
from replay.recording import Recording

STUDY_VERSION: Final = 1  # raise it when the same options would give other results


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """What all tables and figures are made from. `left_out` has one entry a patient, in the order of `recordings`."""

    plan: PaperPlan
    recordings: tuple[Recording, ...]
    known: KnownPatients
    left_out: tuple[PatientLeftOut, ...]
    classifiers: ClassifierScores


def study_options(plan: PaperPlan, recordings: Sequence[Recording]) -> dict[str, Any]:
    """Return what decides the results, for `Stages.begin`: the plan, and a digest of the recordings' values."""
    digest = hashlib.sha256()
    for recording in recordings:
        digest.update(f"{recording.device_id} {recording.first_event_minute} {recording.grid_text}".encode())
        for values in (recording.heart_rate_bpm, recording.resp_rate_bpm):
            digest.update(values.tobytes())
    return {"version": STUDY_VERSION, **asdict(plan), "recordings": digest.hexdigest()}


def stage_names(recordings: Sequence[Recording]) -> list[str]:
    """Return the stages in their order."""
    return ["known patients", *(f"without {recording.device_id}" for recording in recordings), "classifiers"]


def run_study(plan: PaperPlan, recordings: Sequence[Recording], stages: Stages, progress: StageProgress) -> Study:
    """Run or read every stage. Blocks for minutes. The same options give the same study, interrupted or not."""
    first, *middle, last = stage_names(recordings)
    known = _stage(
        stages, first, KnownPatients, progress, lambda report: study_known_patients(recordings, plan, report)
    )
    left_out = tuple(
        _stage(stages, name, PatientLeftOut, progress, partial(study_patient_left_out, recordings, at, plan))
        for at, name in enumerate(middle)
    )
    classifiers = _stage(
        stages, last, ClassifierScores, progress, lambda report: study_classifiers(known, left_out, plan, report)
    )
    return Study(plan, tuple(recordings), known, left_out, classifiers)


def _stage(stages: Stages, name: str, kind: Any, progress: StageProgress, make: Any) -> Any:
    kept = stages.find(name, kind)
    if kept is not None:
        progress(name, 1.0, "kept from before", kept=True)
        return kept
    made = make(partial(progress, name))
    stages.keep(name, made)
    progress(name, 1.0, "done")
    return made
