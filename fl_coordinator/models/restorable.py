"""Finds an earlier global model that can be made the current one again."""

from __future__ import annotations

from collections.abc import Callable

from contracts.content_hash import sha256_of
from contracts.errors import Misconfigured
from contracts.messages.federation import RoundRecord
from fl_coordinator.models.lineage import ModelLine, model_lines
from fl_coordinator.rounds.history import History

LISTED = "`fedsecure models` lists them"


def restorable_model(history: History, name: str, stored: Callable[[str], bytes | None]) -> ModelLine:
    """Return the model whose sha256 begins with `name`, which counted once and whose weights are kept.

    `stored` returns the bytes that lie under a sha256 elsewhere than on the models topic. Raises Misconfigured when there is no such
    model, it is the current one already, no round ever trained from it or committed it, or its weights are gone.
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
    known = history.models.get(line.sha256)
    blob = known.weights if known is not None and known.weights is not None else stored(line.sha256)
    if blob is None or sha256_of(blob) != line.sha256:
        raise Misconfigured(f"the weights of model {line.sha256[:12]} are no longer kept; take a younger one: {LISTED}")
    return line


def ended_by(history: History, request: str) -> RoundRecord | None:
    """Return the round that says what became of a request, ROLLED_BACK or FAILED. None: nothing yet."""
    return next((record for record in history.rounds.values() if record.request == request), None)
