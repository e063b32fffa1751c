"""Where each global model comes from, by the rounds on record."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

import msgspec

from contracts.messages.federation import MAKES_CURRENT, GlobalModel, RoundPhase, RoundRecord

ModelState = Literal["current", "earlier", "rejected", "never committed"]


class ModelLine(msgspec.Struct, frozen=True, kw_only=True, rename={"state": "standing"}):
    """One global model: the round that made it (0: what federation began with), what from, with whom, and how well it fits.

    `loss` is the accepted devices' mean loss after local training, `made_at` epoch seconds; `size_bytes` None: its
    weights are no longer on the models topic. `change` is by how much more the devices that measured it (`measured_by`) found it to lose
    than the model before, their median; None where nobody measured.
    """

    sha256: str
    round: int
    parent_sha256: str | None
    state: ModelState
    devices: tuple[str, ...]
    aggregation: str | None
    loss: float | None
    made_at: float | None
    size_bytes: int | None
    change: float | None = None
    measured_by: int = 0


def model_lines(rounds: Mapping[int, RoundRecord], models: Mapping[str, GlobalModel]) -> list[ModelLine]:
    """Return every model that a round committed or rejected, the first one's parent, and those on the topic that no round names, by round."""
    in_order = sorted(rounds.values(), key=lambda record: record.round)
    refused = {record.candidate_sha256: record for record in in_order if record.phase is RoundPhase.REJECTED}
    made = {record.new_model_sha256: record for record in in_order if record.phase is RoundPhase.COMMITTED}
    settled = [record for record in in_order if record.phase in MAKES_CURRENT]
    roots = {record.model_sha256 for record in (*settled, *refused.values())}
    current = settled[-1].new_model_sha256 if settled else _newest([models[name] for name in models.keys() - refused])
    counted = {sha256 for sha256 in (*roots, *made, current) if sha256}

    def line(sha256: str) -> ModelLine:
        # A model that one round rejected and another made has counted.
        record = made.get(sha256) or (None if sha256 in counted else refused.get(sha256))
        return _line(sha256, record, models.get(sha256), _state(sha256, current, record, sha256 in counted))

    known = counted | models.keys() | {sha256 for sha256 in refused if sha256}
    return sorted(map(line, known), key=lambda line: (line.round, line.sha256))


def descent(lines: list[ModelLine], name: str) -> list[ModelLine]:
    """Return the model whose sha256 begins with `name` and its ancestors, youngest first. Raises LookupError unless it is one model."""
    named = [line for line in lines if line.sha256.startswith(name)]
    if len(named) != 1:
        raise LookupError(f"{len(named) or 'no'} models begin with {name!r}")
    by_name = {line.sha256: line for line in lines}
    path: list[ModelLine] = []
    line: ModelLine | None = named[0]
    while line is not None and line not in path:
        path.append(line)
        line = by_name.get(line.parent_sha256 or "")
    return path


def _newest(models: Collection[GlobalModel]) -> str | None:
    return max(models, key=lambda model: model.published_at).sha256 if models else None


def _state(sha256: str, current: str | None, record: RoundRecord | None, has_counted: bool) -> ModelState:
    if sha256 == current:
        return "current"
    if has_counted:
        return "earlier"
    return "never committed" if record is None else "rejected"


def _line(sha256: str, made: RoundRecord | None, model: GlobalModel | None, state: ModelState) -> ModelLine:
    return ModelLine(
        sha256=sha256,
        round=made.round if made else model.round if model else 0,
        parent_sha256=made.model_sha256 if made else model.parent_sha256 if model else None,
        state=state,
        devices=tuple(made.accepted) if made else (),
        aggregation=made.aggregation if made else None,
        loss=made.loss if made else None,
        made_at=made.ended_at if made else model.published_at if model else None,
        size_bytes=len(model.weights) if model and model.weights is not None else None,
        change=made.change if made else None,
        measured_by=len(made.measurements) if made else 0,
    )
