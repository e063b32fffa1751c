"""Read numerics that VSCapture took from a Philips monitor: columns by the monitor's own names, `-` for a missing value.

Times are `28-04-2183 17:47:00.123` (day first) or ISO 8601, UTC where they have no zone. The device is called as the file.
"""

from __future__ import annotations

from typing import Final

from replay.sources.source import Source
from replay.sources.tables.sampled_table import Layout, export_reader
from replay.sources.tables.times import parsed_local

LAYOUT: Final = Layout(
    time="time",
    heart=("nom_ecg_card_beat_rate",),
    breath=("nom_resp_rate", "nom_away_resp_rate"),  # by impedance, else by carbon dioxide
    pulse=("nom_pleth_puls_rate",),
    seconds=parsed_local,
)
SOURCE = Source(
    "VSCapture export (Philips)",
    "Time,NOM_ECG_CARD_BEAT_RATE,NOM_RESP_RATE (or NOM_AWAY_RESP_RATE) among others",
    export_reader(LAYOUT, "VSCapture export"),
    header=LAYOUT.fits,
)
