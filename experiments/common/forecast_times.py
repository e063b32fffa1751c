"""When a forecast of acute hypotension is due on a real patient, and who had an episode then: the files beside recordings."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from contracts.errors import Misconfigured
from contracts.event_time import to_event_minute

FORECASTS: Final = "forecast_times.csv"
EPISODE_GROUPS: Final = ("h1", "h2")


class Due(NamedTuple):
    """The event minute at which a forecast is due, and whether a hypotensive episode begins after it."""

    minute: int
    has_episode: bool


def forecasts_in(folders: Sequence[Path]) -> list[Path]:
    """Return the files of forecast times that lie in folders of recordings."""
    return [file for file in (folder / FORECASTS for folder in folders) if file.is_file()]


def forecasts_of(files: Sequence[Path]) -> Mapping[str, Due]:
    """Return each device's forecast. Who is of no group had an episode. Raises Misconfigured for a wrong file."""
    due: dict[str, Due] = {}
    for file in files:
        try:
            with file.open(encoding="utf-8", newline="") as rows:
                for row in csv.DictReader([next(rows), *rows]):
                    has_episode = row.get("group", EPISODE_GROUPS[0]) in EPISODE_GROUPS
                    due[row["device_id"]] = Due(to_event_minute(datetime.fromisoformat(row["t0"])), has_episode)
        except (OSError, ValueError, KeyError, TypeError, StopIteration, csv.Error) as error:
            raise Misconfigured(
                f"{file}: no forecast times ({error or 'nothing'}); its columns are device_id,t0[,group]"
            ) from None
    return due


def episodes_of(files: Sequence[Path]) -> Mapping[str, int]:
    """Return, by device, the event minute after which an acute hypotensive episode begins. Raises Misconfigured for a wrong file."""
    return {device_id: due.minute for device_id, due in forecasts_of(files).items() if due.has_episode}
