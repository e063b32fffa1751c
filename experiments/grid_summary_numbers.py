"""Numbers of a summary as text: rounded for people, but never across the goal that they are held against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

NOT_MEASURED: Final = "not measured"
MET: Final = {True: "yes", False: "**no**", None: "–"}
_MOST_DIGITS: Final = 4


def measured(goal: Mapping[str, Any]) -> str:
    """Return value and interval, as in `82 % (76–86)`."""
    span = interval(goal)
    return value(goal) + (f" ({span})" if span else "")


def value(goal: Mapping[str, Any]) -> str:
    """Return the value alone, with its unit."""
    if goal["value"] is None:
        return NOT_MEASURED
    return _text(goal, goal["value"], _digits(goal)) + _sign(goal)


def interval(goal: Mapping[str, Any]) -> str:
    """Return the interval without unit, empty where there is none."""
    low, high = goal["interval"]
    return "" if low is None or high is None else "–".join(_text(goal, edge, _digits(goal)) for edge in (low, high))


def wanted(goal: Mapping[str, Any]) -> str:
    """Return the goal, as in `≥ 99 %`; a bound that nothing can pass is written without its sign."""
    edge = _text(goal, goal["goal"], _least_digits(goal)) + _sign(goal)
    if goal["goal"] == 0 or (goal["unit"] == "share" and goal["goal"] == 1):
        return "0" if goal["unit"] == "exclusions" else edge
    return f"{'≥' if goal['direction'] == 'at least' else '≤'} {edge}"


def percent(share: float | None) -> str:
    """Return a share in per cent without the sign, as a whole number unless that would make 0 or 100 of it; a dash for None."""
    if share is None:
        return "–"
    whole = f"{100 * share:.0f}"
    return f"{100 * share:.1f}" if whole in ("0", "100") and share not in (0, 1) else whole


def decimals(number: float | None) -> str:
    """Return a rate with two decimals; a dash for one that was not measured."""
    return "–" if number is None else f"{number:.2f}"


def count(number: float) -> str:
    """Return what an n counts, as a whole number."""
    return f"{number:,.0f}"


def duration(minutes: float | None) -> str:
    """Return minutes as people say them; None stands for never."""
    if minutes is None:
        return "never"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _digits(goal: Mapping[str, Any]) -> int:
    """As few digits as still say truly whether the goal is met."""
    least = _least_digits(goal)
    return next((one for one in range(least, _MOST_DIGITS) if _says_the_same(goal, one)), _MOST_DIGITS)


def _says_the_same(goal: Mapping[str, Any], digits: int) -> bool:
    shown, edge = (round(float(one) * _factor(goal), digits) for one in (goal["value"], goal["goal"]))
    reached = shown >= edge if goal["direction"] == "at least" else shown <= edge
    return reached == bool(goal["met"])


def _text(goal: Mapping[str, Any], number: float, digits: int) -> str:
    return f"{number * _factor(goal):.{digits}f}"


def _factor(goal: Mapping[str, Any]) -> int:
    return 100 if goal["unit"] == "share" else 1


def _least_digits(goal: Mapping[str, Any]) -> int:
    return 2 if goal["unit"] == "a device-week" else 0


def _sign(goal: Mapping[str, Any]) -> str:
    return " %" if goal["unit"] == "share" else ""
