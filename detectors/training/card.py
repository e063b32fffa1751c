"""What the model card says of a finished detector: a third cohort, clean and attacked; `fedsecure evaluate` says the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from detectors.knowledge import ENROLMENTS_MIN, Knowledge
from detectors.training.calibration import summary
from detectors.training.cohort import Injector, Stay
from detectors.training.judging import judge, raw_scores
from detectors.training.pool import Pool
from detectors.training.trace_jobs import (
    AttackTrace,
    AttackTraceTask,
    CleanTraceTask,
    Means,
    attacked_traces,
    clean_traces,
)
from detectors.windows import BLOCK_MIN

WITHIN_MIN: Final = (120, 240, 720)
ATTACKED_DEVICES: Final = 24

Report = Callable[[float, str], None]


def found_after_min(knowledge: Knowledge, situation: str, attacked: AttackTrace) -> float:
    """Return the minutes from the onset to the first decision that excludes the device; infinity when there is none."""
    known = knowledge.situations[situation]
    judged = judge(attacked.trace, raw_scores(knowledge.tables, knowledge.networks, attacked.trace), known.scales)
    minutes = judged.block[judged.excluded(known.threshold)] * BLOCK_MIN - attacked.onset_event_minute
    after = minutes[minutes >= 0]
    return float(after[0]) if len(after) else float("inf")


def test_metrics(
    knowledge: Knowledge, means: Means, workers: Pool, test: Sequence[Stay], cases: Sequence[tuple[str, str]],
    inject: Injector, seed: int, report: Report,
) -> dict[str, Any]:  # fmt: skip
    """Return false exclusions of the clean test cohort and the shares of strong attacks found within 2, 4 and 12 hours (a day's enrolment)."""
    situation = str(ENROLMENTS_MIN[-1])
    known = knowledge.situations[situation]
    tasks = [CleanTraceTask(stay.recording, (situation,), means) for stay in test]
    traces = [found[situation] for found in workers.map(clean_traces, tasks)]
    fleet = [judge(one, raw_scores(knowledge.tables, knowledge.networks, one), known.scales) for one in traces]
    report(0.3, "clean devices judged")
    ill = [bool(stay.deteriorating.any()) for stay in test]
    stable = [stay for stay, is_ill in zip(test, ill, strict=True) if not is_ill][:ATTACKED_DEVICES]
    strong = tuple(case for case in cases if case[1] == "strong")
    attacks = [
        AttackTraceTask(stay.recording, strong, ENROLMENTS_MIN[-1], inject, means, (seed, 3, index))
        for index, stay in enumerate(stable)
    ]
    delays: dict[str, list[float]] = {name: [] for name, _ in strong}
    for done, found in enumerate(workers.map(attacked_traces, attacks), 1):
        for attacked in found:
            delays[attacked.case[0]].append(found_after_min(knowledge, situation, attacked))
        report(0.3 + 0.7 * done / len(attacks), f"{done} of {len(attacks)} attacked devices judged")
    return {
        "false_exclusions": {
            name: summary([one for one, is_ill in zip(fleet, ill, strict=True) if is_ill == wanted], known.threshold)
            for name, wanted in (("stable", False), ("deteriorating", True))
        },
        "strong_attacks": {name: _shares(np.array(found)) for name, found in delays.items()},
    }


def _shares(delays: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float | int]:
    within = {f"within_{limit // 60}_h": round(float(np.mean(delays <= limit)), 4) for limit in WITHIN_MIN}
    return {"devices": len(delays), **within}
