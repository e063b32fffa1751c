"""Attacks and levels of an evaluation in a summary: which were evaluated, how many were found, how soon (devices in tenths)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from experiments.grid_protocol import CORE, WITHIN_H
from experiments.grid_summary_numbers import NOT_MEASURED, duration, percent

Cell = Mapping[str, Any]
Cells = Mapping[tuple[str, str], Cell]

SHOWN: Final = ("strong", "medium")
WORDS: Final = {
    "data-poisoning-1": "noise", "data-poisoning-2": "scaling", "replay": "exact copy of the past", "spoof": "another patient",
    "backdoor-1": "ramp, then hold", "backdoor-2": "trigger bumps", "motif": "a segment repeated", "bias": "offset",
}  # fmt: skip


def tenths_cells(document: Mapping[str, Any]) -> Cells:
    """Return the headline's cells of devices in tenths by attack and level, core attacks first, then by what was found in 12 h."""
    wanted = [
        one for one in document["cells"]
        if one["monitor"] == "tenths" and one["enrolment_min"] == document["protocol"]["enrolment_min"]
    ]  # fmt: skip
    found: dict[str, float] = {}
    for one in wanted:
        found[one["attack"]] = found.get(one["attack"], 0.0) + (one["within_12_h"]["value"] or 0.0)
    wanted.sort(key=lambda one: CORE.index(one["attack"]) if one["core"] else len(CORE) + 3 - found[one["attack"]])
    return {(one["attack"], one["level"]): one for one in wanted}


def attacks_of(cells: Cells) -> list[str]:
    """Return the attacks in the order of the cells."""
    return list(dict.fromkeys(name for name, _ in cells))


def named(attack: str) -> str:
    """Return the attack's name, and what it does where the name does not say."""
    return f"{attack} ({WORDS[attack]})" if attack in WORDS else attack


def pooled(cells: Cells, level: str, hours: int) -> float | None:
    """Return the share of the core's devices found within so many hours; None unless every family was evaluated."""
    found = [cells[name, level][f"within_{hours}_h"] for name in CORE if (name, level) in cells]
    devices = sum(one["n"] for one in found)
    if len(found) < len(CORE) or not devices:
        return None
    return float(sum((one["value"] or 0.0) * one["n"] for one in found) / devices)


def headline(cells: Cells) -> str:
    """Return how many of the strong core attacks are quarantined in two hours and in four, as the end of a sentence."""
    two, four = (pooled(cells, "strong", hours) for hours in WITHIN_H[:2])
    if two is None:
        return NOT_MEASURED
    return f"{percent(two)} % are quarantined within two hours of data and {percent(four)} % within four"


def attack_lines(cells: Cells) -> list[str]:
    """Return the table: an attack a row; shares in per cent within 2 / 4 / 12 h and the median time, strong and medium."""
    hours = " / ".join(map(str, WITHIN_H))
    heads = [title for level in SHOWN for title in (f"{level}: found within {hours} h, %", "median")]
    lines = ["| attack | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    core = [name for name in attacks_of(cells) if name in CORE]
    others = [name for name in attacks_of(cells) if name not in CORE]
    lines += [_line(named(name), [_pair(cells.get((name, level))) for level in SHOWN]) for name in core]
    if set(core) == set(CORE):
        lines.append(_line("**the five above**", [(_pooled(cells, level), "") for level in SHOWN]))
    return lines + [_line(named(name), [_pair(cells.get((name, level))) for level in SHOWN]) for name in others]


def _pair(cell: Cell | None) -> tuple[str, str]:
    if cell is None:
        return "–", "–"
    shares = " / ".join(percent(cell[f"within_{hours}_h"]["value"]) for hours in WITHIN_H)
    return shares, duration(cell["median_min"]["value"]) if cell["devices"] else "–"


def _pooled(cells: Cells, level: str) -> str:
    return "**" + " / ".join(percent(pooled(cells, level, hours)) for hours in WITHIN_H) + "**"


def _line(words: str, pairs: Sequence[tuple[str, str]]) -> str:
    return "| " + " | ".join([words.replace("|", "\\|"), *(one for pair in pairs for one in pair)]) + " |"
