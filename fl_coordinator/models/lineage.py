"""Where each global model comes from, by the rounds on record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from contracts.federation import GlobalModel, RoundPhase, RoundRecord

Standing = Literal["current", "earlier", "never committed"]


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One global model: the round that made it (0: what federation began with), what from, with whom, and how well it fits.

    `loss` is the accepted devices' mean loss after local training, `made_at` epoch seconds; `size_bytes` None: its
    weights are no longer on the models topic.
    """

    sha256: str
    round: int
    parent_sha256: str | None
    standing: Standing
    devices: tuple[str, ...]
    aggregation: str | None
    loss: float | None
    made_at: float | None
    size_bytes: int | None


def model_lines(rounds: Mapping[int, RoundRecord], models: Mapping[str, GlobalModel]) -> list[ModelLine]:
    """Return every model that a round committed, the first one's parent, and those on the topic that no round names; by round."""
    committed = [one for one in rounds.values() if one.phase is RoundPhase.COMMITTED and one.new_model_sha256]
    made = {str(one.new_model_sha256): one for one in committed}
    current = max(committed, key=lambda one: one.round).new_model_sha256 if committed else _newest(models)
    roots = {one.model_sha256 for one in committed} | ({current} if current else set())
    known = made.keys() | roots | models.keys()
    lines = [_line(sha256, made.get(sha256), models.get(sha256), current, sha256 in roots) for sha256 in known]
    return sorted(lines, key=lambda line: (line.round, line.sha256))


def descent(lines: list[ModelLine], name: str) -> list[ModelLine]:
    """Return the model whose sha256 begins with `name` and its ancestors, youngest first; raises LookupError unless it is one."""
    found = [line for line in lines if line.sha256.startswith(name)]
    if len(found) != 1:
        raise LookupError(f"{len(found) or 'no'} models begin with {name!r}")
    by_name = {line.sha256: line for line in lines}
    path: list[ModelLine] = []
    line: ModelLine | None = found[0]
    while line is not None and line not in path:
        path.append(line)
        line = by_name.get(line.parent_sha256 or "")
    return path


def _newest(models: Mapping[str, GlobalModel]) -> str | None:
    return max(models.values(), key=lambda one: one.published_at).sha256 if models else None


def _line(
    sha256: str, made: RoundRecord | None, model: GlobalModel | None, current: str | None, is_root: bool
) -> ModelLine:
    standing: Standing = "current" if sha256 == current else "earlier" if made or is_root else "never committed"
    return ModelLine(
        sha256=sha256,
        round=made.round if made else model.round if model else 0,
        parent_sha256=made.model_sha256 if made else model.parent_sha256 if model else None,
        standing=standing,
        devices=tuple(made.accepted) if made else (),
        aggregation=made.aggregation if made else None,
        loss=made.loss if made else None,
        made_at=made.ended_at if made else model.published_at if model else None,
        size_bytes=len(model.weights) if model and model.weights is not None else None,
    )
