"""The federation study as data: results.json, one CSV a table, and what README and docs repeat of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from experiments.federation.plan import BASELINE, FLIP, OTHER_NETWORKS, SHOWN, WORST
from experiments.federation.results import goals, rows
from experiments.federation.study import Study
from experiments.report.numbers import flat, plain, with_interval
from experiments.report.page import said
from experiments.report.tables import csv_text, table_markdown, table_of

SCHEMA_VERSION: Final = 1
Document = Mapping[str, Any]
NETWORKS: Final = ("", *(f"{task}, " for task in OTHER_NETWORKS))
GATES: Final = ("no gate", "live gate", "oracle gate")
MET: Final = {True: "met", False: "missed", None: "not measured"}
sentence: Final = partial(said, "experiments.federation")


def results_document(study: Study, command: str) -> dict[str, Any]:
    """Return what `results.json` holds. Losses are mean squared errors in a device's own units, shares 0..1."""
    goal_records = [asdict(goal) | {"met": goal.met} for goal in goals(study)]
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "bundle_sha256": study.bundle_sha256,
        "plan": asdict(study.plan),
        "goals": plain([{name: goal[name] for name in goal if name != "unit"} for goal in goal_records]),
        "runs": plain([asdict(row) for row in rows(study)]),
        "rounds": plain(list(_rounds(study))),
    }


def tables(document: Document) -> dict[str, str]:
    """Return the CSV files of a document by their names."""
    runs = [_last(run, "ratio", left_out=("devices", "accuracies")) for run in document["runs"]]
    goal_rows = [_last(goal, "interval") for goal in document["goals"]]
    return {"runs.csv": csv_text(runs), "rounds.csv": csv_text(document["rounds"]), "goals.csv": csv_text(goal_rows)}


def _last(record: Document, nested: str, left_out: Sequence[str] = ()) -> dict[str, Any]:
    """Return a record as one row of CSV, what is nested in it at the row's end."""
    return flat({name: record[name] for name in record if name not in {nested, *left_out}} | {nested: record[nested]})


def _rounds(study: Study) -> Iterator[dict[str, Any]]:
    """Every round of every run and seed: global loss and tolerance, those of Dev2 and Dev4, who took part."""
    for name, outcomes in study.outcomes.items():
        for seed, outcome in zip(study.plan.seeds, outcomes, strict=True):
            for at in range(len(outcome.loss)):
                yield {
                    "run": name, "seed": seed, "round": at + 1, "loss": float(outcome.loss[at].mean()),
                    "accuracy": float(outcome.accuracy[at].mean()),
                    **{f"loss_dev{device + 1}": float(outcome.loss[at, device]) for device in SHOWN},
                    **{f"accuracy_dev{device + 1}": float(outcome.accuracy[at, device]) for device in SHOWN},
                    "asked": int(outcome.asked[at].sum()), "taken": int(outcome.taken[at].sum()),
                    "poisoned_minutes": int(outcome.poisoned[at].sum()),
                }  # fmt: skip


def federation_line(document: Document) -> str:
    """Return the sentence that README holds."""
    runs = _runs(document)
    bare, gated = (runs[f"{WORST}, {gate} gate"] for gate in ("no", "live"))
    return sentence("readme", attack=WORST, bare=bare, gated=gated, **document)


def federation_block(document: Document) -> str:
    """Return the tables that docs/federation.md holds."""
    made = sentence("made", run_count=len(document["runs"]), **document)
    tables_shown = (_of_runs(document), _of_labels(document), _of_goals(document))
    return "\n\n".join([made, *(table_markdown(table_of(cells)) for cells in tables_shown)])


def _of_runs(document: Document) -> Iterator[dict[str, str]]:
    """Yield loss in units of the baseline's and poisoned minutes trained on, by attack, network and gate."""
    runs = _runs(document)
    for name in (f"{network}{attack}" for network in NETWORKS for attack in document["plan"]["attacks"]):
        if f"{name}, no gate" in runs:
            bare, live, oracle, at_once = (runs.get(f"{name}, {way}") for way in (*GATES, "live gate without delay"))
            yield {
                "run": name if name.startswith(OTHER_NETWORKS) else f"reference, {name}",
                "no gate": _ratio(bare),
                "live gate": _ratio(live),
                "oracle gate": _ratio(oracle),
                "poisoned minutes trained on: no gate": _minutes(bare),
                "with the live gate": _minutes(live),
                "live gate, no delay": _minutes(at_once),
            }


def _of_labels(document: Document) -> Iterator[dict[str, str]]:
    ways = (f"{FLIP}, {way}" for way in (*GATES, "update defence", "live gate, update defence"))
    for name in (f"classification, {BASELINE}", *ways):
        shown = name.removeprefix("classification, ")
        yield {
            "flipped labels, two of five": shown,
            "hours told right": f"{_runs(document)[name]['accuracy']:.1%}",
        }


def _of_goals(document: Document) -> Iterator[dict[str, str]]:
    for goal in document["goals"]:
        low, high = goal["interval"]
        yield {
            "goal": goal["name"],
            "measured": "-" if goal["value"] is None else f"{goal['value']:.2f}",
            "95 % interval": "-" if low is None else f"{low:.2f} to {high:.2f}",
            "wanted": f"{goal['direction']} {goal['goal']:g}",
            "": MET[goal["met"]],
        }


def _ratio(run: Document | None) -> str:
    return (
        "-" if run is None else with_interval(run["ratio"]["value"], run["ratio"]["low"], run["ratio"]["high"], ".2f")
    )


def _minutes(run: Document | None) -> str:
    return "-" if run is None else f"{run['poisoned_minutes']:,.0f}"


def _runs(document: Document) -> dict[str, Document]:
    return {run["run"]: run for run in document["runs"]}
