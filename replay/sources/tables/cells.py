"""What a cell of a table says: a number, an integer, yes or no, or nothing."""

from __future__ import annotations

import math
from typing import Final

MISSING: Final = frozenset({"", "nan", "na", "n/a", "<na>", "nat", "null", "none", r"\n", ".", "-", "--"})
"""What data bases, spreadsheets and statistics programs write for no value, in lower case."""
YES: Final = frozenset({"1", "1.0", "true", "t", "yes", "y"})
NO: Final = frozenset({"0", "0.0", "false", "f", "no", "n"})


def is_missing(text: str) -> bool:
    """Return whether the cell says that there is no value, in any case and with any blanks around it.

    >>> is_missing(""), is_missing("NULL"), is_missing("80")
    (True, True, False)
    """
    return text.strip().lower() in MISSING


def number(text: str, *, decimal_comma: bool = False) -> float:
    r"""Return the cell's number, NaN = missing. Raises ValueError for anything else, infinity included.

    >>> number("80.1"), number("80,1", decimal_comma=True), number(r" \N ")
    (80.1, 80.1, nan)
    """
    try:
        value = float(text)
    except ValueError:
        if is_missing(text):
            return math.nan
        if not decimal_comma or text.count(",") != 1:
            raise
        value = float(text.replace(",", "."))
    if math.isinf(value) or "_" in text:
        raise ValueError(text)
    return value


def integer(text: str) -> int:
    """Return the cell's whole number, also where it is written as 211.0. Raises ValueError for anything else.

    >>> integer("211"), integer("211.0")
    (211, 211)
    """
    try:
        return int(text)
    except ValueError:
        value = number(text)
    if not value.is_integer():
        raise ValueError(text)
    return int(value)


def yes(text: str) -> bool:
    """Return whether a cell says yes. No and missing are False. Raises ValueError for anything else.

    >>> [yes(word) for word in ("1", "TRUE", "t", "Y", "0", "False", "")]
    [True, True, True, True, False, False, False]
    """
    word = text.strip().lower()
    if word in YES:
        return True
    if word in NO or word in MISSING:
        return False
    raise ValueError(text)
