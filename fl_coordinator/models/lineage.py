"""Where each global model comes from, by the rounds on record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from contracts.messages.federation import GlobalModel, RoundPhase, RoundRecord

ModelState = Literal["current", "earlier", "never committed"]


class ModelLine(msgspec.Struct, frozen=True, kw_only=True, rename={"state": "standing"}):
    """One global model: the round that made it (0: what federation began with), what from, with whom, and how well it fits.

    `loss` is the accepted devices' mean loss after local training, `made_at` epoch seconds; `size_bytes` None: its
    weights are no longer on the models topic.
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


def model_lines(rounds: Mapping[int, RoundRecord], models: Mapping[str, GlobalModel]) -> list[ModelLine]:
    """Return every model that a round committed, the first one's parent, and those on the topic that no round names, by round."""
    committed = [
        record for record in rounds.values() if record.phase is RoundPhase.COMMITTED and record.new_model_sha256
    ]
    made = {str(record.new_model_sha256): record for record in committed}
    current = max(committed, key=lambda record: record.round).new_model_sha256 if committed else _newest(models)
    roots = {record.model_sha256 for record in committed} | ({current} if current else set())
    known = made.keys() | roots | models.keys()
    lines = [_line(sha256, made.get(sha256), models.get(sha256), current, sha256 in roots) for sha256 in known]
    return sorted(lines, key=lambda line: (line.round, line.sha256))


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


def _newest(models: Mapping[str, GlobalModel]) -> str | None:
    return max(models.values(), key=lambda model: model.published_at).sha256 if models else None


def _line(
    sha256: str, made: RoundRecord | None, model: GlobalModel | None, current: str | None, is_root: bool
) -> ModelLine:
    state: ModelState = "current" if sha256 == current else "earlier" if made or is_root else "never committed"
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
    )
