"""Write the JSON Schema of every message: `python -m contracts.messages.export_schema docs/schema`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec

from contracts.messages.federation import (
    DeviceKey,
    FlEvent,
    GlobalModel,
    ModelMeasurement,
    ModelRollback,
    ModelUpdate,
    RoundRecord,
)
from contracts.messages.ingest import JournalRecord
from contracts.messages.node_proof import NodeProof
from contracts.messages.releases import BundleRelease
from contracts.messages.replay_commands import ReplayCommand
from contracts.messages.truth import TruthInterval
from contracts.messages.verdicts import DeviceStatus, ScoreBatch
from contracts.messages.vitals import VitalsBatch

MESSAGES = (
    VitalsBatch, DeviceStatus, ScoreBatch, TruthInterval, RoundRecord, ModelUpdate, ModelMeasurement, ModelRollback, DeviceKey,
    GlobalModel, FlEvent, BundleRelease, ReplayCommand, JournalRecord, NodeProof,
)  # fmt: skip


def export_schema(folder: Path) -> None:
    """Write one file a message into the folder, which is made when missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind in MESSAGES:
        text = json.dumps(msgspec.json.schema(kind), indent=2, sort_keys=True)
        (folder / f"{kind.__name__}.json").write_text(text + "\n")


if __name__ == "__main__":
    export_schema(Path(sys.argv[1]))
