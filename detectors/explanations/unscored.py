"""Why nothing is judged, in words: too few minutes are measured, or none came."""

from __future__ import annotations


def unscored_in_words(unscored_min: int, interval_min: int, *, too_sparse: bool) -> str:
    """Say why a device is unscored; `interval_min` is the usual distance between its measured minutes.

    >>> unscored_in_words(60, 5, too_sparse=True)
    'values come every 5 minutes: a value a minute is needed to judge'
    """
    if interval_min > 1:
        return f"values come every {interval_min} minutes: a value a minute is needed to judge"
    if too_sparse:
        return "too many of the last minutes are missing to judge: those measured lie too far apart"
    return f"no decision for {unscored_min} minutes" if unscored_min else "no decision yet"
