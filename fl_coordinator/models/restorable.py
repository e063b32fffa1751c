"""Finds an earlier global model that can be made the current one again."""

from __future__ import annotations

from contracts.errors import Misconfigured
from contracts.messages.federation import RoundRecord
from fl_coordinator.models.kept import LISTED, Stored, whole_bytes
from fl_coordinator.models.lineage import ModelLine, model_lines
from fl_coordinator.rounds.history import History


def restorable_model(history: History, name: str, stored: Stored) -> ModelLine:
    """Return the model whose sha256 begins with `name`, which counted once and whose weights are kept.

    Raises Misconfigured when there is no such model, it is the current one already, no round ever trained from it or
    committed it, or its weights are gone.
    """
    lines = [line for line in model_lines(history.rounds, history.models) if line.sha256.startswith(name)]
    if not lines:
        raise Misconfigured(f"no model begins with {name!r}: {LISTED}")
    if len(lines) > 1:
        raise Misconfigured(f"{len(lines)} models begin with {name!r}: give more of it; {LISTED}")
    (line,) = lines
    if line.state == "current":
        raise Misconfigured(f"model {line.sha256[:12]} is the current one already")
    if line.state != "earlier":
        raise Misconfigured(f"model {line.sha256[:12]} was {line.state}: only one that counted can come back; {LISTED}")
    whole_bytes(history, line.sha256, stored)
    return line


def ended_by(history: History, request: str) -> RoundRecord | None:
    """Return the round that says what became of a request, ROLLED_BACK or FAILED. None: nothing yet."""
    return next((record for record in history.rounds.values() if record.request == request), None)
