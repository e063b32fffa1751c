"""The tables of an evaluation, from its results.json alone: report, summary, README and docs show the same ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from experiments.evaluation.report.words import Document, count, delay, per_cent, points, rate, share
from experiments.report.tables import Table

MET: Final = {True: "yes", False: "no", None: "not measured"}
CORE_HEAD: Final = ("strong, 2 h", "medium, 12 h", "subtle, 12 h")
CORE_NAMES: Final = ("strong_2h", "medium_12h", "subtle_12h")
FALSE: Final = "false exclusions a device-week"
BY_LEVEL_H: Final = {"strong": 2, "medium": 12, "subtle": 12}


def goals_table(document: Document) -> Table:
    """Return the goals."""
    goals = document["goals"]
    rows = tuple((_named(goal), _wanted(goal), _measured(goal), count(goal["n"]), MET[goal["met"]]) for goal in goals)
    return Table(("goal", "wanted", "measured (95 % interval)", "n", "met"), rows, tuple(goal["met"] for goal in goals))


def _named(goal: Mapping[str, Any]) -> str:
    return f"{goal['name']} ({goal['note']})" if goal["note"] else str(goal["name"])


def _wanted(goal: Mapping[str, Any]) -> str:
    sign = "≥" if goal["direction"] == "at least" else "≤"
    return f"{sign} {_in_unit(goal['goal'], goal['unit'])}"


def _measured(goal: Mapping[str, Any]) -> str:
    if goal["value"] is None:
        return "-"
    low, high = goal["interval"]
    said = _in_unit(goal["value"], goal["unit"])
    if low is None:
        return said
    ends = (_in_unit(end, goal["unit"]).removesuffix(" %").removesuffix(" points") for end in (low, high))
    return f"{said} ({' to '.join(ends)})"


def _in_unit(value: float, unit: str) -> str:
    if unit == "a device-week":
        return f"{value:.2f}"
    return f"{100 * value:.1f}" + (" %" if unit == "%" else " points")


def attacks_table(document: Document) -> Table:
    """Return every attack and level: found within 2, 4 and 12 hours."""
    rows = tuple(
        (
            f"{_named_attack(document, row['attack'])}, {row['level']}",
            *(share(row[f"within_{hours}h"], 0) for hours in (2, 4, 12)),
            delay(row["median_min"]),
            str(row["onsets"]),
        )
        for row in document["attacks"]
        if row["onsets"]
    )
    return Table(("attack", "within 2 h", "within 4 h", "within 12 h", "median", "onsets"), rows)


def short_attacks_table(document: Document) -> Table:
    """Return a row an attack: found in time by level."""
    rows = {(row["attack"], row["level"]): row for row in document["attacks"]}
    names = dict.fromkeys(row["attack"] for row in document["attacks"])
    body = tuple(
        (
            _named_attack(document, name),
            *(_cell(rows.get((name, level)), hours) for level, hours in BY_LEVEL_H.items()),
            _cell(rows.get((name, "strong")), 12),
        )
        for name in names
    )
    return Table(("attack", *CORE_HEAD, "strong, 12 h"), body)


def _named_attack(document: Document, name: str) -> str:
    learnt = any(row["learnt"] for row in document["attacks"] if row["attack"] == name)
    return name if learnt else f"{name} (never learnt)"


def _cell(row: Mapping[str, Any] | None, hours: int) -> str:
    return "-" if row is None else per_cent(row[f"within_{hours}h"]["value"], 0)


def detectors_table(title: str, rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> Table:
    """Return detectors, one a row, by what they find of the core and exclude by mistake."""
    body = tuple(
        (name, *(share(row["core"][key], 0) for key in CORE_NAMES), rate(row["false_exclusions"]))
        for name, row in zip(names, rows, strict=True)
    )
    return Table((title, *CORE_HEAD, FALSE), body)


def baselines_table(document: Document) -> Table:
    """Return simple detectors beside the detector, all fitted on the same folds."""
    rows = [document["ablations"][0], *document["baselines"]]
    return detectors_table("detector", rows, [row["name"] for row in rows])


def ablations_table(document: Document) -> Table:
    """Return what each part earns: found and excluded at the same budget, and the difference at equal false exclusions."""
    rows = tuple(
        (
            row["name"],
            *(per_cent(row["core"][key]["value"]) for key in CORE_NAMES),
            rate(row["false_exclusions"]),
            points(row.get("equal", {}).get("difference", {}).get("medium_12h")),
        )
        for row in document["ablations"]
    )
    return Table(("detector", *CORE_HEAD, FALSE, "medium lost at equal false exclusions, points"), rows)


def families_table(document: Document) -> Table:
    """Return each family found by a detector that never learnt it nor anything like it."""
    rows = tuple(
        (
            name if name != "all" else "the five together",
            *(share(row[key], 0) for key in CORE_NAMES),
            rate(row["false_exclusions"]) if "false_exclusions" in row else "-",
        )
        for name, row in document["families"].items()
    )
    return Table(("family left out", *CORE_HEAD, FALSE), rows)


def slow_table(document: Document) -> Table:
    """Return slow attacks, the baseline as it is and with its move capped."""
    capped = {(row["attack"], row["ramp_days"]): row for row in document["slow_capped"]}
    rows = []
    for row in document["slow"]:
        other = capped.get((row["attack"], row["ramp_days"]))
        cells = (per_cent(row[key], 0) for key in ("found_while_growing", "found", "last_day_excluded"))
        days = "1 day" if row["ramp_days"] == 1 else f"{row['ramp_days']} days"
        last = "-" if other is None else per_cent(other["last_day_excluded"], 0)
        rows.append((f"{row['attack']}, over {days}", str(row["n"]), *cells, last))
    head = (
        "attack",
        "patients",
        "found while it grew",
        "found at all",
        "of its last day excluded",
        "the same, baseline capped",
    )
    return Table(head, tuple(rows))


def simulated_table(document: Document) -> Table:
    """Return the simulated cohort by monitor, and with the pulse rule."""
    kinds = document["simulated"]["kinds"]
    return detectors_table(
        "simulated patients", kinds.values(), [f"{name} ({row['devices']})" for name, row in kinds.items()]
    )


def budgets_table(document: Document) -> Table:
    """Return the first seed at other budgets."""
    rows = document["by_budget"]
    return detectors_table("budget a device-week", rows, [f"{row['budget']:.2f}" for row in rows])


def seeds_table(document: Document) -> Table:
    """Return each seed by itself."""
    rows = document["by_seed"]
    return detectors_table("seed", rows, [str(row["seed"]) for row in rows])


def enrolments_table(document: Document) -> Table:
    """Return one enrolment for everybody."""
    rows = document["enrolments"]
    return detectors_table(
        "enrolment", rows, [f"{row['hours']} h ({row['patients']} patients, {row['weeks']:.1f} weeks)" for row in rows]
    )


def days_table(document: Document) -> Table:
    """Return false exclusions by days since the enrolment."""
    rows = [row for row in document["clean"]["by_day"] if row["weeks"]]
    ends: list[str] = [f" to {row['from_day']}" for row in rows[1:]] + [" and later"]
    body = tuple(
        (f"day {row['from_day']}{end}", count(row["events"]), f"{row['weeks']:.1f}", rate(row["a_week"]))
        for row, end in zip(rows, ends, strict=True)
    )
    return Table(("since the enrolment", "exclusions (mean of seeds)", "device-weeks", FALSE), body)


def former_table(document: Document) -> Table:
    """Return what the former detector did."""
    return Table(("the former detector (11f21b09)", "measured"), tuple(document["former"].items()))
