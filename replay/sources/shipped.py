"""The two real records that ship with the project; records/README.md holds their licence and attribution."""

from __future__ import annotations

from pathlib import Path

from replay.recording import Recording
from replay.sources.wfdb_numerics import read_wfdb_numerics

RECORDS_DIR = Path(__file__).parent / "records"
RECORD_NAMES = ("p000020/p000020-2183-04-28-17-47n", "s00001/s00001-2896-10-10-00-31n")


def shipped_recordings() -> list[Recording]:
    """Return p000020 (MIMIC-III, 1315 minutes) and s00001 (MIMIC-II, 1936 minutes)."""
    return [read_wfdb_numerics(RECORDS_DIR / name) for name in RECORD_NAMES]
