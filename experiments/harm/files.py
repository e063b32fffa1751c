"""The patients' study as data: results.json, one CSV a table, and what README and docs repeat of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from detectors.bundle.bundle import load_bundle
from experiments.harm.cohorts import Drawn
from experiments.harm.engine import Outcome
from experiments.harm.page import goal_table, harm_table, paper_table, rules_table, sentence, shares_table
from experiments.harm.plan import Group
from experiments.harm.results import goals, rows
from experiments.harm.study import Study
from experiments.harm.threats import GATES, WORST, vitals
from experiments.report.numbers import flat, plain
from experiments.report.tables import csv_text, table_markdown

SCHEMA_VERSION: Final = 1
Document = Mapping[str, Any]


def results_document(study: Study, command: str) -> dict[str, Any]:
    """Return what `results.json` holds. Shares are 0..1, errors in bpm and breaths/min."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "bundle_sha256": study.bundle_sha256,
        "gates": _gates(study),
        "plan": asdict(study.plan),
        "goals": plain([_goal_record(asdict(goal), met=goal.met) for goal in goals(study)]),
        "runs": plain([asdict(row) for row in rows(study)]),
        "rounds": plain(list(_rounds(study))),
        "patients": [_who(group, seed, draw) for (group, seed), draw in study.who.items()],
    }


def tables(document: Document) -> dict[str, str]:
    """Return the CSV files of a document by their names."""
    runs = [flat(run) for run in document["runs"]]
    goal_rows = [flat(goal) for goal in document["goals"]]
    who = [
        {name: " ".join(value) if isinstance(value, list | tuple) else value for name, value in one.items()}
        for one in document["patients"]
    ]
    files = {"runs.csv": csv_text(runs), "goals.csv": csv_text(goal_rows), "patients.csv": csv_text(who)}
    return {**files, "rounds.csv": csv_text(document["rounds"])} if document["rounds"] else files


def _goal_record(goal: dict[str, Any], *, met: bool | None) -> dict[str, Any]:
    return {name: value for name, value in goal.items() if name not in {"unit", "interval"}} | {
        "interval": goal["interval"],
        "met": met,
    }


def _gates(study: Study) -> list[dict[str, Any]]:
    """Return each gate's sha256, whom it gates, and who of them taught it: of those it says more than it would of strangers."""
    by_gate: dict[Path, set[str]] = {}
    for draw in study.who.values():
        for member in draw.devices:
            by_gate.setdefault(member.bundle, set()).add(member.recording.device_id)
    gates = []
    for folder, names in sorted(by_gate.items()):
        bundle = load_bundle(folder)
        taught = {name for one in bundle.metadata.get("data", {}).get("references", ()) for name in one["enrolled_min"]}
        gates.append({"sha256": bundle.sha256, "gates": sorted(names), "taught_by": sorted(names & taught)})
    return gates


def _who(group: Group, seed: int, draw: Drawn) -> dict[str, Any]:
    names = [member.recording.device_id for member in draw.devices]
    return {
        "group": group.name, "seed": seed, "attacked": names[: group.poisoned], "others": names[group.poisoned :],
        "root_of_trust": draw.root.recording.device_id,
        "measured_on": [member.recording.device_id for member in draw.tested],
    }  # fmt: skip


def _rounds(study: Study) -> Iterator[dict[str, Any]]:
    """Every round of the five patients' federations: the errors of all, of the attacked device and of another one."""
    for (group, run), outcomes in study.outcomes.items():
        if group.cohort == "five":
            for seed, outcome in zip(study.plan.seeds, outcomes, strict=True):
                yield from (
                    {"group": group.name, "threat": run.threat.name, "defence": run.defence.name, "seed": seed} | record
                    for record in _of_rounds(outcome)
                )


def _of_rounds(outcome: Outcome) -> Iterator[dict[str, Any]]:
    for at, errors in enumerate(outcome.errors):
        yield {
            "round": at + 1, "heart_bpm": float(errors[:, 0].mean()), "resp_per_min": float(errors[:, 1].mean()),
            "heart_bpm_attacked": float(errors[0, 0]), "heart_bpm_other": float(errors[2, 0]),
            "taken": int(outcome.taken[at].sum()),
        }  # fmt: skip


def patients_block(document: Document) -> str:
    """Return the tables that docs/federation.md holds."""
    made = sentence("made", **document)
    shown = (
        harm_table(document),
        rules_table(document),
        shares_table(document),
        paper_table(document),
        goal_table(document),
    )
    return "\n\n".join(
        [
            made,
            *(f"**{table.caption}**\n\n{table_markdown(replace(table, caption=''))}" for table in shown if table.rows),
        ]
    )


def patients_line(document: Document) -> str:
    """Return the sentence that README holds: of the first group."""
    first = document["runs"][0]
    ways = {
        run["defence"]: run["cost"]["value"]
        for run in document["runs"]
        if run["group"] == first["group"] and run["threat"] == vitals(WORST).name
    }
    bare, live, oracle = (ways[way.name] for way in GATES)
    measured = [goal["met"] for goal in document["goals"] if goal["met"] is not None]
    tasks = ", ".join(dict.fromkeys(run["task"] for run in document["runs"]))
    return sentence(
        "readme", group=first["group"], bare=bare, live=live, oracle=oracle, tasks=tasks, met=sum(measured),
        measured=len(measured), attack=WORST, **document,
    )  # fmt: skip
