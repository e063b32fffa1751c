"""Finds a committed global model whose weights can be promoted."""

from __future__ import annotations

from collections.abc import Callable

from contracts.content_hash import sha256_of
from contracts.errors import InvalidMessage, Misconfigured
from contracts.messages.federation import RoundPhase, RoundRecord
from fl_coordinator.models.registry import Model, model_on_record
from fl_coordinator.rounds.history import History
from transport.blobs.weights import decode_weights

LISTED = "`fedsecure models` lists them"


def committed_model(history: History, name: str | None, stored: Callable[[str], bytes | None]) -> Model:
    """Return the current global model, or the committed one whose sha256 begins with `name`.

    `stored` returns the bytes that lie under a sha256 elsewhere than on the models topic. Raises Misconfigured when there is
    no such model, when no round ever committed it, or when its weights are gone.
    """

    def weights_of(sha256: str) -> bytes | None:
        known = history.models.get(sha256)
        return known.weights if known is not None and known.weights is not None else stored(sha256)

    if name is None:
        model = model_on_record(history.rounds.values(), weights_of)
        if model is None:
            raise Misconfigured("no round has committed a model yet: there is nothing to promote")
        return model
    record = _record_of(history, name)
    sha256 = str(record.new_model_sha256)
    blob = weights_of(sha256)
    if blob is None or sha256_of(blob) != sha256:
        raise Misconfigured(f"the weights of model {sha256[:12]} are no longer kept; take a younger one: {LISTED}")
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
