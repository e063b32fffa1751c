"""The rounds that stand in Kafka, for tests that run programs and so have no loop of their own."""

from __future__ import annotations

import asyncio

from contracts.configuration.settings import Settings
from contracts.messages.federation import RoundPhase, RoundRecord
from fl_coordinator.rounds.history import History, read_history


def history_of(settings: Settings) -> History:
    return asyncio.run(read_history(settings))


def committed(settings: Settings) -> list[RoundRecord]:
    return [record for record in history_of(settings).rounds.values() if record.phase is RoundPhase.COMMITTED]
