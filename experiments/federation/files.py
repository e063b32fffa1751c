"""The federation study as data: results.json, and one CSV a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from experiments.federation.plan import SHOWN
from experiments.federation.results import goals, rows
from experiments.federation.study import Study
from experiments.report.numbers import plain, short
from experiments.report.tables import csv_text

SCHEMA_VERSION: Final = 1


def results_document(study: Study, command: str) -> dict[str, Any]:
    """Return what `results.json` holds; losses are mean squared errors in a device's own units, shares 0..1."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "bundle_sha256": study.bundle_sha256,
        "plan": asdict(study.plan),
        "goals": [
            {name: value for name, value in plain(asdict(one)).items() if name != "unit"} | {"met": one.met}
            for one in goals(study)
        ],
        "runs": [plain(asdict(one)) for one in rows(study)],
        "rounds": list(_rounds(study)),
    }


def tables(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the CSV files of a document by their names."""
    runs = [
        {
            **{name: value for name, value in one.items() if name not in {"ratio", "devices", "accuracies"}},
            **_ratio(one),
        }
        for one in document["runs"]
    ]
    goal_rows = [
        {**{k: v for k, v in one.items() if k != "interval"}, "low": one["interval"][0], "high": one["interval"][1]}
        for one in document["goals"]
    ]
    return {"runs.csv": csv_text(runs), "rounds.csv": csv_text(document["rounds"]), "goals.csv": csv_text(goal_rows)}


def _ratio(run: Mapping[str, Any]) -> dict[str, Any]:
    return {f"ratio_{name}": value for name, value in run["ratio"].items()}


def _rounds(study: Study) -> Any:
    """Every round of every run and seed: global loss and tolerance, those of Dev2 and Dev4, who took part."""
    for name, outcomes in study.outcomes.items():
        for seed, one in zip(study.plan.seeds, outcomes, strict=True):
            for number in range(len(one.loss)):
                yield {
                    "run": name, "seed": seed, "round": number + 1, "loss": short(one.loss[number].mean()),
                    "accuracy": short(one.accuracy[number].mean()),
                    **{f"loss_dev{at + 1}": short(one.loss[number, at]) for at in SHOWN},
                    **{f"accuracy_dev{at + 1}": short(one.accuracy[number, at]) for at in SHOWN},
                    "asked": int(one.asked[number].sum()), "taken": int(one.taken[number].sum()),
                    "poisoned_minutes": int(one.poisoned[number].sum()),
                }  # fmt: skip
