"""An evaluation as files beside its results.json, and as the blocks that README and docs hold. All from the document alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from experiments.evaluation.report import tables
from experiments.evaluation.report.words import Document, sentences
from experiments.report.numbers import flat
from experiments.report.tables import csv_text, table_markdown


def files_of(document: Document) -> dict[str, str]:
    """Return the files that repeat the document, by name: a page to read, and tables."""
    return {"summary.md": summary_page(document), **csv_tables(document)}


def csv_tables(document: Document) -> dict[str, str]:
    """Return the CSV files by name. A table without rows is left out."""
    rows: dict[str, list[dict[str, Any]]] = {
        "goals.csv": [flat(row) for row in document["goals"]],
        "attacks.csv": [flat(row) for row in document["attacks"]],
        "false_exclusions.csv": [flat(row) for row in document["exclusions"]],
        "days.csv": [flat(row) for row in document["clean"]["by_day"]],
        "detectors.csv": list(_detectors(document)),
        "slow.csv": [flat(row) for row in document["slow"]],
    }
    return {name: csv_text(records) for name, records in rows.items() if records}


def _detectors(document: Document) -> Iterator[dict[str, Any]]:
    named = {
        "ablation": ("name", document["ablations"]),
        "baseline": ("name", document["baselines"]),
        "enrolment in hours": ("hours", document["enrolments"]),
        "seed": ("seed", document["by_seed"]),
        "budget": ("budget", document["by_budget"]),
    }
    for kind, (key, rows) in named.items():
        for row in rows:
            kept = {name: row[name] for name in ("core", "false_exclusions", "devices", "held")}
            yield {"study": kind, "detector": row[key], **flat(kept)}


def summary_page(document: Document) -> str:
    """Return summary.md."""
    parts = ["# How well the detector does", results_block(document), "## Goals", goals_block(document)]
    return "\n\n".join([*parts, f"Made by `{document['command']}`."]) + "\n"


def goals_block(document: Document) -> str:
    """Return what README holds: the goals as a table."""
    return table_markdown(tables.goals_table(document))


def ablations_block(document: Document) -> str:
    """Return what docs/detection.md holds."""
    return table_markdown(tables.ablations_table(document))


def results_block(document: Document) -> str:
    """Return what docs/evaluation.md holds: sentences and the main tables."""
    parts = [
        sentences(document, "headline"), sentences(document, "data"), "**Attacks**, excluded in time:",
        table_markdown(tables.short_attacks_table(document)), "**Clean devices.** " + sentences(document, "clean"),
        table_markdown(tables.days_table(document)),
    ]  # fmt: skip
    if document["slow"]:
        parts += ["**Attacks that grow over days**, then held for one:", table_markdown(tables.slow_table(document))]
    if document["ablations"]:
        parts += ["**Families never learnt**, nor anything like them:", table_markdown(tables.families_table(document))]
        parts += ["**Simple detectors** on the same folds:", table_markdown(tables.baselines_table(document))]
        parts += ["**Enrolment** for all alike:", table_markdown(tables.enrolments_table(document))]
    if document["simulated"]:
        hit, of = (document["simulated"][name] for name in ("deteriorations_excluded", "deteriorations"))
        said = f"**Simulated patients**, judged by the real patients' folds; {hit} of {of} genuine deteriorations were excluded:"
        parts += [said, table_markdown(tables.simulated_table(document))]
    return "\n\n".join(parts)
