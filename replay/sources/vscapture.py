"""Read numerics that VSCapture took from a Philips monitor: columns by the monitor's own names."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from replay.sources.reading import Reading, read_each
from replay.sources.source import Source
from replay.sources.tables.sampled_table import Layout, read_sampled_table
from replay.sources.tables.times import parsed_local

LAYOUT: Final = Layout(
    time="time",
    heart=("nom_ecg_card_beat_rate",),
    breath=("nom_resp_rate", "nom_away_resp_rate"),  # by impedance, else by carbon dioxide
    pulse=("nom_pleth_puls_rate",),
    seconds=parsed_local,
)


def read_vscapture(path: Path) -> Reading:
    """Return the file's one recording; `-` is missing, a minute is the mean of its valid samples.

    Times are `28-04-2183 17:47:00.123` (day first) or ISO 8601, UTC where they have no zone. The device is called as the file.
    Raises Misconfigured naming file, line and column.
    """
    name = path.name.partition(".")[0]
    return read_each([(str(path), lambda: read_sampled_table(path, LAYOUT, name, f"VSCapture export {path.name}"))])


SOURCE = Source(
    "VSCapture export (Philips)",
    "Time,NOM_ECG_CARD_BEAT_RATE,NOM_RESP_RATE (or NOM_AWAY_RESP_RATE) among others",
    read_vscapture,
    header=LAYOUT.fits,
)
