"""Finds a committed global model whose weights can be promoted."""

from __future__ import annotations

from functools import partial

from contracts.errors import InvalidMessage, Misconfigured
from contracts.messages.federation import RoundPhase, RoundRecord
from fl_coordinator.models.kept import LISTED, Stored, kept_bytes, whole_bytes
from fl_coordinator.models.registry import Model, model_on_record
from fl_coordinator.rounds.history import History
from transport.blobs.weights import decode_weights


def committed_model(history: History, name: str | None, stored: Stored) -> Model:
    """Return the current global model, or the committed one whose sha256 begins with `name`.

    Raises Misconfigured when there is no such model, when no round ever committed it, or when its weights are gone.
    """
    if name is None:
        model = model_on_record(history.rounds.values(), partial(kept_bytes, history, stored=stored))
        if model is None:
            raise Misconfigured("no round has committed a model yet: there is nothing to promote")
        return model
    record = _record_of(history, name)
    sha256 = str(record.new_model_sha256)
    blob = whole_bytes(history, sha256, stored)
    try:
        return Model(sha256, record.round, blob, decode_weights(blob))
    except InvalidMessage as error:
        raise Misconfigured(f"model {sha256[:12]} is unreadable: {error}") from None


def _record_of(history: History, name: str) -> RoundRecord:
    """Return the round that committed the one model whose sha256 begins so."""
    made = {
        str(record.new_model_sha256): record
        for record in history.rounds.values()
        if record.phase is RoundPhase.COMMITTED and record.new_model_sha256
    }
    named = [sha256 for sha256 in made if sha256.startswith(name)]
    if len(named) == 1:
        return made[named[0]]
    if named:
        raise Misconfigured(f"{len(named)} models begin with {name!r}: give more of it; {LISTED}")
    if any(sha256.startswith(name) for sha256 in history.models):
        raise Misconfigured(f"no round committed a model {name!r}: only committed models are promoted; {LISTED}")
    raise Misconfigured(f"no model begins with {name!r}: {LISTED}")
