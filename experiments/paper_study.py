"""The whole reproduction: every stage in its order, finished ones taken from disk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, Protocol

from experiments.common.stages import Stages
from experiments.paper_judged import Judged, study_judged
from experiments.paper_known import Known, study_known
from experiments.paper_patients import PaperPlan
from experiments.paper_unknown import Unknown, study_unknown
from replay.recording import Recording

STUDY_VERSION: Final = 1  # raise it when the same options would give other results


class Progress(Protocol):
    """Hears how far a stage is: its name, share 0..1 and a few words; `kept` when it was read from disk."""

    def __call__(self, stage: str, share: float, text: str, *, kept: bool = False) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """What all tables and figures are made from; `unknown` has one entry a patient, in the order of `recordings`."""

    plan: PaperPlan
    recordings: tuple[Recording, ...]
    known: Known
    unknown: tuple[Unknown, ...]
    judged: Judged


def study_options(plan: PaperPlan, recordings: Sequence[Recording]) -> dict[str, Any]:
    """Return what decides the results, for `Stages.begin`: the plan, and a digest of the recordings' values."""
    digest = hashlib.sha256()
    for one in recordings:
        digest.update(f"{one.device_id} {one.first_event_minute} {one.grid_text}".encode())
        for values in (one.heart_rate_bpm, one.resp_rate_bpm):
            digest.update(values.tobytes())
    return {"version": STUDY_VERSION, **asdict(plan), "recordings": digest.hexdigest()}


def stage_names(recordings: Sequence[Recording]) -> list[str]:
    """Return the stages in their order."""
    return ["known patients", *(f"without {one.device_id}" for one in recordings), "classifiers"]


def run_study(plan: PaperPlan, recordings: Sequence[Recording], stages: Stages, progress: Progress) -> Study:
    """Run or read every stage; blocks for minutes. The same options give the same study, interrupted or not."""
    first, *middle, last = stage_names(recordings)
    known = _stage(stages, first, Known, progress, lambda report: study_known(recordings, plan, report))
    unknown = tuple(
        _stage(stages, name, Unknown, progress, partial(study_unknown, recordings, at, plan))
        for at, name in enumerate(middle)
    )
    judged = _stage(stages, last, Judged, progress, lambda report: study_judged(known, unknown, plan, report))
    return Study(plan, tuple(recordings), known, unknown, judged)


def _stage(stages: Stages, name: str, kind: Any, progress: Progress, make: Any) -> Any:
    found = stages.find(name, kind)
    if found is not None:
        progress(name, 1.0, "kept from before", kept=True)
        return found
    made = make(partial(progress, name))
    stages.keep(name, made)
    progress(name, 1.0, "done")
    return made
