"""The rounds page: rounds and their outcome, who took part and who sat out and why, where the models come from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from console.sources.board import Board
from console.views.words import event_in_words, reason_in_words
from contracts.messages.federation import FlEvent, RoundRecord
from fl_coordinator.models.lineage import model_lines

MOST_MODELS: Final = 60
MOST_EVENTS: Final = 60


def summary_of(record: RoundRecord) -> dict[str, Any]:
    """Return a round in a line."""
    return {
        "round": record.round,
        "phase": record.phase,
        "reason": reason_in_words(record.reason) if record.reason else "",
        "cohort": len(record.cohort),
        "accepted": len(record.accepted),
        "excluded": len(record.excluded),
        "loss": record.loss,
        "change": record.change,
        "tolerance": record.tolerance,
        "measured": len(record.measurements),
        "model": record.new_model_sha256 or record.model_sha256,
        "aggregation": record.aggregation,
        "task": record.task,
        "gated_at": record.gated_at,
        "deadline_at": record.deadline_at,
        "ended_at": record.ended_at,
    }


def detail_of(record: RoundRecord, events: list[FlEvent]) -> dict[str, Any]:
    """Return all that is on record of a round. Those who sat out are grouped by the reason."""
    sat_out: defaultdict[str, list[str]] = defaultdict(list)
    for device_id, reason in sorted(record.excluded.items()):
        sat_out[reason_in_words(reason)].append(device_id)
    updates = [
        {"device": device_id, "samples": update.samples, "loss": update.loss}
        for device_id, update in sorted(record.updates.items())
    ]
    ranked = sorted(sat_out.items(), key=lambda item: (-len(item[1]), item[0]))
    return summary_of(record) | {
        "devices": list(record.cohort),
        "accepted_devices": list(record.accepted),
        "sat_out": [{"reason": reason, "devices": devices} for reason, devices in ranked],
        "updates": updates,
        "base": record.model_sha256,
        "events": [event_of(event) for event in events],
    }


def event_of(event: FlEvent) -> dict[str, Any]:
    """Return a line of the audit trail in words."""
    return {
        "at": event.at,
        "what": event_in_words(event.kind),
        "round": event.round,
        "device": event.device_id,
        "why": reason_in_words(event.reason) if event.reason else "",
    }


class RoundsView:
    """All rounds that the board holds. A change tells those that moved on."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._sent_version = -1
        self._sent: dict[int, RoundRecord] = {}

    def snapshot(self) -> Mapping[str, Any]:
        """Return every round in a line, the models and the end of the audit trail."""
        return {"rounds": [summary_of(record) for _, record in sorted(self._sent.items())], **self._around()}

    def changes(self) -> Mapping[str, Any] | None:
        """Return what moved on since the last call."""
        if self._board.rounds_version == self._sent_version:
            return None
        self._sent_version = self._board.rounds_version
        moved = [record for number, record in self._board.rounds.items() if self._sent.get(number) is not record]
        self._sent = dict(self._board.rounds)
        return {
            "rounds": [summary_of(record) for record in sorted(moved, key=lambda record: record.round)],
            **self._around(),
        }

    def detail(self, number: int) -> dict[str, Any] | None:
        """Return one round in full, None when it is not held."""
        record = self._board.rounds.get(number)
        if record is None:
            return None
        detail = detail_of(record, [event for event in self._board.events if event.round == number])
        return detail | {"labels": self._board.labels([*record.cohort, *record.excluded])}

    def _around(self) -> dict[str, Any]:
        lines = model_lines(self._sent, {})[-MOST_MODELS:]
        events = list(self._board.events)[-MOST_EVENTS:]
        return {
            "models": [msgspec.to_builtins(line) | {"devices": len(line.devices)} for line in reversed(lines)],
            "events": [event_of(event) for event in reversed(events)],
        }
