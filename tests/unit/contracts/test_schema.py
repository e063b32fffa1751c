"""The wire schema changes only by addition: it is compared with the one that is committed in docs/schema/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts.messages.export_schema import MESSAGES as KINDS
from contracts.messages.verdicts import DeviceStatus, ScoreBatch

SCHEMA_DIR = Path(__file__).parents[3] / "docs" / "schema"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_committed_schema_is_the_code(kind: type[msgspec.Struct]) -> None:
    committed = json.loads((SCHEMA_DIR / f"{kind.__name__}.json").read_text())
    assert msgspec.json.schema(kind) == committed, "run `python -m contracts.messages.export_schema docs/schema`"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_message_says_its_version(kind: type[msgspec.Struct]) -> None:
    definition: dict[str, Any] = msgspec.json.schema(kind)["$defs"][kind.__name__]
    assert definition["properties"]["schema_version"]["default"] == (3 if kind in {DeviceStatus, ScoreBatch} else 1)
