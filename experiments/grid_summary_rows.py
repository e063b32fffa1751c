"""What the goals of an evaluation are called in a summary, row by row as the specification's table groups them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Goal = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One goal: its name in results.json, its name for people, and what its n counts (empty: attacked devices)."""

    goal: str
    words: str
    counted: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Goals that share a row of the short table, `words` naming them in their order."""

    words: str
    parts: tuple[Part, ...]


_HARD: Final = (
    ("spoof", "another patient's data (spoof)"),
    ("time-shift", "time-shift"),
    ("mirror-flip", "mirror-flip"),
)
_PULSE: Final = "backdoor-1 or bias on HR only, PULSE present, within 60 min of a 5 bpm gap"

ROWS: Final = (
    Row("five core attacks, strong, within 2 h / mean of training seeds (and their range)", (
        Part("core strong within 2 h", "five core attacks, strong, within 2 h"),
        Part("core strong within 2 h, training seeds", "the same, networks learnt with other seeds", "training seeds"),
    )),
    Row("the same, the family never learnt / the worst of the five", (
        Part("core strong within 2 h, leave-one-out", "five core attacks, strong, within 2 h, the family never learnt"),
        Part("core strong within 2 h, leave-one-out, every family", "the same, the worst of the five"),
    )),
    Row("five core attacks, medium, within 12 h / the family never learnt", (
        Part("core medium within 12 h", "five core attacks, medium, within 12 h"),
        Part("core medium within 12 h, leave-one-out", "five core attacks, medium, within 12 h, the family never learnt"),
    )),
    Row("noise (data-poisoning-1), medium within 4 h / subtle within 12 h", (
        Part("DP1 medium within 4 h", "noise (data-poisoning-1), medium, within 4 h"),
        Part("DP1 subtle within 12 h", "noise (data-poisoning-1), subtle, within 12 h"),
    )),
    Row("scaling (data-poisoning-2) by 1.3 within 12 h, with / without lattice features", (
        Part("DP2 x1.3 within 12 h, lattice features in", "scaling (data-poisoning-2) by 1.3, within 12 h"),
        Part("DP2 x1.3 within 12 h, lattice features out", "the same, without lattice features"),
    )),
    Row("trigger bumps (backdoor-2), strong within 4 h / medium within 12 h / strong within 4 h, never learnt", (
        Part("backdoor-2 strong within 4 h", "trigger bumps (backdoor-2), strong, within 4 h"),
        Part("backdoor-2 medium within 12 h", "trigger bumps (backdoor-2), medium, within 12 h"),
        Part("backdoor-2 strong within 4 h, leave-one-out", "trigger bumps (backdoor-2), strong, within 4 h, never learnt"),
    )),
    Row("exact replay within 2 h / jittered replay within 2 h / false exclusions by the replay guard", (
        Part("exact replay within 2 h", "exact replay, within 2 h"),
        Part("jittered replay within 2 h", "jittered replay, within 2 h"),
        Part("replay guard, false exclusions", "false exclusions by the replay guard", "device-weeks"),
    )),
    Row("ramp, then hold (backdoor-1), strong, within 12 h", (
        Part("backdoor-1 strong within 12 h", "ramp, then hold (backdoor-1), strong, within 12 h"),
    )),
    Row(
        f"{' / '.join(words for _, words in _HARD)}, strong, within 12 h",
        tuple(Part(f"{name} strong within 12 h", f"{words}, strong, within 12 h") for name, words in _HARD),
    ),
    Row("heart rate alone ramped or offset, PULSE present, within 1 h of a gap of 5 bpm", (
        Part(_PULSE, "heart rate alone ramped or offset, PULSE present, within 1 h of a gap of 5 bpm"),
    )),
    Row("false exclusions a device-week / devices with any in 6 days", (
        Part("false exclusions", "false exclusions a device-week", "device-weeks"),
        Part("devices with any false exclusion in 6 days", "clean devices with any false exclusion in 6 days", "clean devices"),
    )),
    Row("genuine deteriorations excluded", (
        Part("deterioration episodes excluded", "genuine deteriorations excluded", "episodes"),
    )),
    Row("clean time of real records excluded", (
        Part("real clean time excluded", "clean time of real records excluded", "minutes"),
    )),
)  # fmt: skip


def rows_of(goals: Sequence[Goal]) -> Iterator[tuple[Row, list[Goal]]]:
    """Yield every row with its goals; a goal that no row names has a row to itself, under its own name, at the end."""
    by_name = {one["name"]: one for one in goals}
    named = {part.goal for row in ROWS for part in row.parts}
    others = [Row(name, (Part(name, name),)) for name in by_name if name not in named]
    for row in (*ROWS, *others):
        found = [by_name[part.goal] for part in row.parts if part.goal in by_name]
        if len(found) == len(row.parts):
            yield row, found
        else:
            yield from ((Row(one["name"], (Part(one["name"], one["name"]),)), [one]) for one in found)
